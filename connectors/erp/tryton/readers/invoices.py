"""Reads customer invoices and credit notes, each with the receivable lines that fall due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.lines import Line, Lines
from connectors.erp.tryton.readers.reading import Run, read, sweep
from connectors.erp.tryton.rows import batch, batches, related
from connectors.erp.tryton.schema.entities import INVOICE_MATURITIES, INVOICES
from connectors.kit.contract import Batch, Item

_MODEL = "account.invoice"
_AS_IT_IS = ("party", "number", "reference", "state", "invoice_date", "untaxed_amount", "tax_amount", "total_amount")
_FIELDS = (
    *_AS_IT_IS, "move", "move.date", "move.create_date", "move.write_date", "additional_moves", "cancel_move",
    "cancel_move.date", "currency.code", "account", "account.code", "payment_term.name",
)  # fmt: skip


def invoices(run: Run) -> Iterator[Item]:
    """Yield the company's customer invoices in every state; drafts are told by their state."""
    domain = [("company", "=", run.books.company), ("type", "=", "out")]
    sold = run.has(_MODEL, "sales")
    feed = Feed("invoices", _MODEL, domain, (*_FIELDS, "sales") if sold else _FIELDS)
    lines = Lines(run.client, run.books)
    yield from read(run, feed, (), lambda records: _batches(run, lines, records), INVOICES)
    yield from sweep(run, INVOICES, feed.model, feed.domain)


def _batches(run: Run, lines: Lines, records: Sequence[Record]) -> Iterator[Batch]:
    by_invoice = lines.of_invoices(records)
    cancels = sorted({r["cancel_move"] for r in records if r["cancel_move"] is not None})
    notes = set()
    if cancels:
        found = run.client.search_read(_MODEL, [("move", "in", cancels)], ("move",), context=run.books.context)
        notes = {r["move"] for r in found}
    yield batch(INVOICES, (_invoice(run, r, by_invoice.get(r["id"], []), notes) for r in records))
    maturities = [m for r in records for m in _maturities(r, by_invoice.get(r["id"], []))]
    yield from batches(INVOICE_MATURITIES, maturities, run.client.settings.batch_rows)


def _invoice(run: Run, record: Record, lines: Sequence[Line], notes: set[int]) -> dict[str, Any]:
    cancelled_by = None
    if record["state"] == "cancelled" and record["cancel_move"] is not None:
        cancelled_by = "invoice" if record["cancel_move"] in notes else "move"
    sales: Sequence[int] = record.get("sales") or ()
    return {
        **{name: record[name] for name in ("id", *_AS_IT_IS)},
        "party": _debtor(record, lines),
        "legal_entity": run.books.legal_entity,
        "move_date": related(record, "move.date"),
        "move_created_at": related(record, "move.create_date"),
        "cancelled_by": cancelled_by,
        "cancel_date": related(record, "cancel_move.date"),
        "currency": related(record, "currency.code"),
        "base_amount": sum((line.base for line in lines), Decimal(0)) if lines else None,
        "account": related(record, "account.code"),
        "payment_term": related(record, "payment_term.name"),
        "sale": min(sales, default=None),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }


def _debtor(record: Record, lines: Sequence[Line]) -> int:
    """Return who owes it: the party of its lines, which an alternative payee or a delegation makes another."""
    parties = {line.record["party"] for line, gone in _owed(record, lines) if not gone}
    party: int = parties.pop() if len(parties) == 1 else record["party"]
    return party


def _owed(record: Record, lines: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    """Yield an invoice's lines, and whether each is gone: rescheduled or delegated by one of the same invoice."""
    sign = -1 if record["total_amount"] < 0 else 1
    undone = {line.record["reconciliation"] for line in lines if line.base * sign < 0} - {None}
    for line in lines:
        yield line, line.base * sign < 0 or line.record["reconciliation"] in undone


def _maturities(record: Record, lines: Sequence[Line]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines that are owed, and those that are gone as deleted."""
    for line, gone in _owed(record, lines):
        yield {
            "invoice": record["id"],
            "number": line.number,
            "line": line.record["id"],
            "maturity_date": line.record["maturity_date"] or line.day,
            "amount": line.amount,
            "base_amount": line.base,
            "deleted": gone,
            "recorded_at": recorded(line.record, line.record["move."]),
        }
