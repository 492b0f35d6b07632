"""Reads sales, where the database has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Run, read_rows
from connectors.erp.tryton.rows import related
from connectors.erp.tryton.schema.entities import SALES
from connectors.kit.contract import Item

_MODEL = "sale.sale"
_AS_IT_IS = ("party", "number", "reference", "sale_date", "total_amount", "state", "shipment_state", "invoice_state")


def sales(run: Run) -> Iterator[Item]:
    """Yield sales of the company, quotations included."""
    if not run.has(_MODEL):
        return
    feed = Feed("sales", _MODEL, [("company", "=", run.books.company)], (*_AS_IT_IS, "currency.code"))
    yield from read_rows(run, SALES, feed, lambda record: _sale(run, record))


def _sale(run: Run, record: Record) -> dict[str, Any]:
    return {
        **{name: record[name] for name in ("id", *_AS_IT_IS)},
        "legal_entity": run.books.legal_entity,
        "currency": related(record, "currency.code"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }
