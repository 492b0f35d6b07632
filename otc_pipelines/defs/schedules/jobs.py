"""The jobs: what is run together.

Belongs here: selections. Not here: when they run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import dagster as dg

from otc_pipelines.defs.extract import CONFIGURED, TOTALS
from otc_pipelines.defs.publish import CLOSE

_PRINTED: dict[str, Any] = {"loggers": {"console": {}}}


@dataclass(frozen=True)
class Jobs:
    """Every job by its name. ``deliver`` is None where no target is configured."""

    pull: Any
    build: Any
    after_pull: Any
    whole_way: Any
    close_of_day: Any
    deliver: Any | None

    def __iter__(self) -> Iterator[Any]:
        return (job for f in fields(self) if (job := getattr(self, f.name)) is not None)


def jobs_of(*, delivers: bool) -> Jobs:
    """The jobs of an instance."""
    groups = dg.AssetSelection.groups
    close = dg.AssetSelection.assets(CLOSE)
    told = dg.AssetSelection.assets(*CONFIGURED, TOTALS)  # steps of the extract group that read no source
    sync = groups("reverse_sync")
    everything = dg.AssetSelection.all() - close
    later = everything - groups("extract") | told

    def job(name: str, selection: dg.AssetSelection, description: str) -> Any:
        return dg.define_asset_job(
            name, selection, config=_PRINTED, description=description, executor_def=dg.in_process_executor
        )

    return Jobs(
        pull=job("pull", groups("extract"), "Land what is new of every source."),
        build=job("build", later - sync if delivers else later, "Model, post, match, publish, judge what was landed."),
        after_pull=job("after_pull", later, "Everything after the sources: what goes on when one of them failed."),
        whole_way=job("whole_way", everything, "Every step, from the sources to the targets."),
        close_of_day=job("close_of_day", close, "Freeze who owed what when the day ended."),
        deliver=job("deliver", sync, "Plan or deliver every object of every target.") if delivers else None,
    )
