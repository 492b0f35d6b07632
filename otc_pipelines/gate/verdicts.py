"""Verdicts in the warehouse: stored for the hash of exactly the rows that were judged.

Belongs here: writing and reading ``ops.gate_verdict``. Not here: judging (run), what a delivery asks
(``reverse_sync``). The verdict over all suites that guard a batch has the suite name ``*``; delivery asks for that one.
Verdicts that say what the last ones said are not stored.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from otc_pipelines.audit import Event, append_many
from otc_pipelines.gate.model import BatchVerdict, CheckResult, GateReport, GuardedBatch, SuiteVerdict
from otc_pipelines.naming import WHOLE_BATCH
from otc_pipelines.warehouse import Tx

NO_BATCH = "-"
_SAID = ("suite", "target", "object", "batch_hash", "severity", "passed", "checks", "failed_checks", "details")


def store(tx: Tx, report: GateReport, run_id: str, actor: str) -> bool:
    """Store and audit the verdicts of a run; return False if they are word for word the last ones."""
    rows = [*map(_suite_row, report.suites), *map(_batch_row, report.batches)]
    if _same(rows, _last(tx)):
        return False
    now = datetime.now(UTC)
    stamped = [{"verdict_id": uuid.uuid4().hex, "run_id": run_id, "decided_at": now, **row} for row in rows]
    tx.insert("ops.gate_verdict", stamped)
    append_many(tx, _events(report, run_id, actor))
    return True


def standing(tx: Tx) -> list[tuple[str, SuiteVerdict]]:
    """Return the suites' verdicts as they stand, those of the last run of the gates, each with the run's id."""
    rows = tx.rows(
        f"select run_id, {', '.join(_SAID)} from ops.gate_verdict where suite <> :whole and decided_at ="  # noqa: S608
        " (select max(decided_at) from ops.gate_verdict) order by suite, target, object",
        whole=WHOLE_BATCH,
    )
    return [(str(r["run_id"]), _verdict(r)) for r in rows]


def _verdict(row: dict[str, Any]) -> SuiteVerdict:
    """A verdict as it was stored: of checks that held nothing is kept but how many."""
    said = json.loads(row["details"])
    failed = [CheckResult(f["check"], False, f["found"], f["error"]) for f in said["failed"]]
    held = [CheckResult("", True)] * (row["checks"] - len(failed))
    batch = (
        GuardedBatch(row["target"], row["object"], row["suite"], "", row["batch_hash"])
        if row["target"] is not None
        else None
    )
    return SuiteVerdict(
        row["suite"], row["severity"], said["owner"], (*failed, *held), batch, tuple(said["notes"]), said["page"]
    )


def _suite_row(verdict: SuiteVerdict) -> dict[str, Any]:
    batch = verdict.batch
    details = {
        "owner": verdict.owner,
        "notes": list(verdict.notes),
        "failed": [{"check": c.what, "found": c.found, "error": c.error} for c in verdict.failed],
        "page": verdict.page,
    }
    return {
        "suite": verdict.suite,
        "target": batch.target if batch else None,
        "object": batch.object_name if batch else None,
        "batch_hash": batch.batch_hash if batch else NO_BATCH,
        "severity": verdict.severity,
        "passed": verdict.passed,
        "checks": len(verdict.checks),
        "failed_checks": len(verdict.failed),
        "details": _text(details),
    }


def _batch_row(verdict: BatchVerdict) -> dict[str, Any]:
    return {
        "suite": WHOLE_BATCH,
        "target": verdict.batch.target,
        "object": verdict.batch.object_name,
        "batch_hash": verdict.batch.batch_hash,
        "severity": "block",
        "passed": verdict.passed,
        "checks": sum(len(s.checks) for s in verdict.suites),
        "failed_checks": sum(len(s.failed) for s in verdict.suites if s.severity == "block"),
        "details": _text({"suites": {s.suite: s.passed for s in verdict.suites}}),
    }


def _last(tx: Tx) -> list[dict[str, Any]]:
    """The verdicts of the last run."""
    return tx.rows(
        f"select {', '.join(_SAID)} from ops.gate_verdict where decided_at ="  # noqa: S608
        " (select max(decided_at) from ops.gate_verdict)"
    )


def _same(rows: list[dict[str, Any]], last: list[dict[str, Any]]) -> bool:
    return sorted(map(_text, rows)) == sorted(map(_text, last))


def _events(report: GateReport, run_id: str, actor: str) -> Iterator[Event]:
    for v in report.suites:
        batch = v.batch
        details = {
            "run_id": run_id,
            "suite": v.suite,
            "severity": v.severity,
            "passed": v.passed,
            "checks": len(v.checks),
            "failed_checks": len(v.failed),
        }
        if batch:
            details |= {"target": batch.target, "object": batch.object_name, "batch_hash": batch.batch_hash}
        yield Event("verdict", v.suite, details, actor)
    for b in report.batches:
        details = {
            "run_id": run_id,
            "suite": WHOLE_BATCH,
            "target": b.batch.target,
            "object": b.batch.object_name,
            "batch_hash": b.batch.batch_hash,
            "passed": b.passed,
            "guards": [s.suite for s in b.suites],
        }
        yield Event("verdict", f"{b.batch.target}/{b.batch.object_name}", details, actor)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
