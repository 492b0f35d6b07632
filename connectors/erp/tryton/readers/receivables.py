"""Reads receivable lines, what was paid on invoices, and reconciliations with who paid whom in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.lines import FIELDS, MODEL, Line, Lines, receivable
from connectors.erp.tryton.readers.reading import Follower, Run, read, sweep
from connectors.erp.tryton.rows import batch, batches, rate, related
from connectors.erp.tryton.schema.entities import INVOICE_PAYMENTS, RECEIVABLE_LINES, RECONCILIATIONS, SETTLEMENTS
from connectors.erp.tryton.settlement import Pair, pairs, share
from connectors.kit.contract import Batch, Item

_RECONCILIATION = "account.move.reconciliation"


def receivable_lines(run: Run) -> Iterator[Item]:
    """Yield posted receivable lines. Posting writes the move alone, and paying an invoice the invoice alone."""
    feed = Feed("receivable_lines", MODEL, receivable(run.books), FIELDS)
    company = ("company", "=", run.books.company)
    posted = Follower(
        Feed("receivable_lines:account.move", "account.move", [company, ("state", "=", "posted")], ()),
        lambda records: [("move", "in", [r["id"] for r in records])],
    )
    paid = Follower(
        Feed("receivable_lines:account.invoice", "account.invoice", [company, ("type", "=", "out")], ()),
        lambda records: [("invoice_payment", "in", [r["id"] for r in records])],
    )
    lines = Lines(run.client, run.books)
    yield from read(run, feed, [posted, paid], lambda records: _lines(run, lines, records), RECEIVABLE_LINES)
    yield from sweep(run, INVOICE_PAYMENTS, MODEL, [*receivable(run.books), ("invoice_payment", "!=", None)])


def _lines(run: Run, lines: Lines, records: Sequence[Record]) -> Iterator[Batch]:
    found = lines.known(records)
    said = _origins(run, records)
    yield batch(RECEIVABLE_LINES, (_line(run, line, said) for line in found))
    paying = [
        line for line in found if line.record["invoice_payment"] is not None and line.kind in ("receipt", "debit")
    ]
    if paying:
        ids = sorted({line.record["invoice_payment"] for line in paying})
        invoices = run.client.search_read(
            "account.invoice", [("id", "in", ids)], ("currency.code", "move", "account"), context=run.books.context
        )
        booked = _booked(lines, invoices)
        by_id = {i["id"]: i for i in invoices}
        rows = [_payment(line, by_id[line.record["invoice_payment"]], booked) for line in paying]
        yield batch(INVOICE_PAYMENTS, rows)


def _line(run: Run, line: Line, said: Mapping[str, Record]) -> dict[str, Any]:
    record, move = line.record, line.record["move."]
    origin = record["origin"] or move["origin"]
    source = said.get(str(origin), {})
    return {
        "id": record["id"],
        "legal_entity": run.books.legal_entity,
        "kind": line.kind,
        "move": record["move"],
        "move_number": move["number"],
        "date": line.day,
        "account": run.books.accounts[record["account"]],
        "party": record["party"],
        "debit": record["debit"],
        "credit": record["credit"],
        "currency": line.currency,
        "amount": line.amount,
        "base_amount": line.base,
        "rate": rate(line.base, line.amount),
        "maturity_date": record["maturity_date"],
        "reconciliation": record["reconciliation"],
        "origin": origin,
        "reverses": line.reverses,
        "reverses_origin": line.reverses_origin,
        "journal_type": related(record, "move.journal.type"),
        "reference": record["description"] or move["description"] or source.get("description"),
        "bank_reference": source.get("number"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record, move),
    }


def _origins(run: Run, records: Sequence[Record]) -> dict[str, Record]:
    """Return the statement lines and payments that lines of a page come from, by reference."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for record in records:
        model, _, key = str(record["origin"] or record["move."]["origin"] or "").partition(",")
        if model in _ORIGINS and key.isdigit():
            wanted[model].add(int(key))
    found = {}
    for model, ids in sorted(wanted.items()):
        number, description = _ORIGINS[model]
        for said in run.client.search_read(
            model, [("id", "in", sorted(ids))], (number, description), context=run.books.context
        ):
            found[f"{model},{said['id']}"] = {"number": said[number], "description": said[description]}
    return found


_ORIGINS = {
    "account.statement.line": ("number", "description"),
    "account.payment": ("number", "reference"),
}


def _booked(lines: Lines, invoices: Sequence[Record]) -> dict[int, tuple[Decimal, Decimal]]:
    """Return each invoice's receivable in its own currency and in the company's."""
    zero = Decimal(0)
    return {
        invoice: (sum((line.amount for line in owed), zero), sum((line.base for line in owed), zero))
        for invoice, owed in lines.of_invoices(invoices).items()
    }


def _payment(line: Line, invoice: Record, booked: Mapping[int, tuple[Decimal, Decimal]]) -> dict[str, Any]:
    own, other = abs(line.amount), None
    if line.currency != related(invoice, "currency.code"):  # Tryton, too, counts it at the rate of the invoice's day
        owed, base = booked.get(invoice["id"], (Decimal(0), Decimal(0)))
        other = abs(share(line.base, owed, base, related(invoice, "currency.code"))) if base else Decimal(0)
    paid, paying = (own, other) if line.kind == "debit" else (own if other is None else other, other and own)
    return {
        "line": line.record["id"],
        "invoice": invoice["id"],
        "kind": line.kind,
        "reconciliation": line.record["reconciliation"],
        "date": line.day,
        "amount": paid,
        "source_amount": paying,
        "base_amount": abs(line.base),
        "recorded_at": recorded(line.record, line.record["move."]),
    }


def reconciliations(run: Run) -> Iterator[Item]:
    """Yield reconciliations and their settlements. Tryton never changes one; undoing it deletes it."""
    domain = [("company", "=", run.books.company), ("lines.account", "in", sorted(run.books.accounts))]
    feed = Feed("reconciliations", _RECONCILIATION, domain, ("number", "date"))
    company = ("company", "=", run.books.company)
    posted = Follower(  # a line may be reconciled while its move is still a draft, and counts once that is posted
        Feed("reconciliations:account.move", "account.move", [company, ("state", "=", "posted")], ()),
        lambda records: [("lines.move", "in", [r["id"] for r in records])],
    )
    lines = Lines(run.client, run.books)
    yield from read(run, feed, [posted], lambda records: _settled(run, lines, records), RECONCILIATIONS)
    yield from sweep(run, RECONCILIATIONS, feed.model, feed.domain)


def _settled(run: Run, lines: Lines, records: Sequence[Record]) -> Iterator[Batch]:
    by_set: dict[int, list[Line]] = defaultdict(list)
    for line in lines.of_sets([r["id"] for r in records]):
        by_set[line.record["reconciliation"]].append(line)
    rows = []
    for record in records:
        found = {line.record["id"]: line for line in by_set[record["id"]]}
        void = {line.invoice for line in found.values() if line.kind == "invoice_cancel"}
        exchanged = max((line.day for line in found.values() if line.kind == "exchange"), default=None)
        unbooked = bool(sum((line.base for line in found.values()), Decimal(0)))
        booked = {"exchange_date": exchanged, "exchange_open": unbooked}
        sides = [line.side for line in found.values() if line.invoice is None or line.invoice not in void]
        for pair in pairs(sides, run.books.currency):
            debit, credit = found[pair.debit.line], found[pair.credit.line]
            if debit.invoice is None or debit.invoice != credit.invoice:  # else a line that was rescheduled
                rows.append({**_settlement(record, pair, debit, credit), **booked})
    yield from batches(SETTLEMENTS, rows, run.client.settings.batch_rows)
    yield batch(
        RECONCILIATIONS,
        ({"id": r["id"], "number": r["number"], "date": r["date"], "recorded_at": recorded(r)} for r in records),
    )


def _settlement(record: Record, pair: Pair, debit: Line, credit: Line) -> dict[str, Any]:
    return {
        "reconciliation": record["id"],
        "debit_line": pair.debit.line,
        "credit_line": pair.credit.line,
        "date": record["date"],
        "debit_kind": debit.kind,
        "debit_invoice": debit.invoice,
        "debit_number": debit.number,
        "credit_kind": credit.kind,
        "credit_invoice": credit.invoice,
        "credit_date": credit.day,
        "amount": pair.amount,
        "source_amount": pair.source_amount if pair.debit.currency != pair.credit.currency else None,
        "base_amount": pair.base_amount,
        "recorded_at": record["create_date"],
    }
