"""What a person is told of without asking: a run that failed, a gate that did not pass, a source that fell silent.

Belongs here: noticing, from Dagster's record and from the warehouse, and noticing that it is over. Not here: what is
worth an alert (``flow/occurrences``), where an alert goes (``flow/alerts``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from otc_pipelines.defs.failures import why
from otc_pipelines.defs.gate import REFUSED
from otc_pipelines.flow.alerts import Occurrence, key_of, tell
from otc_pipelines.flow.occurrences import of_verdict, silent_sources, standing_gates
from otc_pipelines.naming import BY_DAGSTER
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse, WarehouseError

_SECONDS, _QUARTER = 60, 900
_WAIT = 1.0  # a run that writes keeps the warehouse; the next look comes soon
_UNNAMED = "__"  # how Dagster's own jobs begin, such as that of assets chosen by hand


def alert_sensors(instance: Instance) -> list[dg.SensorDefinition]:
    """One sensor for failed runs, one for those that went well again, one for gates; one for silence, if it matters."""
    watched = any(s.longest_silence for s in instance.sources)
    return [_failed_runs(instance), _good_runs(instance), _failed_gates(instance)] + (
        [_silent_sources(instance)] if watched else []
    )


def _failed_runs(instance: Instance) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_failed_run",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of a run that failed: which step, or which check, and why. Once while it lasts.",
    )
    def failed_run(context: dg.RunFailureSensorContext) -> None:
        tell_of_run(instance, context)

    return failed_run


def _good_runs(instance: Instance) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_over",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Notes that what failed goes well again, so that the next failure is told anew.",
    )
    def good_run(context: dg.RunStatusSensorContext) -> None:
        tell(instance, [], [_job(context).key, *_went_well(context)])

    return good_run


def tell_of_run(instance: Instance, context: dg.RunStatusSensorContext) -> int:
    """Tell of each step and each check that made a run fail; of the run itself where none did. Return how many."""
    run_id = context.dagster_run.run_id
    refused = _refused(context)
    found = []
    for event in _events(context, dg.DagsterEventType.STEP_FAILURE):
        step = str(event.step_key)
        found += refused.get(step) or [Occurrence("run_failed", step, why(event), _where(context), run_id, BY_DAGSTER)]
    return tell(instance, found or [_job(context)], _went_well(context))


def _refused(context: dg.RunStatusSensorContext) -> dict[str, list[Occurrence]]:
    """What checks said that stop a run, by step: a gate's as its verdict is told, any other by its own name."""
    found: dict[str, list[Occurrence]] = {}
    for event in _events(context, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check: Any = event.event_specific_data
        if check.passed or not check.blocking or check.severity is not dg.AssetCheckSeverity.ERROR:
            continue
        run_id, table = context.dagster_run.run_id, check.asset_key.path[-1]
        said = check.description or "it did not hold"
        batches: list[str] = check.metadata[REFUSED].value if REFUSED in check.metadata else []
        told = [
            of_verdict(table, target, name, said, run_id) for target, _, name in (b.partition("/") for b in batches)
        ]
        named = f"check {check.check_name} of {check.asset_key.to_user_string()}"
        found.setdefault(str(event.step_key), []).extend(
            told or [Occurrence("run_failed", named, said, _where(context), run_id, BY_DAGSTER)]
        )
    return found


def _job(context: dg.RunStatusSensorContext) -> Occurrence:
    """The run as a whole: what failed where no step did, and is over when a run of that job goes well."""
    name = context.dagster_run.job_name
    subject = "a run of chosen assets" if name.startswith(_UNNAMED) else f"job {name}"
    said = context.dagster_event.message or "the run failed"
    return Occurrence("run_failed", subject, said, _where(context), context.dagster_run.run_id, BY_DAGSTER)


def _went_well(context: dg.RunStatusSensorContext) -> list[str]:
    """The keys of the steps and checks that went well in a run, whichever job it was."""
    steps = [str(e.step_key) for e in _events(context, dg.DagsterEventType.STEP_SUCCESS)]
    evaluated: list[Any] = [e.event_specific_data for e in _events(context, dg.DagsterEventType.ASSET_CHECK_EVALUATION)]
    checks = [f"check {c.check_name} of {c.asset_key.to_user_string()}" for c in evaluated if c.passed]
    return [key_of("run_failed", subject, BY_DAGSTER) for subject in (*steps, *checks)]


def _events(context: dg.RunStatusSensorContext, kind: dg.DagsterEventType) -> Iterator[dg.DagsterEvent]:
    run_id = context.dagster_run.run_id
    for record in context.instance.get_records_for_run(run_id=run_id, of_type=kind).records:
        if record.event_log_entry.dagster_event is not None:
            yield record.event_log_entry.dagster_event


def _where(context: dg.RunStatusSensorContext) -> str:
    run = context.dagster_run
    job = "" if run.job_name.startswith(_UNNAMED) else f", a run of {run.job_name}"
    return f"/runs/{run.run_id} in `otc ui`{job}"


def _failed_gates(instance: Instance) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_failed_gate",
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of each suite that blocks and does not pass, once while it lasts; tries again what waits.",
    )
    def failed_gate(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(tell_of_gates(instance))

    return failed_gate


def tell_of_gates(instance: Instance) -> str:
    """Tell of the gates that block as things stand; return what was done, in words."""
    try:
        blocked, over = standing_gates(Warehouse.of(instance, wait=_WAIT))
    except WarehouseError as problem:
        tell(instance, [])  # what waits is tried again all the same
        return str(problem)
    told = tell(instance, blocked, over)
    return f"{len(blocked)} of {len(blocked) + len(over)} verdicts block, {told} told"


def _silent_sources(instance: Instance) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_silent_source",
        minimum_interval_seconds=_QUARTER,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of each source that brought nothing new for longer than its expect_every, once.",
    )
    def silent(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        found, heard = silent_sources(instance, Warehouse.of(instance, wait=_WAIT))
        told = tell(instance, found, heard)
        return dg.SkipReason(f"{len(found)} sources are silent, {told} told")

    return silent
