"""What a person is told of without asking: a run that failed, a gate that did not pass.

Belongs here: noticing. Not here: where an alert goes (``flow/alerts``).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from otc_pipelines.flow.alerts import alert
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse, WarehouseError

_SECONDS = 60
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WAIT = 1.0  # a run that writes keeps the warehouse; the next look comes soon


def alert_sensors(instance: Instance) -> list[dg.SensorDefinition]:
    """One sensor for failed runs, one for failed verdicts."""
    return [_failed_runs(instance), _failed_gates(instance)]


def _failed_runs(instance: Instance) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_failed_run",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of a run that failed, with the one line of each step that did.",
    )
    def failed_run(context: dg.RunFailureSensorContext) -> None:
        said = [f"{e.step_key}: {_why(e)}" for e in context.get_step_failure_events()]
        message = "; ".join(said) or context.failure_event.message or "the run failed"
        alert(instance, "run_failed", f"{context.dagster_run.job_name} {context.dagster_run.run_id[:8]}", message)

    return failed_run


def _why(event: dg.DagsterEvent) -> str:
    data: Any = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return str(data.error.message).strip().splitlines()[0] if data.error else "failed"


def _failed_gates(instance: Instance) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_failed_gate",
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of each suite that blocks and did not pass.",
    )
    def failed_gate(context: dg.SensorEvaluationContext) -> Iterator[dg.SkipReason]:
        yield dg.SkipReason(tell_of_verdicts(instance, context))

    return failed_gate


def tell_of_verdicts(instance: Instance, context: dg.SensorEvaluationContext) -> str:
    """Alert for every verdict since the cursor that blocks, and move the cursor; return what was done, in words."""
    warehouse = Warehouse(Warehouse.of(instance).path, wait=_WAIT)
    try:
        with warehouse.reading() as tx:
            fresh = tx.rows(
                """select decided_at, suite, target, object, passed, severity, failed_checks
                from ops.gate_verdict where decided_at > :since
                order by decided_at, suite, target, object""",
                since=datetime.fromisoformat(context.cursor) if context.cursor else _NEVER,
            )
    except WarehouseError as problem:
        return str(problem)
    told = 0
    for v in fresh:
        if not v["passed"] and v["severity"] == "block" and v["suite"] != "*":
            subject = f"{v['suite']} for {v['target']}/{v['object']}" if v["target"] else v["suite"]
            said = f"{v['failed_checks']} checks failed; nothing that it guards is delivered"
            alert(instance, "gate_failed", subject, said)
            told += 1
    if fresh:
        context.update_cursor(fresh[-1]["decided_at"].isoformat())
    return f"{len(fresh)} new verdicts, {told} alerts"
