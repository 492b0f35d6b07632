"""What a receivable line is: Tryton books invoices, cash, write-offs and exchange differences all as move lines.

Belongs here: reading lines with what tells their kind. Not here: rows (readers), pairs (settlement).

    invoice         of the move of a customer invoice or credit note
    invoice_cancel  of the move that cancelled an invoice and is no invoice itself
    reversal        of a move that cancels another (its origin), against a credit of that
    exchange        of a write-off journal, without second currency, in a reconciliation that has one
    write_off       of a write-off journal, in a reconciliation
    receipt, debit  anything else that lowers or raises what the party owes
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.books import Books
from connectors.erp.tryton.client import Record, TrytonClient
from connectors.erp.tryton.settlement import Side, exchange_currency

MODEL = "account.move.line"
FIELDS = (
    "account", "party", "debit", "credit", "amount_second_currency", "second_currency.code", "maturity_date",
    "reconciliation", "origin", "description", "invoice_payment", "move", "move.number", "move.date", "move.origin",
    "move.description", "move.journal.type", "move.create_date", "move.write_date",
)  # fmt: skip
_DOCUMENT_FIELDS = ("move", "cancel_move", "account", "additional_moves")
_BOOKED = (
    "account", "debit", "credit", "amount_second_currency", "second_currency.code", "reconciliation", "move.date",
)  # fmt: skip
_OWED = (*_BOOKED, "move", "party", "maturity_date", "move.create_date", "move.write_date")
_IN_A_SET = (*_BOOKED, "move.origin", "move.journal.type")


@dataclass(frozen=True)
class Line:
    """A receivable line and its kind. ``number``: of the maturity, for a line of an invoice."""

    record: Record
    kind: str
    day: date
    currency: str
    amount: Decimal
    base: Decimal
    invoice: int | None = None
    number: int | None = None
    reverses: int | None = None
    reverses_origin: str | None = None

    @property
    def side(self) -> Side:
        """The line as a part of a reconciliation."""
        due = self.record["maturity_date"] or self.day
        return Side(self.record["id"], self.kind, self.day, due, self.currency, self.amount, self.base, self.reverses)


def receivable(books: Books) -> list[Any]:
    """Return the domain of lines that count: posted, on the company's receivable accounts."""
    return [
        ("move.company", "=", books.company),
        ("move.state", "=", "posted"),
        ("account", "in", sorted(books.accounts)),
    ]


