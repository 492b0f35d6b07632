"""What a pass comes to, in a few facts: rows, quarantine with reasons, tie-out, match rate, gates, deliveries.

Belongs here: reading them together. Not here: showing them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.kit.errors import ConnectorError
from connectors.kit.money import shown
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.warehouse.publish import published

_MOST_DIFFERENCES = 10
_WORST_FIRST = ("difference", "quarantined", "not checked", "tied")


def closing(flow: Flow, steps: Sequence[StepReport]) -> dict[str, Any]:
    """Return the closing facts of a pass."""
    extracted = [s for s in steps if s.step == "extract"]
    return {
        "rows_in": sum(s.rows_in or 0 for s in extracted),
        "rows_new": sum(s.rows_new or 0 for s in extracted),
        "quarantine": quarantine_facts(flow),
        "tie_out": tie_out_facts(flow),
        "sources": source_facts(flow),
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
    """Does the subledger equal the control accounts on the days that the books state; the latest days first."""
    try:
        with published(flow.warehouse) as tx:
            counted = {
                r["status"]: r["days"]
                for r in tx.rows("select status, count(*) as days from marts.fct_tie_out group by status")
            }
            off = tx.rows(
                f"""select legal_entity, gl_account, currency, as_of, status, ledger_balance, difference,
                    base_difference
                from marts.fct_tie_out where status in ('difference', 'no account')
                order by as_of desc, legal_entity, gl_account, currency limit {_MOST_DIFFERENCES}"""  # noqa: S608
            )
            accounts = tx.scalar("select count(*) from marts.fct_tie_out where is_latest")
    except ConnectorError:
        return {}
    if set(counted) <= {"not checked"}:
        return {"status": "not checked, no control balances"}
    found: dict[str, Any] = {"status": "difference" if off else "tied", "accounts": accounts}
    if off:
        found["differences"] = [_difference(r) for r in off]
        more = sum(counted.get(s, 0) for s in ("difference", "no account")) - len(off)
        if more:
            found["differences"].append(f"and {more} more; `otc tie-out` lists them")
    return found


def source_facts(flow: Flow) -> dict[str, Any]:
    """Is what has landed what each source itself counts: entities by status, and those that differ by name."""
    try:
        with published(flow.warehouse) as tx:
            rows = tx.rows("select distinct source_system, entity, status from marts.fct_source_totals")
    except ConnectorError:
        return {}
    by_entity: dict[str, set[str]] = {}
    for r in rows:
        by_entity.setdefault(f"{r['source_system']} {r['entity']}".removesuffix(" *"), set()).add(r["status"])
    worst = {n: next(s for s in _WORST_FIRST if s in found) for n, found in by_entity.items()}
    counted = Counter(worst.values())
    return {
        **{status.replace(" ", "_"): counted[status] for status in _WORST_FIRST if counted[status]},
        "differing": sorted(n for n, status in worst.items() if status == "difference"),
    }


def _difference(row: Mapping[str, Any]) -> str:
    where = f"{row['legal_entity']} {row['gl_account'] or 'no account'} on {row['as_of']:%Y-%m-%d}"
    amount = row["ledger_balance"] if row["difference"] is None else row["difference"]
    if not amount:
        return f"{where}: {row['base_difference'].normalize():f} in base currency ({row['currency']})"
    return f"{where}: {shown(amount, row['currency'])} {row['currency']}"
