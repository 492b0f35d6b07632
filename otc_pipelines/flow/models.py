"""The dbt project as two steps, and the publishing of what it made.

Belongs here: what dbt is told about the instance, its results as a step. Not here: any model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from otc_pipelines.flow.builds import Inputs, forget, remember, standing
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.transform import (
    CONFORM,
    MARTS,
    STANDING,
    TransformReport,
    build,
    dbt_vars,
    parsed_project,
    project_dir,
    reference_values,
)
from otc_pipelines.warehouse.publish import publish, standing_copy

PARTS = {"conform": CONFORM, "marts": MARTS}
_CURRENT = {True: "views are current", False: "marts are current"}


def variables(flow: Flow) -> dict[str, Any]:
    """The variables that the project is run with for this instance, today in the company's time zone."""
    instance = flow.instance
    return dbt_vars(
        project_dir(),
        flow.connectors,
        today=instance.company.today(),
        aging_edges=instance.aging.edges,
        aging_by=instance.aging.by,
        hold_after_days=instance.hold_after_days,
        revaluation_rate_type=instance.revaluation.rate_type,
        revaluation_months=instance.revaluation.months,
        behaviour_days=instance.measures.behaviour_days,
        alarm_rate=instance.measures.alarm_rate_text,
        reference_values=reference_values(instance.measures.reference_values),
        industries=instance.industries(),
    )


def transform(flow: Flow, part: str) -> tuple[StepReport, TransformReport]:
    """Build one part of the project (``conform`` or ``marts``) and run its shape tests."""
    return transform_models(flow, part, PARTS[part])


def _step(name: str, report: TransformReport, seconds: float) -> StepReport:
    fresh = [m for m in report.models if m.status != STANDING]
    return StepReport(
        "transform",
        name,
        "done" if report.ok else "failed",
        rows_new=len(fresh),
        seconds=seconds,
        message=report.summary if fresh or not report.ok else _CURRENT[{m.schema for m in report.models} <= {*CONFORM}],
        code=0 if report.ok else 1,
        facts={"failures": [f"{r.name}: {r.message}" for r in report.failures]},
    )


def transform_models(flow: Flow, name: str, models: Sequence[str]) -> tuple[StepReport, TransformReport]:
    """Build the models named, and run the shape tests that can be run on them; what would be the same stands."""
    started = time.monotonic()
    told, target = variables(flow), flow.instance.data_dir / "dbt" / "run"
    inputs = Inputs(flow, told)
    with flow.warehouse.writing():
        with flow.warehouse.held():
            stood = standing(flow, inputs, models)
            if stood is None:
                _ = inputs.rows  # as they are before it is built of them
        if stood is None:
            report = build(project_dir(), flow.warehouse, models, told, target)
        elif stood.unsure:
            tested = build(project_dir(), flow.warehouse, stood.unsure, told, target, command="test")
            report = TransformReport((*stood.results, *tested.results), time.monotonic() - started, target)
        else:
            report = TransformReport(stood.results, time.monotonic() - started, target)
            return _step(name, report, report.seconds), report
        if report.ok:
            remember(flow, inputs, models, report)
        else:
            forget(flow)
    return _step(name, report, time.monotonic() - started), report


def manifest(flow: Flow) -> dict[str, Any]:
    """Return dbt's manifest of the project as this instance is told to build it."""
    return parsed_project(project_dir(), flow.warehouse, variables(flow), flow.instance.data_dir / "dbt" / "run")


def publish_marts(flow: Flow) -> StepReport:
    """Swap in a new copy of the marts for those who read, where the one they have is another."""
    started = time.monotonic()
    with flow.warehouse.writing():
        stood = standing_copy(flow.warehouse)
        done = stood or publish(flow.warehouse)
    return StepReport(
        "publish",
        "marts",
        rows_new=0 if stood else done.rows,
        seconds=time.monotonic() - started,
        message=f"marts are current in {done.place}" if stood else f"{done.tables} tables in {done.place}",
        facts={"bytes": done.bytes, "tables": done.tables, "stood": bool(stood)},
    )
