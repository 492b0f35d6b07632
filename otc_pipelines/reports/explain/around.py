"""What stands around rows: loads and audit events, what was set aside of the same rows, the gates' verdicts.

Belongs here: reading ``ops`` about rows that were found. Not here: finding them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from otc_pipelines.reports.explain.model import Key
from otc_pipelines.reports.explain.source_rows import portions
from otc_pipelines.reports.explain.trail import Trail
from otc_pipelines.warehouse import Tx

_OF_RUNS = {"movement": "posting", "later": "posting", "decision": "decision"}
_BOOKS = ("fct_tie_out", "fct_ar_ledger", "fct_open_items", "fct_ar_aging")


def set_aside(tx: Tx, trail: Trail, also: Iterable[tuple[str, Key]] = ()) -> None:
    """Add what quarantine holds, or held, of the rows in the trail, and of ``also`` (entity, key)."""
    first: dict[tuple[str, str, str], int | None] = {(entity, *key): None for entity, key in also}
    for row in trail.of_kind("source"):
        first.setdefault((row["entity"], row["source_system"], row["key"]), row["n"])
    found: list[dict[str, Any]] = []
    for keys in portions(sorted({key for _, _, key in first})):
        found += tx.rows("select * from ops.quarantine where row_key = any(:keys)", keys=keys)
    for q in sorted(found, key=lambda q: (q["loaded_at"], q["quarantine_id"])):
        where = (q["entity"], q["source_system"], q["row_key"])
        if where in first:
            trail.add(
                "quarantine",
                first[where],
                role=f"set aside in {q['stage']}",
                status=q["status"],
                source_system=q["source_system"],
                connector=q["connector"] or None,
                entity=q["entity"],
                key=q["row_key"],
                loaded_at=q["loaded_at"],
                replaced_at=q["resolved_at"],
                source_file=q["file"],
                source_line=q["line"],
                reason=q["reason"],
                load_id=q["load_id"],
            )


def verdicts(tx: Tx, trail: Trail, until: datetime | None) -> None:
    """Add what the gates said last of the books, of all that they say by a time where one is given."""
    cut = "" if until is None else " and decided_at <= cast(:until as timestamptz)"
    bound = {} if until is None else {"until": until.isoformat()}
    rows = tx.rows(
        f"""select * from (
            select v.*, row_number() over (partition by suite order by decided_at desc, verdict_id) as nth
            from ops.gate_verdict as v where target is null and suite = any(:suites){cut}) as ordered
        where nth = 1 order by suite""",  # noqa: S608
        suites=list(_BOOKS),
        **bound,
    )
    for row in rows:
        verdict(trail, None, row)


def verdict(trail: Trail, of: int | None, row: dict[str, Any]) -> None:
    """Add one verdict of the gates."""
    passed = row["checks"] - row["failed_checks"]
    trail.add(
        "verdict",
        of,
        role=row["severity"],
        status="passed" if row["passed"] else "failed",
        key=row["suite"],
        reason=f"{passed} of {row['checks']} checks passed",
        evidence=row["batch_hash"] if row["batch_hash"] != "-" else None,
        decided_at=row["decided_at"],
        run_id=row["run_id"],
    )


def audited(tx: Tx, trail: Trail) -> None:
    """Say of each row by which event of the audit trail its load, posting, decision, verdict or delivery is kept."""
    by_load: dict[str, int] = {}
    by_run: dict[tuple[str, str], int] = {}
    by_suite: dict[tuple[str, str, str], int] = {}
    by_batch: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in tx.rows(
        "select seq, kind, details from ops.audit_event where kind in"
        " ('load', 'posting', 'decision', 'verdict', 'delivery_result') order by seq"
    ):
        details = json.loads(event["details"])
        if event["kind"] == "load":
            by_load[details["load_id"]] = event["seq"]
        elif event["kind"] == "verdict":
            by_suite[details["run_id"], details["suite"], details.get("batch_hash") or ""] = event["seq"]
        elif event["kind"] == "delivery_result":
            by_batch[details["batch_hash"], details["run_id"]].append(event["seq"])
        else:
            by_run[event["kind"], details["run_id"]] = event["seq"]
    for row in trail.rows:
        kind = row["kind"]
        if kind == "source" or (kind == "quarantine" and row.get("load_id") in by_load):
            row["audit_seq"] = by_load.get(row["load_id"])
        elif kind in _OF_RUNS:
            row["audit_seq"] = by_run.get((_OF_RUNS[kind], row["run_id"]))
        elif kind == "verdict":
            row["audit_seq"] = by_suite.get((row["run_id"], row["key"], row.get("evidence") or ""))
        elif kind == "delivery":
            seqs = [s for (batch, _), found in by_batch.items() if batch == row.get("evidence") for s in found]
            row["audit_seq"] = max(seqs, default=None)
