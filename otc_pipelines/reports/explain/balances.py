"""Balances: of a document, a receipt, a party, one of its buckets, a legal entity; each is a column of aging.

Belongs here: which movements belong to which of these, and which rows of aging show them. Not here: their evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from otc_pipelines.reports.explain.figures import aged_figures
from otc_pipelines.reports.explain.ledger import bucket_of, movements, open_only
from otc_pipelines.reports.explain.model import Key, Moved
from otc_pipelines.reports.explain.told import Asked, Told, disagreeing, listed
from otc_pipelines.reports.explain.trail import Trail

_ITEM_TYPES = {"document": ("installment", "credit_memo"), "receipt": ("receipt",)}


def explain_item(asked: Asked) -> Told:
    """Explain what is open of a document, or unapplied of a receipt: every movement it ever had by the day."""
    thing = asked.thing
    found = _movements(asked, "source_system = :source and item_id = :id", source=thing.source, id=thing.id)
    mine = [m for m in found if m.item_type in _ITEM_TYPES[thing.kind]]
    debit = any(m.item_type == "installment" for m in mine)
    beside = [m for m in found if (m.item_type == "installment") == debit]

    def row_of(row: Mapping[str, Any]) -> bool:
        of_it = row["source_system"] == thing.source and row["document_id"] == thing.id
        return of_it and (row["installment_no"] is not None) == debit

    figures = aged_figures(
        asked.instance, asked.question, asked.as_of, "document", row_of, beside, name="open" if debit else "unapplied"
    )
    trail = Trail()
    listed(asked, trail, mine)
    entity = f"{thing.kind}s"
    also: tuple[tuple[str, Key], ...] = ((entity, (thing.source, thing.id)),)
    about = {"document_type": mine[0].document_type, "party_id": mine[0].party_id} if mine else {}
    return Told(thing, asked.as_of, trail, tuple(figures), about, disagreeing(figures, mine), also)


def explain_party(asked: Asked) -> Told:
    """Explain what a customer owes, or a bucket of it: the movements of its open items."""
    thing = asked.thing
    found = _movements(asked, "source_system = :source and party_id = :id", source=thing.source, id=thing.id)

    def row_of(row: Mapping[str, Any]) -> bool:
        return bool(row["source_system"] == thing.source and row["party_id"] == thing.id)

    return _sum(asked, found, "party", row_of)


def explain_total(asked: Asked) -> Told:
    """Explain what is owed to a legal entity in a currency, or a bucket of it."""
    entity, currency = asked.thing.id.split("/")
    found = _movements(asked, "legal_entity = :entity and currency = :currency", entity=entity, currency=currency)

    def row_of(row: Mapping[str, Any]) -> bool:
        return bool(row["legal_entity"] == entity and row["currency"] == currency)

    return _sum(asked, found, "total", row_of)


def _movements(asked: Asked, where: str, **parameters: Any) -> list[Moved]:
    return movements(asked.tx, asked.warehouse, where, asked.as_of, asked.question.include_pending, **parameters)


def _sum(asked: Asked, found: list[Moved], group_by: str, row_of: Callable[[Mapping[str, Any]], bool]) -> Told:
    question, part = asked.question, asked.thing.part or "total"
    if part != "total":
        aging = asked.instance.aging
        by, unapplied = question.by or aging.by, question.unapplied or "column"
        found = [m for m in found if bucket_of(m, asked.as_of, aging.edges, by, unapplied) == part]
    name = "open" if part == "total" else part
    figures = aged_figures(asked.instance, question, asked.as_of, group_by, row_of, found, part, name)
    mine = found if question.settled else open_only(found, question)
    trail = Trail()
    listed(asked, trail, mine)
    about = {"settled_items_left_out": len({m.item for m in found} - {m.item for m in mine}) or None}
    return Told(asked.thing, asked.as_of, trail, tuple(figures), about, disagreeing(figures, mine))
