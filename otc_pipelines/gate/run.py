"""Running the suites and coming to verdicts.

Belongs here: which suite runs for what, the values that suites refer to, the notes. Not here: Great Expectations itself
(validate), reading suites (suites), storing (verdicts), pages (docs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otc_pipelines.audit import audited
from otc_pipelines.gate import docs, verdicts
from otc_pipelines.gate.model import BatchVerdict, CheckResult, GateReport, GuardedBatch, SuiteVerdict
from otc_pipelines.gate.suites import Note, Suite, load_suites
from otc_pipelines.gate.validate import Job, validated
from otc_pipelines.warehouse import Tx, Warehouse

_BUCKET = re.compile(r"not_due|d\d+_(\d+|plus)")
_SAFE = re.compile(r"[a-z][a-z0-9_]*")


def docs_path(warehouse: Warehouse) -> Path:
    """Where the pages of this warehouse's gates are; open ``index.html``."""
    return warehouse.folder / "data_docs"


def run_gates(
    warehouse: Warehouse,
    batches: Sequence[GuardedBatch],
    run_id: str,
    actor: str,
    suites: Sequence[Suite] | None = None,
) -> GateReport:
    """Judge the marts and each batch, store the verdicts, render the pages. A suite that cannot run has failed."""
    suites = load_suites() if suites is None else suites
    with warehouse.writing():
        with warehouse.reading() as tx:
            jobs = _jobs(tx, suites, batches, warehouse)
            values = _values(tx, warehouse)
            notes = {s.table: _notes(tx, s, warehouse) for s in suites if not s.outbound}
        results = validated(warehouse, jobs, values, docs_path(warehouse))
        found = tuple(
            SuiteVerdict(
                job.suite.table,
                job.suite.severity,
                job.suite.owner,
                result.checks,
                job.batch,
                notes.get(job.suite.table, ()),
                result.page,
            )
            for job, result in zip(jobs, results, strict=True)
        )
        report = GateReport(found, tuple(_of_batch(b, suites, found) for b in batches))
        with audited(warehouse) as tx:
            verdicts.store(tx, report, run_id, actor)
        docs.write_index(docs_path(warehouse), report)
    return report


def _jobs(tx: Tx, suites: Sequence[Suite], batches: Sequence[GuardedBatch], warehouse: Warehouse) -> list[Job]:
    built_in = {"marts": warehouse.marts_built_in}
    jobs = [Job(s, built_in.get(s.schema, s.schema), s.table) for s in suites if not s.outbound]
    for batch in batches:
        for name in (batch.table, batch.source):
            if not _SAFE.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of an outbound table or a source")
        for suite in suites:
            if suite.outbound and suite.guarding(batch.table):
                where = f"{suite.schema}.{suite.table} where target_source"
                others = _asked(tx, f"select 1 from {where} is distinct from '{batch.source}' limit 1")  # noqa: S608
                query = f"select * from {where} = '{batch.source}'" if others else ""  # noqa: S608
                jobs.append(Job(suite, suite.schema, f"{batch.target}__{batch.object_name}", batch, query))
    return jobs


def _of_batch(batch: GuardedBatch, suites: Sequence[Suite], found: Sequence[SuiteVerdict]) -> BatchVerdict:
    """The suites that guard a batch; a batch that no suite of its own guards fails by that."""
    guarding = {s.table for s in suites if s.guarding(batch.table)}
    verdicts_of = tuple(v for v in found if v.suite in guarding and v.batch in (None, batch))
    if not any(v.batch == batch for v in verdicts_of):
        missing = CheckResult(f"No suite guards the rows of {batch.table}; add {batch.table}.json", False)
        none = SuiteVerdict(batch.table, "block", "team:controllership", (missing,), batch)
        return BatchVerdict(batch, (*verdicts_of, none))
    return BatchVerdict(batch, verdicts_of)


def _values(tx: Tx, warehouse: Warehouse) -> dict[str, str]:
    """What ``$name`` stands for in a suite: the day that the marts hold for, the sum of the aging buckets."""
    today = datetime.now(UTC).date()
    as_of = _asked(tx, warehouse.built("select max(as_of) from marts.fct_party_ar_status")) or today
    columns: list[Any] = []
    try:
        with tx.attempt():
            columns = tx.arrow(warehouse.built("select * from marts.fct_ar_aging limit 0")).column_names
    except Exception:
        columns = []  # the suite of that table says so
    buckets = [c for c in columns if _BUCKET.fullmatch(c)]
    return {"as_of": f"cast('{as_of:%Y-%m-%d}' as date)", "buckets": f"({' + '.join(buckets) or '0'})"}


def _notes(tx: Tx, suite: Suite, warehouse: Warehouse) -> tuple[str, ...]:
    counts = [(note, _asked(tx, warehouse.built(note.count))) for note in suite.notes]
    return tuple(note.say.format(n=n, names=_named(tx, note, warehouse)) for note, n in counts if n)


def _named(tx: Tx, note: Note, warehouse: Warehouse) -> str:
    return str(_asked(tx, warehouse.built(note.names)) or "") if note.names else ""


def _asked(tx: Tx, sql: str) -> Any:
    """A value, or None where its table is not there: the suite of that table then fails and says so."""
    try:
        with tx.attempt():
            return tx.scalar(sql)
    except Exception:
        return None
