"""Movements as the ledger keeps them, and what of them counts for a question.

Read from ``ops.ar_movement`` itself, not from the mart that aging reads: what is explained is what was appended. Cash
that waits for its posting is no movement yet: that part is the mart's. Belongs here: reading and summing movements.
Not here: what caused them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from otc_pipelines.reports.explain.model import ItemKey, Moved, Question
from otc_pipelines.warehouse import Tx, Warehouse

_COLUMNS = ", ".join(f for f in Moved._fields if f not in ("posting_state", "posted_in_load"))


def movements(
    tx: Tx, warehouse: Warehouse, where: str, as_of: date, include_pending: bool, **parameters: Any
) -> list[Moved]:
    """Return the movements effective on or before a day, all knowledge of today, in the order of their items.

    ``where`` is SQL over the ledger's columns; ``parameters`` are what it binds.
    """
    sql = f"""select {_COLUMNS}, 'posted' as posting_state, posted_in_load from ops.ar_movement
        where effective_date <= cast(:as_of as date) and ({where})"""  # noqa: S608
    if include_pending:
        sql += f""" union all select {_COLUMNS}, posting_state, posted_in_load from marts.fct_ar_ledger
        where posting_state = 'pending' and effective_date <= cast(:as_of as date) and ({where})"""  # noqa: S608
    found = [Moved(**row) for row in tx.rows(warehouse.built(sql), as_of=as_of.isoformat(), **parameters)]
    return sorted(found, key=_order)


def open_only(moved: Iterable[Moved], question: Question) -> list[Moved]:
    """Leave out items of which what counts comes to nothing; aging leaves them out too."""
    listed = list(moved)
    rest: defaultdict[ItemKey, Decimal] = defaultdict(Decimal)
    for m in listed:
        if question.counts(m.recorded_at, m.loaded_at):
            rest[m.item] += m.amount
    return [m for m in listed if rest[m.item]]


def base_of(moved: Iterable[Moved]) -> Decimal | None:
    """Return the base amount of the open items among movements; None where one of them has none.

    An item's base amount is known where its movements without one sum to 0; a settled item counts 0, whatever cents
    its rounding left.
    """
    items: defaultdict[ItemKey, list[Moved]] = defaultdict(list)
    for m in moved:
        items[m.item].append(m)
    total = Decimal(0)
    for of_item in items.values():
        if not sum((m.amount for m in of_item), Decimal(0)):
            continue
        if sum((m.amount for m in of_item if m.base_amount is None), Decimal(0)):
            return None
        total += sum((m.base_amount for m in of_item if m.base_amount is not None), Decimal(0))
    return total


def bucket_of(m: Moved, as_of: date, edges: Sequence[int], by: str, unapplied: str) -> str:
    """Name the column of aging that a movement counts in."""
    if m.item_type != "installment" and unapplied == "column":
        return "unapplied"
    dates = (m.due_date, m.document_date) if by == "due_date" else (m.document_date, m.due_date)
    days = (as_of - (dates[0] or dates[1] or as_of)).days
    if by == "due_date" and days <= 0:
        return "not_due"
    lowest = 1 if by == "due_date" else 0
    for edge in edges:
        if days <= edge:
            return f"d{lowest}_{edge}"
        lowest = edge + 1
    return f"d{lowest}_plus"


def buckets(edges: Sequence[int], by: str) -> list[str]:
    """Name the columns that aging has for these edges."""
    lowest = [1 if by == "due_date" else 0, *(edge + 1 for edge in edges)]
    named = [f"d{low}_{edge}" for low, edge in zip(lowest, edges, strict=False)]
    return [*(["not_due"] if by == "due_date" else []), *named, f"d{lowest[-1]}_plus", "unapplied"]


def _order(m: Moved) -> tuple[Any, ...]:
    return (
        m.legal_entity or "",
        m.currency,
        m.party_id or "",
        m.due_date or m.document_date or date.max,
        m.source_system,
        m.item_type,
        m.item_id,
        m.installment_no or 0,
        m.effective_date,
        m.recorded_at,
        m.loaded_at,
        m.movement_id,
    )
