"""Great Expectations at work: all suites in one ephemeral context over one connection, then let go of both.

Belongs here: everything that touches the library; it is imported inside the function, for it takes seconds. Not here:
what a verdict means (run). An exception, of one suite or of all, is a failed check that says so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otc_pipelines.gate import docs
from otc_pipelines.gate.model import CheckResult, GuardedBatch
from otc_pipelines.gate.suites import UNEXPECTED_ROWS, Suite
from otc_pipelines.warehouse import Warehouse

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One suite over a whole table, or over the rows of ``query``; ``label`` is what people see.

    To learn a query's columns the library fetches all of its rows; a table's it looks up.
    """

    suite: Suite
    schema: str
    label: str
    batch: GuardedBatch | None = None
    query: str = ""


@dataclass(frozen=True)
class Result:
    """What came of a job: its checks, and its page below the pages' folder."""

    checks: tuple[CheckResult, ...]
    page: str = ""


def validated(warehouse: Warehouse, jobs: Sequence[Job], values: Mapping[str, str], pages: Path) -> list[Result]:
    """Run every job and render the pages. The result has one entry a job, whatever happens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, about its own dependencies
        try:
            return _run(warehouse, jobs, values, pages)
        except Exception as problem:
            _log.debug("the gates could not be run", exc_info=True)
            return [Result((_could_not(problem),)) for _ in jobs]


def _run(warehouse: Warehouse, jobs: Sequence[Job], values: Mapping[str, str], pages: Path) -> list[Result]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    url, arguments = warehouse.sqlalchemy()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(
        "warehouse", connection_string=url, create_temp_table=False, kwargs={"connect_args": arguments}
    )
    try:
        results = [_one(gx, context, source, job, values, warehouse.built) for job in jobs]
        try:
            rendered = docs.render(context, pages)
        except Exception:
            _log.warning("the pages of the gates could not be rendered", exc_info=True)
            return results
        return [Result(r.checks, rendered.get(_name(job), "")) for r, job in zip(results, jobs, strict=True)]
    finally:
        _let_go(source)


def _one(
    gx: Any, context: Any, source: Any, job: Job, values: Mapping[str, str], built: Callable[[str], str]
) -> Result:
    name = _name(job)
    try:
        if job.query:
            asset = source.add_query_asset(name, query=job.query)
        else:
            asset = source.add_table_asset(name, table_name=job.suite.table, schema_name=job.schema)
        expectations = [_counted(e) for e in job.suite.configured(values, built)]
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=asset.add_batch_definition("rows"), suite=suite)
        result = context.validation_definitions.add(definition).run()
        checks = tuple(_check(r) for r in result.results)
    except Exception as problem:
        _log.debug("suite %s could not be run", name, exc_info=True)
        return Result((_could_not(problem),))
    if len(checks) != len(expectations) or bool(result.success) != all(c.passed for c in checks):
        told = CheckResult("Every check of the suite was made.", False, error=f"{len(checks)} of {len(expectations)}")
        checks = (*checks, told)
    return Result(checks)


def _counted(expectation: Mapping[str, Any]) -> dict[str, Any]:
    """The same check; one of unexpected rows as the one that asks its query once."""
    from otc_pipelines.gate.counted_rows import COUNTED

    return {**expectation, "type": COUNTED} if expectation["type"] == UNEXPECTED_ROWS else dict(expectation)


def _check(result: Any) -> CheckResult:
    configuration = result.expectation_config
    found = result.result or {}
    count = found.get("unexpected_count", found.get("observed_value"))
    raised = _raised(result.exception_info or {})
    what = configuration.description or configuration.type
    passed = bool(result.success) and not raised
    return CheckResult(what, passed, "" if count is None or passed else str(count), raised)


def _raised(info: Mapping[str, Any]) -> str:
    """The message of the exception that an expectation ended with, or ''; the library nests it by metric."""
    for one in (info, *(v for v in info.values() if isinstance(v, Mapping))):
        if one.get("raised_exception"):
            return _first_line(str(one.get("exception_message") or "it could not be checked"))
    return ""


def _could_not(problem: BaseException) -> CheckResult:
    return CheckResult("The suite could be run.", False, error=_first_line(f"{type(problem).__name__}: {problem}"))


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return (lines[0] if lines else "")[:300]


def _name(job: Job) -> str:
    return job.label if job.batch is None else f"{job.label}__{job.suite.table}"


def _let_go(source: Any) -> None:
    """Close both engines that the library keeps; an open one would keep the next writer out."""
    for engine in (source.get_engine(), source.get_execution_engine().engine):
        engine.dispose()
