"""Records a receipt and settles invoices with it: one posted bank statement for each bank line.

Belongs here: making it, taking up what was left half-way, reading it back. Not here: which cash, put on what.

A statement is the one thing in Tryton that takes a whole bank line, split over several invoices and what is left on
account, and that carries the line's id: it is the ``number`` of every line. Making it takes three calls, each of which
is applied whole or not at all: a draft, its validation (booked and reconciled, not yet posted), its posting. Only a
posted one counts. What an earlier try left is found by the line's id and taken up from there; a draft that says
something else is ours to throw away, a posted one never is. In another currency a fourth call posts the exchange
difference that came of it (``differences``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.writing.calls import Calls, NotWrittenError, PerhapsAppliedError
from connectors.erp.tryton.writing.differences import Differences
from connectors.erp.tryton.writing.receipt import INVOICE, PREFIX, Part, Receipt, content, fields_of, wanted
from connectors.kit.contract import Intent
from connectors.kit.errors import ConnectorError, RejectedByVendor

STATEMENT, LINE = "account.statement", "account.statement.line"
_INVOICE_FIELDS = ("number", "state", "type", "party", "account", "currency", "amount_to_pay")
_LINE_FIELDS = ("statement", "number", "date", "amount", "party", "related_to", "description", "move")


class Receipts:
    """``receipt``: keyed by the published id of its bank line."""

    vendor = STATEMENT
    fields = ("bank_account", "reference", "value_date", "currency", "amount", "party_id", "allocations")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._differences = Differences(calls)

    def put(self, intent: Intent) -> str:
        """Have exactly one posted statement for this bank line, saying this."""
        receipt = Receipt.of(intent)
        journal = self._journal(receipt)
        there = self._statements([receipt.bank_line_id])
        posted = next((s for s in there if s["state"] == "posted"), None)
        if posted is not None:
            if content(posted["lines"]) != wanted(receipt):
                raise NotWrittenError(
                    f"statement {posted['name']!r} has it posted otherwise: "
                    f"{fields_of(posted['lines'])['allocations'] or 'on account'}; undo it in Tryton first"
                )
            self._differences.post(receipt.currency, posted["lines"])
            return str(posted["id"])
        fitting = [s for s in there if content(s["lines"]) == wanted(receipt) and s["journal"] == journal["id"]]
        ours = max(fitting, key=lambda s: (s["state"] == "validated", -s["id"]), default=None)
        for other in there:
            if other is not ours:
                self._remove(other["id"], other["state"], receipt.currency)
        key, state = (ours["id"], ours["state"]) if ours else (0, "")
        if state != "validated":
            parts = self._parts(receipt)
            if not state:
                key = self._create(receipt, journal, parts)
        return self._finish(key, state, receipt.currency)

    def held(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the receipts that are posted. What is only drafted, validated or posted in part is not there yet."""
        found = {}
        for statement in self._statements(keys):
            currency = statement["journal."]["currency."]["code"]
            if statement["state"] == "posted" and not self._differences.drafts(currency, statement["lines"]):
                said = fields_of(statement["lines"])
                found[str(statement["lines"][0]["number"])] = {**said, "currency": currency}
        return found

    # --- steps

    def _create(self, receipt: Receipt, journal: Mapping[str, Any], parts: Sequence[Part]) -> int:
        lines = [
            {
                "sequence": n,
                "number": receipt.bank_line_id,
                "date": receipt.value_date,
                "amount": part.amount,
                "party": part.party,
                "account": part.account,
                "description": receipt.description,
                "related_to": None if part.invoice is None else f"{INVOICE},{part.invoice}",
            }
            for n, part in enumerate(parts, 1)
        ]
        start = journal["last_amount"] or Decimal(0)
        totals: dict[str, Mapping[str, Any]] = {
            "balance": {"start_balance": start, "end_balance": start + receipt.amount},
            "amount": {"total_amount": receipt.amount},
            "number_of_lines": {"number_of_lines": len({p.party for p in parts})},
        }
        values = {
            "name": f"{PREFIX} {receipt.bank_line_id}",
            "company": self._calls.books.company,
            "journal": journal["id"],
            "date": receipt.value_date,
            **totals[journal["validation"]],
            "lines": [("create", lines)],
        }
        return int(self._calls.change(STATEMENT, "create", [values])[0])

    def _finish(self, key: int, state: str, currency: str) -> str:
        """Validate and post a statement; where Tryton refuses, nothing of it stays."""
        try:
            if state != "validated":
                self._calls.change(STATEMENT, "validate_statement", [key])
                state = "validated"
            self._calls.change(STATEMENT, "post", [key])
        except RejectedByVendor as refused:
            try:
                self._remove(key, state, currency)
            except ConnectorError as left:
                raise PerhapsAppliedError(f"{refused}; what was begun is still there: {left}") from None
            raise
        self._differences.post(currency, self._lines_of(key))
        return str(key)

    def _remove(self, key: int, state: str, currency: str) -> None:
        drafts: list[int] = []
        if state == "validated":
            drafts = self._differences.drafts(currency, self._lines_of(key))
            self._calls.change(STATEMENT, "cancel", [key])
        self._calls.change(STATEMENT, "delete", [key])
        self._differences.remove(drafts)

    def _lines_of(self, key: int) -> list[dict[str, Any]]:
        return self._calls.find(LINE, [("statement", "=", key)], ("move",))

    # --- what is there

    def _statements(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return statements of these bank lines that were not cancelled, each with its lines."""
        company = ("company", "=", self._calls.books.company)
        lines = self._calls.find(
            LINE, [("statement.company", "=", company[2]), ("number", "in", list(keys))], _LINE_FIELDS
        )
        of: dict[int, list[dict[str, Any]]] = {}
        for line in lines:
            if str(line["description"] or "").split(" ")[0] == PREFIX:
                of.setdefault(line["statement"], []).append(line)
        if not of:
            return []
        domain = [company, ("id", "in", sorted(of)), ("state", "!=", "cancelled")]
        fields = ("name", "state", "journal", "journal.currency.code")
        return [{**s, "lines": of[s["id"]]} for s in self._calls.find(STATEMENT, domain, fields)]

    def _parts(self, receipt: Receipt) -> list[Part]:
        """Split a receipt; NotWrittenError where an invoice cannot take its part any more."""
        ids = [i for i, _ in receipt.allocations]
        domain = [("id", "in", ids), ("company", "=", self._calls.books.company)]
        found = (
            {r["id"]: r for r in self._calls.find(INVOICE, domain, (*_INVOICE_FIELDS, "currency.code"))} if ids else {}
        )
        parts = []
        for key, part in receipt.allocations:
            invoice = found.get(key)
            if invoice is None or invoice["type"] != "out":
                raise NotWrittenError(f"there is no customer invoice {key} in Tryton")
            if invoice["currency."]["code"] != receipt.currency:
                raise NotWrittenError(
                    f"{invoice['number']} is in {invoice['currency.']['code']}, not {receipt.currency}"
                )
            if invoice["state"] != "posted" or invoice["amount_to_pay"] < part:
                raise NotWrittenError(
                    f"{invoice['number']} has {invoice['amount_to_pay']:f} left to pay, not {part:f}; "
                    "it is matched again once Tryton was read"
                )
            parts.append(Part(key, invoice["party"], invoice["account"], part))
        rest = receipt.amount - sum((p.amount for p in parts), Decimal(0))
        if rest:
            parts.append(Part(None, receipt.party, self._on_account(receipt, {p.account for p in parts}), rest))
        return sorted(parts, key=lambda p: (p.party, p.invoice is None, p.invoice or 0))

    def _journal(self, receipt: Receipt) -> dict[str, Any]:
        """Return the statement journal of a bank account: by the settings, else by the account's number in Tryton."""
        books, name = self._calls.books, self._calls.client.settings.receipt_journals.get(receipt.bank_account)
        company = ("company", "=", books.company)
        if name is not None:
            domain = [company, ("name", "=", name)]
        else:
            asked = (books.company, receipt.bank_account, receipt.currency)
            key = self._calls.client.call(
                "account.statement.journal", "get_by_bank_account", *asked, context=self._calls.context
            )
            domain = [company, ("id", "=", key)]
        fields = ("name", "validation", "last_amount", "currency.code")
        found = self._calls.find("account.statement.journal", domain, fields)
        if len(found) != 1:
            wanted = f"named {name!r}" if name else f"for bank account {receipt.bank_account!r}"
            raise NotWrittenError(f"there is no statement journal {wanted} in Tryton; name one under receipt_journals")
        if found[0]["currency."]["code"] != receipt.currency:
            raise NotWrittenError(
                f"statement journal {found[0]['name']!r} is in {found[0]['currency.']['code']}, not {receipt.currency}"
            )
        return found[0]

    def _on_account(self, receipt: Receipt, accounts: Set[int]) -> int:
        """Return the account for what is on no invoice: the one of the invoices, else the party's, else the usual."""
        if len(accounts) == 1:
            return next(iter(accounts))
        for model, key, name in (
            ("party.party", receipt.party, "account_receivable"),
            ("account.configuration", 1, "default_account_receivable"),
        ):
            found = self._calls.client.call(model, "read", [key], [name], context=self._calls.context)[0][name]
            if found is not None:
                return int(found)
        raise NotWrittenError(
            f"party {receipt.party} has no receivable account in Tryton, and there is no usual one; set either"
        )
