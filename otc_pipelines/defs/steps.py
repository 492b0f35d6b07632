"""How a step of the flow becomes a step of Dagster: announced, reported, its failure one line.

Belongs here: the resource that carries the pass, and the translation of reports. Not here: any asset.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import dagster as dg

from connectors.kit.errors import ConnectorError, RetriableError
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.run import Pass, failed
from otc_pipelines.settings import Instance

RESOURCE = "current"
"""Key of the resource that is the pass under way."""

T = TypeVar("T")


def pass_resource(instance: Instance, current: Pass | None) -> dg.ResourceDefinition:
    """The pass under way: the one given, else a new one for each run, with the run's own id."""
    if current is not None:
        return dg.ResourceDefinition.hardcoded_resource(current)

    def begin(context: dg.InitResourceContext) -> Pass:
        run_id = (context.run_id or "").replace("-", "")
        return Pass(Flow(instance, run_id=run_id) if run_id else Flow(instance))

    return dg.ResourceDefinition(begin, description="The pass under way: instance, warehouse, who runs it.")


def current_pass(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Pass:
    """Return the pass that a step belongs to."""
    return cast(Pass, getattr(context.resources, RESOURCE))


def attempted(current: Pass, step: str, name: str, work: Callable[[], T]) -> T:
    """Do the work of a step. A vendor's or the warehouse's error is reported and becomes Dagster's failure."""
    current.announce(f"{step} {name}" if step != name else step)
    try:
        return work()
    except ConnectorError as problem:
        current.done(failed(step, name, problem))
        raise dg.Failure(str(problem), allow_retries=isinstance(problem, RetriableError)) from None


def finished(current: Pass, report: StepReport) -> StepReport:
    """Tell the pass what a step did; a failed one becomes Dagster's failure with the same one line."""
    current.done(report)
    if report.status == "failed":
        retriable = bool(report.facts.get("retriable"))
        raise dg.Failure(report.message, metadata=numbers(report), allow_retries=retriable)
    return report


def numbers(report: StepReport) -> dict[str, Any]:
    """The countable part of a report, as metadata that Dagster draws over time."""
    counted = {"rows_in": report.rows_in, "rows_new": report.rows_new, "quarantined": report.quarantined}
    return {**{k: v for k, v in counted.items() if v is not None}, "seconds": round(report.seconds, 3)}


@dg.logger(config_schema={}, description="Says nothing: what happened is in the run's events.")
def silent(_context: dg.InitLoggerContext) -> logging.Logger:
    """Keep a run's log lines off the terminal."""
    quiet = logging.Logger("otc.silent", level=logging.CRITICAL + 1)
    quiet.addHandler(logging.NullHandler())
    return quiet