class Lines:
    """Tells the kinds of lines, a page at a time; asks for what a page refers to and nothing else."""

    def __init__(self, client: TrytonClient, books: Books) -> None:
        self._client = client
        self._books = books

    def of_sets(self, reconciliations: Sequence[int]) -> list[Line]:
        """Return all receivable lines of these reconciliations, by id; those of an invoice with their numbers."""
        records = self._read([("reconciliation", "in", list(reconciliations))])
        return self._told(records, records, numbered=True)

    def of_invoices(self, invoices: Sequence[Record]) -> dict[int, list[Line]]:
        """Return what is owed on each of these invoices, numbered.

        They come with ``move`` and ``account``, and with ``additional_moves`` where the lines of those are wanted.
        """
        by_move = {m: i for i in invoices for m in (i["move"], *(i.get("additional_moves") or ())) if m is not None}
        found: dict[int, list[Line]] = defaultdict(list)
        for record in self._read([("move", "in", sorted(by_move))], _OWED) if by_move else ():
            invoice = by_move[record["move"]]
            if record["account"] == invoice["account"]:
                lines = found[invoice["id"]]
                extra = {"invoice": invoice["id"], "number": len(lines) + 1}
                lines.append(self._line(record, "invoice", None, extra))
        return found

    def known(self, records: Sequence[Record]) -> list[Line]:
        """Return the kinds of these records; an invoice's have no number."""
        sets = sorted({r["reconciliation"] for r in records if _writes_off(r) and r["reconciliation"]})
        beside = self._read([("reconciliation", "in", sets)], _IN_A_SET) if sets else []
        return self._told(records, beside, numbered=False)

    def _told(self, records: Sequence[Record], beside: Sequence[Record], *, numbered: bool) -> list[Line]:
        """Tell the kinds of records. ``beside``: all lines of the reconciliations in which one is of a write-off."""
        moves = sorted({r["move"] for r in records})
        invoices, cancels = self._documents(moves)
        numbers = self._numbers(invoices) if numbered and any(r["move"] in invoices for r in records) else {}
        cancelled = self._cancelled(records, invoices, cancels)
        exchanged = self._exchanged(records, beside)
        found = []
        for record in records:
            kind, extra = self._kind(record, invoices, cancels, cancelled, exchanged)
            if kind == "invoice":
                extra["number"] = numbers.get(record["id"])
            found.append(self._line(record, kind, exchanged.get(record["id"]), extra))
        return found

    def _kind(
        self,
        record: Record,
        invoices: Mapping[int, Record],
        cancels: Mapping[int, Record],
        cancelled: Mapping[int, tuple[int, str | None]],
        exchanged: Mapping[int, str | None],
    ) -> tuple[str, dict[str, Any]]:
        document = invoices.get(record["move"])
        if document is not None and document["account"] == record["account"]:
            return "invoice", {"invoice": document["id"]}
        if record["move"] in cancels:
            return "invoice_cancel", {"invoice": cancels[record["move"]]["id"]}
        if record["id"] in cancelled:
            line, origin = cancelled[record["id"]]
            return "reversal", {"reverses": line, "reverses_origin": origin}
        if record["id"] in exchanged:
            return ("exchange" if exchanged[record["id"]] else "write_off"), {}
        return ("receipt" if _base(record) < 0 else "debit"), {}

    def _line(self, record: Record, kind: str, foreign: str | None, extra: Mapping[str, Any]) -> Line:
        base = _base(record)
        if kind == "exchange":  # it moves the base amount of what it was reconciled with, and nothing else
            currency, amount = str(foreign), Decimal(0)
        else:
            currency, amount = _own(record, self._books.currency)
        return Line(record, kind, record["move."]["date"], currency, amount, base, **extra)

    def _documents(self, moves: Sequence[int]) -> tuple[dict[int, Record], dict[int, Record]]:
        """Return the invoices by their moves, and by the moves that cancel them and are no invoices."""
        invoices: dict[int, Record] = {}
        cancels: dict[int, Record] = {}
        if not moves:
            return invoices, cancels
        domain = ["OR", *((field, "in", moves) for field in ("move", "cancel_move", "additional_moves"))]
        for invoice in self._client.search_read(
            "account.invoice", domain, _DOCUMENT_FIELDS, context=self._books.context
        ):
            for move in (invoice["move"], *(invoice["additional_moves"] or ())):
                if move is not None:
                    invoices[move] = invoice
            if invoice["cancel_move"] is not None:
                cancels[invoice["cancel_move"]] = invoice
        return invoices, {move: i for move, i in cancels.items() if move not in invoices}

    def _numbers(self, invoices: Mapping[int, Record]) -> dict[int, int]:
        """Number the receivable lines of each invoice, all of them, whether they are on this page or not."""
        by_invoice: dict[int, list[int]] = defaultdict(list)
        for record in self._read([("move", "in", sorted(invoices))], ("move", "account")):
            invoice = invoices[record["move"]]
            if record["account"] == invoice["account"]:
                by_invoice[invoice["id"]].append(record["id"])
        return {line: n for ids in by_invoice.values() for n, line in enumerate(sorted(ids), 1)}

    def _cancelled(
        self, records: Sequence[Record], invoices: Mapping[int, Record], cancels: Mapping[int, Record]
    ) -> dict[int, tuple[int, str | None]]:
        """Return, for lines of moves that cancel another move, the credit that each takes back and its origin."""
        cancelling = {
            r["id"]: int(origin.rpartition(",")[2])
            for r in records
            if (origin := str(r["move."]["origin"] or "")).startswith("account.move,")
            and _base(r) > 0
            and r["move"] not in invoices
            and r["move"] not in cancels
        }
        if not cancelling:
            return {}
        originals = self._read([("move", "in", sorted(set(cancelling.values())))], ("move", *FIELDS))
        free = defaultdict(list)
        for original in originals:
            if _base(original) < 0 and original["move"] not in invoices:
                free[original["move"], original["account"], original["party"], -_base(original)].append(original)
        found: dict[int, tuple[int, str | None]] = {}
        for record in sorted((r for r in records if r["id"] in cancelling), key=lambda r: r["id"]):
            key = (cancelling[record["id"]], record["account"], record["party"], _base(record))
            if free[key]:
                original = free[key].pop(0)
                found[record["id"]] = (original["id"], original["move."]["origin"])
        return found

    def _exchanged(self, records: Sequence[Record], beside: Sequence[Record]) -> dict[int, str | None]:
        """Return reconciled lines of write-off journals: with the second currency for an exchange difference."""
        writing_off = {r["id"]: r["reconciliation"] for r in records if _writes_off(r) and r["reconciliation"]}
        if not writing_off:
            return {}
        sets: dict[int, list[Side]] = defaultdict(list)
        for r in beside:
            currency, amount = _own(r, self._books.currency)
            day = r["move."]["date"]
            kind = "write_off" if _writes_off(r) else "other"
            sets[r["reconciliation"]].append(Side(r["id"], kind, day, day, currency, amount, _base(r)))
        found: dict[int, str | None] = {}
        for reconciliation, sides in sets.items():
            foreign = exchange_currency(sides, self._books.currency)
            for side in sides:
                if writing_off.get(side.line) == reconciliation:
                    found[side.line] = foreign if side.currency == self._books.currency else None
        return found

    def _read(self, domain: Sequence[Any], fields: Iterable[str] = FIELDS) -> list[Record]:
        return self._client.search_read(
            MODEL, [*receivable(self._books), *domain], [*fields], order=[("id", "ASC")], context=self._books.context
        )


def _writes_off(record: Record) -> bool:
    move = record["move."]
    return move["origin"] is None and bool(move["journal."]) and move["journal."]["type"] == "write-off"


def _base(record: Record) -> Decimal:
    base: Decimal = record["debit"] - record["credit"]
    return base


def _own(record: Record, company_currency: str) -> tuple[str, Decimal]:
    """Return a line's own currency and amount: the second currency's where it has one."""
    second = record["second_currency."]
    if second is None or record["amount_second_currency"] is None:
        return company_currency, _base(record)
    return str(second["code"]), record["amount_second_currency"]
