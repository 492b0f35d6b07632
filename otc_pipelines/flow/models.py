"""The dbt project as two steps, and the publishing of what it made.

Belongs here: what dbt is told about the instance, its results as a step. Not here: any model.
"""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.views import edition, forget, remember, standing
from otc_pipelines.transform import (
    CONFORM,
    MARTS,
    STANDING,
    NodeResult,
    TransformReport,
    build,
    dbt_vars,
    parsed_project,
    project_dir,
)
from otc_pipelines.warehouse.publish import publish

PARTS = {"conform": CONFORM, "marts": MARTS}


def variables(flow: Flow) -> dict[str, Any]:
    """The variables that the project is run with for this instance, today in the company's time zone."""
    instance = flow.instance
    today = datetime.now(zoneinfo.ZoneInfo(instance.company.timezone)).date()
    return dbt_vars(
        project_dir(),
        flow.connectors,
        today=today,
        aging_edges=instance.aging.edges,
        aging_by=instance.aging.by,
        hold_after_days=instance.hold_after_days,
        revaluation_rate_type=instance.revaluation.rate_type,
        revaluation_months=instance.revaluation.months,
    )


def transform(flow: Flow, part: str) -> tuple[StepReport, TransformReport]:
    """Build one part of the project (``conform`` or ``marts``) and run its shape tests."""
    return transform_models(flow, part, PARTS[part], views=part == "conform")


def _step(name: str, report: TransformReport, seconds: float) -> StepReport:
    return StepReport(
        "transform",
        name,
        "done" if report.ok else "failed",
        rows_new=len(report.models),
        seconds=seconds,
        message=report.summary,
        code=0 if report.ok else 1,
        facts={"failures": [f"{r.name}: {r.message}" for r in report.failures]},
    )


def transform_models(
    flow: Flow, name: str, models: Sequence[str], *, views: bool
) -> tuple[StepReport, TransformReport]:
    """Build the models named, and run the shape tests that can be run on them.

    ``views``: they hold no rows; while neither the project nor what it is told has changed, they stand as they are.
    """
    started = time.monotonic()
    told, target = variables(flow), flow.instance.data_dir / "dbt" / "run"
    of = edition(told) if views else ""
    built = standing(flow, of) if views else ()
    if views and {*built} >= {*models}:
        stood = tuple(NodeResult(m, "model", STANDING, 0.0, "") for m in built if m in models)
        seconds = time.monotonic() - started
        step = StepReport("transform", name, rows_new=0, seconds=seconds, message="views are current")
        return step, TransformReport(stood, seconds, target)
    with flow.warehouse.writing():
        report = build(project_dir(), flow.warehouse, models, told, target)
        if views and report.ok:
            remember(flow, of, [*(m.name for m in report.models), *models])
        elif views:
            forget(flow)
    return _step(name, report, time.monotonic() - started), report


def manifest(flow: Flow) -> dict[str, Any]:
    """Return dbt's manifest of the project as this instance is told to build it."""
    return parsed_project(project_dir(), flow.warehouse, variables(flow), flow.instance.data_dir / "dbt" / "run")


def publish_marts(flow: Flow) -> StepReport:
    """Swap in a new copy of the marts for those who read."""
    started = time.monotonic()
    done = publish(flow.warehouse)
    return StepReport(
        "publish",
        "marts",
        rows_new=done.rows,
        seconds=time.monotonic() - started,
        message=f"{done.tables} tables in {done.place}",
        facts={"bytes": done.bytes, "tables": done.tables},
    )
