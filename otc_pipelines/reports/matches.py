"""Which bank lines pay what: the standing decisions, from the published marts."""

from __future__ import annotations

from typing import Any

from connectors.kit.money import shown
from otc_pipelines.reports import Report
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

COLUMNS = [
    "source",
    "bank_line_id",
    "receipt_id",
    "document_id",
    "installment_no",
    "amount",
    "currency",
    "rule",
    "score",
    "outcome",
    "reason",
]


def matches_report(instance: Instance) -> Report:
    """Return a row per bank line and instalment that it is applied to or proposed for."""
    with published(Warehouse.of(instance)) as tx:
        found = tx.rows(
            """select bank_source as source, bank_line_id, receipt_id, document_id, installment_no, amount, currency,
                rule, score, outcome, reason
            from marts.fct_match_decisions where is_current
            order by outcome, source, bank_line_id, document_id, installment_no"""
        )
    rows: list[dict[str, Any]] = [
        {**r, "amount": shown(r["amount"], r["currency"]), "score": f"{r['score'].normalize():f}"} for r in found
    ]
    outcomes = [r["outcome"] for r in rows]
    return Report(rows, COLUMNS, {"summary": {o: outcomes.count(o) for o in ("applied", "proposed", "exception")}})
