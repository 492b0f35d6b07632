"""Reads sales, where the database has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Run, read, sweep
from connectors.erp.tryton.rows import batch, related
from connectors.erp.tryton.schema.entities import SALES
from connectors.kit.contract import Batch, Item

_MODEL = "sale.sale"
_AS_IT_IS = ("party", "number", "reference", "sale_date", "total_amount", "state", "shipment_state", "invoice_state")


def sales(run: Run) -> Iterator[Item]:
    """Yield sales of the company, quotations included."""
    if not run.has(_MODEL):
        return
    feed = Feed("sales", _MODEL, [("company", "=", run.books.company)], (*_AS_IT_IS, "currency.code"))

    def batches(records: Sequence[Record]) -> Iterator[Batch]:
        yield batch(SALES, (_sale(run, r) for r in records))

    yield from read(run, feed, (), batches, SALES)
    yield from sweep(run, SALES, feed.model, feed.domain)


def _sale(run: Run, record: Record) -> dict[str, object]:
    return {
        **{name: record[name] for name in ("id", *_AS_IT_IS)},
        "legal_entity": run.books.legal_entity,
        "currency": related(record, "currency.code"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }
