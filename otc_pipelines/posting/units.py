"""Cuts a cluster into units that cannot stand in each other's way, so that each is settled by itself.

Belongs here: telling which documents, credit memos and receipts could run out. It is about speed alone: settled as one
unit, a cluster gives the same movements.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from otc_pipelines.posting.books import Books
from otc_pipelines.posting.components import Components
from otc_pipelines.posting.events import REFUND, REVERSALS
from otc_pipelines.posting.items import CREDIT_MEMO, RECEIPT
from otc_pipelines.posting.model import AllocationVersion, Cluster, DocumentVersion, ReceiptVersion
from otc_pipelines.posting.unit import Unit
from otc_pipelines.posting.versions import History, histories

Item = tuple[str, str]
"""Kind (``receipt``, else a document) and id."""

_ZERO = Decimal(0)


def whole(cluster: Cluster, books: Books) -> Unit:
    """Return a cluster as one unit."""
    unit = Unit(books)
    unit.allocations = histories(cluster.allocations)
    unit.adjustments = histories(cluster.adjustments) if cluster.adjustments else {}
    if cluster.receipt_events:
        moving = [e for e in cluster.receipt_events if e.event_type in REVERSALS or e.event_type == REFUND]
        unit.events = histories(moving)
    return unit


def independent(cluster: Cluster, books: Books) -> list[Unit]:
    """Return the units of a cluster."""
    all_of_it = whole(cluster, books)
    if len(all_of_it.allocations) + len(all_of_it.adjustments) + len(all_of_it.events) <= 1:
        return [all_of_it]
    return grouped(all_of_it, Scarce(all_of_it).found)


def grouped(unit: Unit, scarce: Collection[Item]) -> list[Unit]:
    """Return what a unit falls into where only ``scarce`` items, and undoing, hold its rows together."""
    together = Components()
    for key, allocation in unit.allocations.items():
        node = ("allocations", key)
        together.add(node)
        for row in allocation.rows:
            if row.reverses_id is not None:
                together.join(node, ("allocations", row.reverses_id))
            for item in items_of(row):
                if item in scarce:
                    together.join(node, item)
    for key, adjustment in unit.adjustments.items():
        node = ("adjustments", key)
        together.add(node)
        for change in adjustment.rows:
            if change.reverses_id is not None:
                together.join(node, ("adjustments", change.reverses_id))
            item = ("document", change.document_id or "")
            if item in scarce:
                together.join(node, item)
    for key, event in unit.events.items():
        together.join(("events", key), (RECEIPT, event.first.receipt_id))
    units: dict[object, Unit] = {}
    for key, allocation in unit.allocations.items():
        _at(units, together, ("allocations", key), unit.books).allocations[key] = allocation
    for key, adjustment in unit.adjustments.items():
        _at(units, together, ("adjustments", key), unit.books).adjustments[key] = adjustment
    for key, event in unit.events.items():
        _at(units, together, ("events", key), unit.books).events[key] = event
    return list(units.values())


def _at(units: dict[object, Unit], together: Components, node: tuple[str, str], books: Books) -> Unit:
    root = together.root(node)
    unit = units.get(root)
    if unit is None:
        unit = units[root] = Unit(books)
    return unit


def items_of(row: AllocationVersion) -> tuple[Item, Item]:
    """Return the document and the source that an allocation names."""
    source = RECEIPT if row.source_type == RECEIPT else "document"
    return ("document", row.document_id or ""), (source, row.source_id or "")


class Scarce:
    """Documents and receipts of which more could be wanted than there is, or whose split depends on order."""

    def __init__(self, unit: Unit) -> None:
        books = unit.books
        wanted: dict[tuple[str, str], Decimal] = {}
        self.found = {(RECEIPT, e.first.receipt_id) for e in unit.events.values()}
        for allocation in unit.allocations.values():
            most: dict[tuple[str, str], Decimal] = {}
            for row in allocation.rows:
                document, source = items_of(row)
                amount = abs(row.amount or _ZERO)
                most[document] = max(most.get(document, _ZERO), amount)
                most[source] = max(most.get(source, _ZERO), amount, abs(row.source_amount or _ZERO))
                if row.reverses_id is None and (row.amount or _ZERO) < 0:
                    self.found.update((document, source))
            for item, amount in most.items():
                wanted[item] = wanted.get(item, _ZERO) + amount
        for adjustment in unit.adjustments.values():
            largest: dict[tuple[str, str], Decimal] = {}
            for change in adjustment.rows:
                item = ("document", change.document_id or "")
                largest[item] = max(largest.get(item, _ZERO), abs(change.amount or _ZERO))
            for item, amount in largest.items():
                wanted[item] = wanted.get(item, _ZERO) + amount
        for item, amount in wanted.items():
            if item not in self.found and amount > _least(books, item):
                self.found.add(item)


def _least(books: Books, item: tuple[str, str]) -> Decimal:
    """Return what there surely is of an item; less than nothing where its split depends on order."""
    kind, item_id = item
    if kind == RECEIPT:
        return _smallest(books.receipts.get(item_id))
    return Decimal(-1) if depends_on_order(books, item) else _smallest(books.documents.get(item_id))


def depends_on_order(books: Books, item: Item) -> bool:
    """Tell whether it matters to an item who comes first, even where nothing runs out: it has instalments."""
    kind, item_id = item
    history = books.documents.get(item_id) if kind != RECEIPT else None
    if history is None or item_id not in books.installments:
        return False
    return any(row.document_type != CREDIT_MEMO for row in history.rows)


def _smallest(history: History[DocumentVersion] | History[ReceiptVersion] | None) -> Decimal:
    if history is None:
        return Decimal("Infinity")
    return min((r.amount or _ZERO for r in history.rows if not r.deleted), default=_ZERO)
