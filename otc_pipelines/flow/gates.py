"""The gates as a step: every suite over the marts and over each batch that would leave; a report per suite.

Belongs here: which batches there are, verdicts into reports. Not here: judging (``gate/``).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence

from otc_pipelines.flow.builds import Inputs, judged, note, noted
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.models import variables
from otc_pipelines.flow.outbound import outbound_batches
from otc_pipelines.gate import GuardedBatch, SuiteVerdict, docs_path, load_suites, run_gates, standing
from otc_pipelines.naming import outbound_model
from otc_pipelines.warehouse import Tx

_JUDGED = "judged"
_STOOD = "; the verdict stands, nothing that is judged has changed"


def judge(flow: Flow) -> list[StepReport]:
    """Run every gate. A suite that blocks asks for exit code 1; one that warns is only told of.

    Where nothing is another than what was judged last, the verdicts stand as they are, those that failed too.
    """
    started = time.monotonic()
    with flow.warehouse.writing():
        with flow.warehouse.held():
            batches = _batches(flow)
            of = judged(flow, Inputs(flow, variables(flow)), batches)
            stood = _standing(flow, of, batches)
        if stood:
            suites = stood
        else:
            suites = run_gates(flow.warehouse, batches, flow.run_id, flow.actor).suites
            with flow.warehouse.transaction() as tx:
                note(tx, _JUDGED, {"of": of, "said": _said(tx), "whole": all(_could_run(v) for v in suites)})
    seconds = time.monotonic() - started
    return [_step(v, seconds if n == 0 else 0.0, bool(stood)) for n, v in enumerate(suites)]


def _batches(flow: Flow) -> list[GuardedBatch]:
    with flow.warehouse.reading() as tx:
        return [
            GuardedBatch(
                target.name,
                batch.object_name,
                outbound_model(flow.instance.source(target.source).connector, batch.object_name),
                target.source,
                batch.batch_hash,
            )
            for target, batch in outbound_batches(flow, tx)
        ]


def _standing(flow: Flow, of: str, batches: Sequence[GuardedBatch]) -> tuple[SuiteVerdict, ...]:
    """The verdicts that stand: on the same, all of them still there with their pages, none of a suite that broke."""
    with flow.warehouse.reading() as tx:
        before = noted(tx, _JUDGED)
        if before.get("of") != of or not before.get("whole") or before.get("said") != _said(tx):
            return ()
        found = tuple(verdict for _, verdict in standing(tx))
    suites = [s.table for s in load_suites()]
    objects = [None, *((b.target, b.object_name) for b in batches)]

    def nth(v: SuiteVerdict) -> tuple[int, int]:
        return objects.index((v.batch.target, v.batch.object_name) if v.batch else None), suites.index(v.suite)

    pages = docs_path(flow.warehouse)
    shown = all((pages / (v.page or "index.html")).is_file() for v in found)
    return tuple(sorted(found, key=nth)) if shown and (pages / "index.html").is_file() else ()


def _said(tx: Tx) -> list[str]:
    """The ids of the last verdicts, word for word what they say."""
    rows = tx.rows(
        """select verdict_id, suite, target, object, batch_hash, severity, passed, checks, failed_checks, details
        from ops.gate_verdict where decided_at = (select max(decided_at) from ops.gate_verdict) order by verdict_id"""
    )
    return [hashlib.sha256(json.dumps(r, sort_keys=True).encode()).hexdigest() for r in rows]


def _could_run(verdict: SuiteVerdict) -> bool:
    return bool(verdict.checks) and not any(c.error for c in verdict.checks)


def _step(verdict: SuiteVerdict, seconds: float, stood: bool) -> StepReport:
    name = verdict.suite if verdict.batch is None else f"{verdict.batch.target}/{verdict.batch.object_name}"
    return StepReport(
        "gate",
        name,
        "done" if verdict.passed else "failed" if verdict.blocks else "warned",
        rows_in=len(verdict.checks),
        seconds=seconds,
        message=f"{verdict.message}{_STOOD if stood else ''}",
        code=1 if verdict.blocks else 0,
        facts={
            "suite": verdict.suite,
            "severity": verdict.severity,
            "owner": verdict.owner,
            "checks": len(verdict.checks),
            "failed": [{"expectation": c.what, "found": c.error or c.found} for c in verdict.failed],
            "page": verdict.page,
            "standing": stood,
        },
    )
