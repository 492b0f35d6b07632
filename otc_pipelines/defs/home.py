"""Dagster's own folder for an instance: its settings, its runs, its events.

Belongs here: what Dagster is told about itself. Not here: any asset, job or schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from connectors.kit.errors import FatalError
from otc_pipelines.settings import Instance

# One run at a time: the embedded warehouse has one writing process. Nothing that is printed is kept: a vendor's library
# may print what must not be stored; what happened is in the run's events.
_SETTINGS: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 1}},
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
    "freshness": {"enabled": True},
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 300},
    "retention": {"sensor": {"purge_after_days": 7}, "schedule": {"purge_after_days": 90}},
}


def dagster_home(instance: Instance) -> Path:
    """Write the settings and return the folder. FatalError when it cannot be written."""
    home = instance.data_dir / "dagster"
    text = "# Written at each start; what is changed here does not stay.\n" + yaml.safe_dump(_SETTINGS, sort_keys=False)
    path = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise FatalError(f"{home} cannot be written: {problem.strerror or problem}; change data_dir") from None
    return home


@contextmanager
def dagster_instance(instance: Instance) -> Iterator[dg.DagsterInstance]:
    """Open the instance's record of runs, the same that ``otc ui`` shows."""
    with dg.DagsterInstance.from_config(str(dagster_home(instance))) as opened:
        yield opened
