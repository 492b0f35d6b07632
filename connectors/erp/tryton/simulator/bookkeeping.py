"""What people at the simulated ERP do in a day: parties, invoices, receipts by hand, write-offs.

Belongs here: making records the way trytond's own screens do. Not here: whose they are (tests, ``company``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from connectors.erp.tryton.simulator.books import COMPANY
from connectors.erp.tryton.simulator.computed import ZERO

if TYPE_CHECKING:
    from connectors.erp.tryton.simulator.serving import TrytonSimulator

_CENT = Decimal("0.01")


class Bookkeeping:
    """A clerk at the simulated ERP. Every method is one transaction, or several where a person would do several."""

    def __init__(self, sim: TrytonSimulator) -> None:
        self._sim = sim
        found: dict[str, dict[str, int]] = {}
        for model, name in (
            ("account.account", "code"),
            ("account.journal", "code"),
            ("currency.currency", "code"),
            ("account.invoice.payment_term", "name"),
            ("country.country", "code"),
            ("product.uom", "name"),
            ("account.payment.journal", "name"),
            ("account.statement.journal", "name"),
        ):
            found[model] = {r[name]: r["id"] for r in sim.records(model)}
        self.accounts, self.journals = found["account.account"], found["account.journal"]
        self.currencies, self.terms = found["currency.currency"], found["account.invoice.payment_term"]
        self._countries, self.units = found["country.country"], found["product.uom"]
        self._debits, self._banks = found["account.payment.journal"], found["account.statement.journal"]

    def party(self, name: str, *, country: str = "", term: str = "", **values: Any) -> int:
        """Add a party with an address."""
        if country and country not in self._countries:
            (self._countries[country],) = self._create("country.country", {"name": country, "code": country})
        address: dict[str, Any] = {n: values.pop(n) for n in ("street", "city", "postal_code") if n in values}
        address |= {"sequence": 1, **({"country": self._countries[country]} if country else {})}
        if term:
            values["customer_payment_term"] = self.terms[term]
        (key,) = self._create("party.party", {"name": name, "addresses": [("create", [address])], **values})
        return key

    def contact(self, party: int, kind: str, value: str) -> None:
        """Add an e-mail address or a telephone number."""
        self._create("party.contact_mechanism", {"party": party, "type": kind, "value": value})

    def bank_account(self, party: int, number: str, bic: str = "") -> int:
        """Add a bank account that a party owns."""
        values: dict[str, Any] = {"owners": [("add", [party])]}
        if bic:
            (values["bank"],) = self._create("bank", {"party": party, "bic": bic})
        kind = "iban" if number[:2].isalpha() else "other"
        (key,) = self._create("bank.account", {**values, "numbers": [("create", [{"type": kind, "number": number}])]})
        return key

    def invoice(
        self,
        party: int,
        amount: Decimal,
        day: date,
        maturities: Sequence[tuple[date, Decimal]] = (),
        *,
        currency: str = "USD",
        rate: Decimal = Decimal(1),
        tax: Decimal = ZERO,
        post: bool = True,
        lines: Sequence[Mapping[str, Any]] = (),
        **values: Any,
    ) -> int:
        """Write an invoice, a negative one is a credit note; post it. ``rate``: company currency per unit.

        ``lines``: what each line says, before tax; left out, one line of one unit of goods.
        """
        term = values.pop("payment_term", "")
        draft = {
            **({"payment_term": self.terms[term]} if term else {}),
            "company": COMPANY,
            "type": "out",
            "party": party,
            "currency": self.currencies[currency],
            "account": self.accounts["1200"],
            "invoice_date": day,
            "untaxed_amount": amount - tax,
            "tax_amount": tax,
            "total_amount": amount,
            **values,
        }
        number = draft.pop("number", None)
        (key,) = self._create("account.invoice", draft)
        like = {"invoice": key, "company": COMPANY, "currency": draft["currency"], "account": self.accounts["4000"]}
        goods = {"sequence": 1, "description": "Goods", "quantity": 1.0, "unit_price": amount - tax}
        for line in lines or (goods,):
            self._create("account.invoice.line", {**like, "unit": self.units["Unit"], **line})
        if post:
            move = self._invoice_move(key, draft, maturities or ((day, amount),), currency, rate)
            self._write("account.invoice", key, {"state": "posted", "move": move, "number": number or f"INV-{key:05d}"})
        return key

    def receipt(
        self,
        party: int,
        parts: Sequence[tuple[int | None, Decimal]],
        day: date,
        *,
        currency: str = "USD",
        rate: Decimal = Decimal(1),
        description: str | None = None,
        journal: str = "CASH",
        account: str = "1010",
    ) -> list[int]:
        """Book money that came in by hand: parts on invoices, or on account. Return its receivable lines."""
        move = self._move(day, journal, None, description)
        total = ZERO
        lines = []
        for _, amount in parts:
            base = _base(amount, rate)
            total += base
            lines.append(self._line(move, self.accounts["1200"], party, -base, currency, -amount))
        self._line(move, self.accounts[account], None, total, currency, sum((a for _, a in parts), ZERO))
        self._post(move)
        for line, (invoice, _) in zip(lines, parts, strict=True):
            if invoice is not None:
                self._write("account.invoice", invoice, {"payment_lines": [("add", [line])]})
        return lines

    def statement(self, name: str, day: date, lines: Sequence[tuple[int | None, Decimal, str]]) -> int:
        """Key a bank statement, a draft: what came in of whom, and what the bank said."""
        total = sum((amount for _, amount, _ in lines), ZERO)
        keyed = [
            {
                "date": day,
                "amount": amount,
                "party": party,
                "account": self.accounts["1200" if party else "4000"],
                "description": said,
            }
            for party, amount, said in lines
        ]
        values = {"name": name, "company": COMPANY, "journal": next(iter(self._banks.values())), "date": day}
        values |= {"start_balance": ZERO, "end_balance": total, "lines": [("create", keyed)]}
        (key,) = self._create("account.statement", values)
        return key

    def payment(self, party: int, amount: Decimal, day: date, line: int | None = None) -> int:
        """Ask for a direct debit, a draft."""
        values = {"company": COMPANY, "journal": self._debits["Direct debit"], "kind": "receivable", "party": party}
        (key,) = self._create("account.payment", {**values, "amount": amount, "date": day, "line": line})
        return key

    def reconcile(self, lines: Sequence[int]) -> None:
        """Reconcile lines, as a person does by hand."""
        with self._sim.changing():
            self._sim.accounting.reconcile([self._sim.db.one("account.move.line", i) for i in lines])

    def cancel(self, invoice: int, day: date) -> None:
        """Cancel a posted invoice by a move that takes it back."""
        record = self._one("account.invoice", invoice)
        held = [r for r in self._sim.records("account.move.line") if r["move"] == record["move"]]
        move = self._move(day, "REV", f"account.move,{record['move']}")
        turned = []
        for line in held:
            foreign, second = line["second_currency"], line["amount_second_currency"]
            balance = line["credit"] - line["debit"]
            code = next((c for c, key in self.currencies.items() if key == foreign), "USD")
            turned.append(self._line(move, line["account"], line["party"], balance, code, -(second or ZERO)))
        self._post(move)
        self._write("account.invoice", invoice, {"cancel_move": move, "state": "cancelled"})
        owed = self.accounts["1200"]
        both = [(old["id"], new) for old, new in zip(held, turned, strict=True) if old["account"] == owed]
        for pair in both:
            self.reconcile(pair)

    # --- parts

    def _invoice_move(
        self, key: int, draft: Mapping[str, Any], parts: Sequence[tuple[date, Decimal]], currency: str, rate: Decimal
    ) -> int:
        move = self._move(draft["invoice_date"], "REV", f"account.invoice,{key}")
        total = ZERO
        for due, amount in parts:
            base = _base(amount, rate)
            total += base
            self._line(move, self.accounts["1200"], draft["party"], base, currency, amount, due)
        self._line(move, self.accounts["4000"], None, -total, currency, -draft["total_amount"])
        self._post(move)
        return move

    def _move(self, day: date, journal: str, origin: str | None, description: str | None = None) -> int:
        with self._sim.changing():
            period = self._sim.accounting.period(COMPANY, day)
        values = {"company": COMPANY, "date": day, "period": period, "journal": self.journals[journal]}
        (key,) = self._create("account.move", {**values, "origin": origin, "description": description})
        return key

    def _line(
        self,
        move: int,
        account: int,
        party: int | None,
        base: Decimal,
        currency: str,
        amount: Decimal,
        due: date | None = None,
    ) -> int:
        values: dict[str, Any] = {"move": move, "account": account, "party": party, "maturity_date": due}
        values |= {"debit": max(base, ZERO), "credit": max(-base, ZERO)}
        if currency != "USD":
            values |= {"second_currency": self.currencies[currency], "amount_second_currency": amount}
        (key,) = self._create("account.move.line", values)
        return key

    def _post(self, move: int) -> None:
        with self._sim.changing():
            self._sim.accounting.post(move)

    def _create(self, model: str, values: Mapping[str, Any]) -> list[int]:
        made: list[int] = self._sim.call(model, "create", [values])
        return made

    def _write(self, model: str, key: int, values: Mapping[str, Any]) -> None:
        self._sim.call(model, "write", [key], values)

    def _one(self, model: str, key: int) -> Mapping[str, Any]:
        return self._sim.db.one(model, key)


def _base(amount: Decimal, rate: Decimal) -> Decimal:
    return (amount * rate).quantize(_CENT, rounding=ROUND_HALF_EVEN)
