"""A whole pass through Dagster, in this process, recorded where ``otc ui`` shows it; reported like a plain pass.

Belongs here: running the job and reading what became of it. Not here: the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from connectors.kit.errors import FatalError
from otc_pipelines.defs.home import dagster_instance, located
from otc_pipelines.defs.house import build_defs
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.run import Listener, Pass, RunReport
from otc_pipelines.naming import sync_asset
from otc_pipelines.settings import load

_QUIET: dict[str, Any] = {"loggers": {"silent": {}}}


def run_whole_way(
    config_path: str | Path,
    listen: Listener = lambda _report: None,
    announce: Callable[[str], None] = lambda _name: None,
) -> RunReport:
    """Run every step once, as the job ``whole_way``. A source that fails stops no other: the rest goes on without it.

    Raises ConfigError before anything is done, WarehouseError when the warehouse cannot be written.
    """
    flow = Flow(load(config_path))
    current = Pass(flow, listen, announce)
    with flow.warehouse.writing(), dagster_instance(flow.instance) as recorded:
        current.begin()
        announce("read the models")
        defs = build_defs(flow.instance, current=current, retries=dg.RetryPolicy(max_retries=0))
        result = _run(defs, "whole_way", recorded, flow)
        if any(s.step == "extract" and s.status == "failed" for s in current.report.steps):
            result = _run(defs, "after_pull", recorded, flow)
        _not_delivered(current, result)
        return current.close()


def _run(defs: dg.Definitions, name: str, recorded: dg.DagsterInstance, flow: Flow) -> dg.ExecuteInProcessResult:
    """Run a job; a step that failed other than by a failure of ours is a defect, and is raised."""
    result = defs.resolve_job_def(name).execute_in_process(
        instance=recorded, run_config=_QUIET, raise_on_error=False, tags={"actor": flow.actor, "started_by": "otc"}
    )
    located(recorded, result.run_id)
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data is None:
            error = event.step_failure_data.error
            cause = error.cause or error if error else None
            said = cause.message.strip() if cause else "no message"
            raise FatalError(f"step {event.step_key} broke: {said}; run it in `otc ui` to see where")
    return result


def _not_delivered(current: Pass, result: dg.ExecuteInProcessResult) -> None:
    """A delivery that a failed gate kept from starting is reported too."""
    if result.success or not any(s.step == "gate" and s.code for s in current.report.steps):
        return
    told = {s.name for s in current.report.steps if s.step == "deliver"}
    made = {e.asset_key for e in result.get_asset_materialization_events()}
    for target in current.flow.instance.targets:
        for object_name in target.objects if target.mode == "deliver" else ():
            name = f"{target.name}/{object_name}"
            if name not in told and dg.AssetKey(sync_asset(target.name, object_name)) not in made:
                current.done(StepReport("deliver", name, "skipped", message="a gate that guards it failed", code=1))
