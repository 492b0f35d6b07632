"""Reads what customer invoices are made of: their lines before tax."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Run, read_rows
from connectors.erp.tryton.rows import related
from connectors.erp.tryton.schema.entities import INVOICE_LINES
from connectors.kit.contract import Item

_MODEL = "account.invoice.line"
_AS_IT_IS = ("invoice", "sequence", "type", "description", "unit_price", "amount", "origin")
_FIELDS = (*_AS_IT_IS, "quantity", "unit.symbol", "product.code", "product.rec_name", "account.code", "currency.code")


def invoice_lines(run: Run) -> Iterator[Item]:
    """Yield the lines of the company's customer invoices; a line without an invoice is nobody's yet."""
    domain = [("invoice.company", "=", run.books.company), ("invoice.type", "=", "out")]
    feed = Feed("invoice_lines", _MODEL, domain, _FIELDS)
    yield from read_rows(run, INVOICE_LINES, feed, _line)


def _line(record: Record) -> dict[str, Any]:
    quantity = record["quantity"]
    return {
        **{name: record[name] for name in ("id", *_AS_IT_IS)},
        "product": related(record, "product.code") or related(record, "product.rec_name"),
        "quantity": None if quantity is None else Decimal(str(quantity)),
        "unit": related(record, "unit.symbol"),
        "account": related(record, "account.code"),
        "currency": related(record, "currency.code"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }
