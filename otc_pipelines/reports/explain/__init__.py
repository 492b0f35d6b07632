"""From a figure to the rows of sources behind it: movements, the rows that state them, decisions, verdicts, deliveries.

Belongs here: one traversal with several entrances, one file each. Not here: printing; what aging sums (``aging``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.kit.money import shown
from otc_pipelines.reports import Report
from otc_pipelines.reports.explain.around import audited, set_aside, verdicts
from otc_pipelines.reports.explain.balances import explain_item, explain_party, explain_total
from otc_pipelines.reports.explain.delivered import explain_delivered
from otc_pipelines.reports.explain.ledger import buckets
from otc_pipelines.reports.explain.model import Figure, Question
from otc_pipelines.reports.explain.single import explain_bank_line, explain_moved
from otc_pipelines.reports.explain.source_rows import SourceRows
from otc_pipelines.reports.explain.things import find
from otc_pipelines.reports.explain.told import Asked, Told
from otc_pipelines.reports.explain.trail import COLUMNS, whole
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse

__all__ = ["Question", "explain_report"]

_ENTRANCES: dict[str, Callable[[Asked], Told]] = {
    "document": explain_item,
    "receipt": explain_item,
    "party": explain_party,
    "bucket": explain_party,
    "total": explain_total,
    "movement": explain_moved,
    "allocation": explain_moved,
    "adjustment": explain_moved,
    "bank_line": explain_bank_line,
    "delivered": explain_delivered,
}


def explain_report(instance: Instance, question: Question) -> Report:
    """Explain a thing. ``facts['differences']`` has a line for each figure that its movements do not come to.

    Amounts are text with the currency's decimals. ConfigError in one line for a thing that is unknown or ambiguous.
    """
    warehouse = Warehouse.of(instance)
    by = question.by or instance.aging.by
    as_of = question.as_of or instance.company.today()
    with warehouse.reading() as tx:
        rows = SourceRows(tx)
        thing = find(tx, question.thing, [s.name for s in instance.sources], buckets(instance.aging.edges, by))
        told = _ENTRANCES[thing.kind](Asked(instance, warehouse, tx, thing, question, as_of))
        set_aside(tx, told.trail, told.also)
        if thing.kind != "delivered":
            verdicts(tx, told.trail, question.loaded_at)
        rows.locate(told.trail.versions)
        told.trail.placed(rows.place)
        audited(tx, told.trail)
    return Report(whole(told.trail.rows), list(COLUMNS), _facts(question, told))


def _facts(question: Question, told: Told) -> dict[str, Any]:
    times = ("known_at", "loaded_at", "since_known", "since_loaded")
    asked = {name: value.isoformat() if (value := getattr(question, name)) else None for name in times}
    return {
        "thing": str(told.thing),
        "as_of": told.as_of.isoformat(),
        **asked,
        "figures": [_figure(f) for f in told.figures],
        **told.about,
        "differences": list(told.differences),
    }


def _figure(f: Figure) -> dict[str, Any]:
    def money(amount: Any, currency: str | None) -> str | None:
        return None if amount is None else shown(amount, currency)

    return {
        "figure": f.name,
        "legal_entity": f.legal_entity,
        "amount": money(f.amount, f.currency),
        "currency": f.currency,
        "base_amount": money(f.base_amount, f.base_currency) if f.compares_base else None,
        "base_currency": f.base_currency if f.compares_base else None,
        "shown": money(f.shown, f.currency),
        "shown_by": f.shown_by,
        "agrees": f.agrees,
    }
