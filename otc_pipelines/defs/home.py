"""Dagster's own folder: its settings, where its runs and events are kept, where the code location is.

Belongs here: what Dagster is told about itself, on one machine and as a server. Not here: any asset, job or schedule.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

from connectors.kit.errors import ConfigError, FatalError
from otc_pipelines.settings import Instance

LOCATION = "order_to_cash"
"""Name of the code location: schedules and sensors that were turned on are remembered under it."""
STORAGE = "OTC_DAGSTER_URL"
"""Variable with the PostgreSQL URL of Dagster's runs and events; unset, they are files in its folder."""

# One run at a time: a warehouse has one writing process. Nothing that is printed is kept: a vendor's library
# may print what must not be stored; what happened is in the run's events, all of them, whatever the log's level is.
SETTINGS: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "python_logs": {"python_log_level": "INFO"},
    "concurrency": {"runs": {"max_concurrent_runs": 1}},
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
    "freshness": {"enabled": True},
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 300},
    "retention": {"sensor": {"purge_after_days": 7}, "schedule": {"purge_after_days": 90}},
}
_EVENTS = {"module": "otc_pipelines.defs.record", "class": "EventRecord"}
_DRIVER = "postgresql+psycopg2://"
_GOING_ON = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def dagster_home(instance: Instance) -> Path:
    """Write the settings into the instance's own folder and return it. FatalError when it cannot be written."""
    return settled(instance.data_dir / "dagster")


def settled(home: Path, code: tuple[str, int] | None = None) -> Path:
    """Write Dagster's settings into a folder and return it; ``code``: host and port of the code location.

    The storage's URL is named in the file, never written into it. ConfigError where PostgreSQL is asked for and cannot
    be had, FatalError when the folder cannot be written.
    """
    written = {"dagster.yaml": SETTINGS | _storage(home)}
    if code is not None:
        server = {"host": code[0], "port": code[1], "location_name": LOCATION}
        written["workspace.yaml"] = {"load_from": [{"grpc_server": server}]}
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            text = "# Written at each start; what is changed here does not stay.\n"
            text += yaml.safe_dump(content, sort_keys=False)
            path = home / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise FatalError(f"{home} cannot be written: {problem.strerror or problem}; change data_dir") from None
    return home


def _storage(home: Path) -> dict[str, Any]:
    url = os.environ.get(STORAGE, "")
    if not url:
        return {"event_log_storage": _EVENTS | {"config": {"base_dir": str(home / "history" / "runs")}}}
    if not url.startswith(_DRIVER):  # without it SQLAlchemy takes a driver that dagster-postgres does not bring
        raise ConfigError(f"{STORAGE} must begin with {_DRIVER}; write {_DRIVER}user:password@host/name")
    if importlib.util.find_spec("dagster_postgres") is None:
        raise ConfigError(f"{STORAGE} is set and dagster-postgres is not installed; install otc-pipelines[deploy]")
    return {"storage": {"postgres": {"postgres_url": {"env": STORAGE}}}}


@contextmanager
def dagster_instance(instance: Instance) -> Iterator[dg.DagsterInstance]:
    """Open the instance's record of runs, the same that ``otc ui`` shows."""
    with opened(dagster_home(instance)) as found:
        yield found


@contextmanager
def opened(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the record of runs that a folder's settings name. FatalError when its database does not answer."""
    try:
        found = dg.DagsterInstance.from_config(str(home))
    except Exception as problem:
        if type(problem).__name__ != "DagsterPostgresException":  # not installed where the record is in files
            raise
        said = str(problem.__cause__ or problem).strip().splitlines()[0]
        raise FatalError(f"Dagster's database ({STORAGE}) does not answer: {said}") from None
    with found:
        yield found


def located(record: dg.DagsterInstance, run_id: str) -> None:
    """Say that a run of this process is the code location's: the UI's timeline leaves out what is of none."""
    run = record.get_run_by_id(run_id)
    if run is None:
        return
    place = RemoteRepositoryOrigin(
        code_location_origin=RegisteredCodeLocationOrigin(location_name=LOCATION),
        repository_name=SINGLETON_REPOSITORY_NAME,
    )
    record.add_run_tags(run_id, {REPOSITORY_LABEL_TAG: place.get_label()})
    record.run_storage.replace_job_origin(run, RemoteJobOrigin(repository_origin=place, job_name=run.job_name))


def end_orphans(record: dg.DagsterInstance) -> int:
    """Mark the runs that still count as going on as failed; return how many.

    For the one place that executes runs, before it serves: whatever was going on ended with its last process, and
    would keep every later run waiting.
    """
    found = record.get_runs(dg.RunsFilter(statuses=list(_GOING_ON)))
    for run in found:
        record.report_run_failed(run, "The code location was stopped while this run was going on; start it again.")
    return len(found)
