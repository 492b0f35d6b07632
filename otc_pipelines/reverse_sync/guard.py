"""The verdict that a delivery needs: stored, passing, for exactly this batch, and the latest one.

Belongs here: reading it. Not here: making it (the gate). Delivery asks by itself, however it was started.
"""

from __future__ import annotations

import json

from otc_pipelines.naming import WHOLE_BATCH
from otc_pipelines.warehouse import Tx


def refusal(tx: Tx, target: str, object_name: str, batch_hash: str) -> str:
    """Why this batch may not be delivered, or ''."""
    found = tx.rows(
        "select passed, failed_checks, decided_at, details from ops.gate_verdict where target = :target"
        " and object = :object and batch_hash = :batch_hash and suite = :suite"
        " order by decided_at desc, passed limit 1",
        target=target,
        object=object_name,
        batch_hash=batch_hash,
        suite=WHOLE_BATCH,
    )
    if not found:
        return "no gate has judged exactly these rows; run the gates first"
    (verdict,) = found
    if verdict["passed"]:
        return ""
    blocking = tx.rows(
        "select distinct suite from ops.gate_verdict where decided_at = :decided_at and severity = 'block'"
        " and not passed and suite <> :whole order by suite",
        decided_at=verdict["decided_at"],
        whole=WHOLE_BATCH,
    )
    guarding = json.loads(verdict["details"] or "{}").get("suites", {})
    named = ", ".join(r["suite"] for r in blocking if r["suite"] in guarding)
    what = f"failed checks: {verdict['failed_checks']}" + (f", in {named}" if named else "")
    return f"the gates failed for these rows ({what}); see data_docs/index.html in data_dir"
