"""What a pass comes to, in a few facts: rows, quarantine with reasons, tie-out, match rate, gates, deliveries.

Belongs here: reading them together. Not here: showing them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from connectors.kit.errors import ConnectorError
from connectors.kit.money import shown
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.warehouse.publish import published


def closing(flow: Flow, steps: Sequence[StepReport]) -> dict[str, Any]:
    """Return the closing facts of a pass."""
    extracted = [s for s in steps if s.step == "extract"]
    return {
        "rows_in": sum(s.rows_in or 0 for s in extracted),
        "rows_new": sum(s.rows_new or 0 for s in extracted),
        "quarantine": quarantine_facts(flow),
        "tie_out": tie_out_facts(flow),
        "matches": next((s.facts for s in steps if s.step == "match"), {}),
        "gates": {s.name: s.status for s in steps if s.step == "gate"},
        "deliveries": {s.name: s.message for s in steps if s.step == "deliver"},
        "schema": schema_fact(flow),
    }


def quarantine_facts(flow: Flow) -> dict[str, Any]:
    """How many rows wait in quarantine, and the commonest reasons by source and entity."""
    try:
        with flow.warehouse.reading() as tx:
            rows = tx.rows(
                """select source_system, entity, reason from ops.quarantine where status = 'open'
                order by source_system, entity, reason"""
            )
    except ConnectorError:
        return {}
    reasons = Counter(f"{r['source_system']}/{r['entity']}: {r['reason']}" for r in rows)
    return {"open": len(rows), "reasons": dict(reasons.most_common(5))}


def schema_fact(flow: Flow) -> str | None:
    """Name of the last migration that the warehouse has had."""
    try:
        with flow.warehouse.reading() as tx:
            return str(tx.scalar("select max(name) from ops.schema_version"))
    except ConnectorError:
        return None


def tie_out_facts(flow: Flow) -> dict[str, Any]:
    """Does the subledger equal the control account, by legal entity, account and currency."""
    try:
        with published(flow.warehouse) as tx:
            rows = tx.rows(
                """select legal_entity, gl_account, currency, status, difference from marts.fct_tie_out
                order by legal_entity, gl_account, currency"""
            )
    except ConnectorError:
        return {}
    if not any(r["status"] != "not checked" for r in rows):
        return {"status": "not checked, no control balances"}
    off = [r for r in rows if r["status"] == "difference"]
    found: dict[str, Any] = {"status": "difference" if off else "tied", "accounts": len(rows)}
    if off:
        found["differences"] = [
            f"{r['legal_entity']} {r['gl_account']}: {shown(r['difference'], r['currency'])} {r['currency']}"
            for r in off
        ]
    return found
