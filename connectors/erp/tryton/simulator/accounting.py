"""What the simulated server's accounting does: moves, reconciliations, the state of invoices.

Belongs here: the effects of trytond's account and account_invoice modules that the product meets, with their refusals.
Not here: statements (``statements``), fields that are only computed (``computed``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from connectors.erp.tryton.simulator.computed import ZERO, reconciled
from connectors.erp.tryton.simulator.database import Database, Record, Refused
from connectors.simulation.store import Store

STATEMENT, LINE, MOVE, MOVE_LINE = "account.statement", "account.statement.line", "account.move", "account.move.line"
PAYMENT = "account.payment"
_CENT = Decimal("0.01")


class Accounting:
    """The books of the simulated company."""

    def __init__(self, db: Database, store: Store, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._store = store
        self._clock = clock

    def next_number(self, sequence: str) -> str:
        """Return the next number of a sequence."""
        return str(self._store.next_number(f"number:{sequence}"))

    # --- moves

    def period(self, company: int, day: date) -> int:
        """Return the period of a day; Refused where there is none."""
        for period in self._db.pointing("account.period", "company", company):
            if period["start_date"] <= day <= period["end_date"] and period["state"] == "open":
                return int(period["id"])
        name = self._name("company.company", company)
        raise Refused(f'To continue, you must create a period for the date "{day:%m/%d/%Y}" and company "{name}".')

    def post(self, move: int) -> None:
        """Post a move: it gets its number."""
        if self._db.one(MOVE, move)["state"] != "posted":
            number = f"MV{self._db.one(MOVE, move)['date'].year}-{self.next_number('move'):0>3}"
            self._db.write(MOVE, [move], {"state": "posted", "number": number})

    def rate(self, currency: int, day: date) -> Decimal:
        """Return units of a currency per unit of the base currency on a day."""
        rates = [r for r in self._db.pointing("currency.currency.rate", "currency", currency) if r["date"] <= day]
        return max(rates, key=lambda r: r["date"])["rate"] if rates else Decimal(1)

    def converted(self, amount: Decimal, currency: int, company_currency: int, day: date) -> Decimal:
        """Return an amount in the company's currency at the rate of a day."""
        if currency == company_currency:
            return amount
        value = amount * self.rate(company_currency, day) / self.rate(currency, day)
        return value.quantize(_CENT, rounding=ROUND_HALF_EVEN)

    # --- reconciling

    def best(self, lines: Iterable[Record], foreign: int | None, amount: Decimal) -> tuple[list[Record], Decimal]:
        """Return the lines that an amount settles with the least left over, and what is left over."""
        ordered = sorted(lines, key=lambda r: r["maturity_date"] or self._db.one(MOVE, r["move"])["date"])
        balances = {r["id"]: _balance(r, foreign) for r in ordered}
        ordered = [r for r in ordered if balances[r["id"]]]
        sides = {
            True: [r for r in ordered if balances[r["id"]] > 0],
            False: [r for r in ordered if balances[r["id"]] < 0],
        }
        left = sum(balances.values(), -amount)
        best, least = list(ordered), left
        while left and ordered:
            side = sides[left > 0]
            if not side:
                break
            line = side.pop()
            ordered.remove(line)
            left -= balances[line["id"]]
            if ordered and abs(left) < abs(least):
                best, least = list(ordered), left
        return best, least

    def reconcile(self, lines: Sequence[Record]) -> None:
        """Reconcile lines; what their base amounts differ by is an exchange difference with a move of its own."""
        for line in lines:
            if self._db.one(MOVE_LINE, line["id"])["reconciliation"] is not None:
                raise Refused(f'You cannot reconcile already reconciled line "({line["id"]})".')
        ids = [r["id"] for r in lines]
        first = self._db.one(MOVE_LINE, ids[0])
        company = self._db.one("account.account", first["account"])["company"]
        difference = sum((r["debit"] - r["credit"] for r in lines), ZERO)
        days = [d for r in lines for d in (r["maturity_date"], self._db.one(MOVE, r["move"])["date"]) if d]
        if difference:
            posted = all(self._db.one(MOVE, r["move"])["state"] == "posted" for r in lines)
            ids.append(self._exchange(company, first, difference, posted))
        made = {"company": company, "number": self.next_number("reconciliation"), "date": max(days)}
        found = self._db.create("account.move.reconciliation", made)
        self._db.write(MOVE_LINE, ids, {"reconciliation": found})
        self.process({self._db.one(MOVE_LINE, i)["move"] for i in ids})

    def process(self, moves: Iterable[int]) -> None:
        """Bring the state of the invoices of these moves up to what is reconciled."""
        for move in sorted(moves):
            for invoice in list(self._db.pointing("account.invoice", "move", move)):
                state = "paid" if reconciled(self._db, invoice) else "posted"
                if invoice["state"] in ("posted", "paid") and invoice["state"] != state:
                    self._db.write("account.invoice", [invoice["id"]], {"state": state})

    def _exchange(self, company: int, like: Record, difference: Decimal, posted: bool) -> int:
        """Book a difference today; it stays a draft where one of the moves that it comes of still is one."""
        day = self._clock().date()
        journal = self._db.one("account.configuration", 1)["currency_exchange_journal"]
        other = next(r["id"] for r in self._db.all("account.account") if r["code"] == "8.1.1")
        side = {"debit": max(-difference, ZERO), "credit": max(difference, ZERO)}
        turned = {"debit": side["credit"], "credit": side["debit"]}
        move = self._db.create(
            MOVE,
            {
                "company": company,
                "date": day,
                "period": self.period(company, day),
                "journal": journal,
                "lines": [
                    (
                        "create",
                        [{"account": like["account"], "party": like["party"], **side}, {"account": other, **turned}],
                    )
                ],
            },
        )
        if posted:
            self.post(move)
        return int(self._db.pointing(MOVE_LINE, "move", move)[0]["id"])

    def may_delete(self, model: str, ids: Sequence[int]) -> None:
        """Refuse to delete what is posted."""
        for key in ids:
            record = self._db.get(model, key)
            if record is None:
                continue
            if model == STATEMENT and record["state"] not in ("cancelled", "draft"):
                raise Refused(f'To delete statement "{record["name"]}" you must cancel it.')
            if model == MOVE and record["state"] == "posted":
                raise Refused(f'You cannot modify posted move "{record["number"]}".')
            if model == "account.invoice" and record["state"] not in ("cancelled", "draft"):
                raise Refused(f'To delete invoice "{record["number"]}" you must cancel it.')

    def _name(self, model: str, key: int) -> str:
        record = self._db.one(model, key)
        return str((self._db.get("party.party", record.get("party")) or record).get("name"))


def _balance(line: Record, foreign: int | None) -> Decimal:
    if foreign is None:
        return Decimal(line["debit"] - line["credit"])
    return line["amount_second_currency"] if line["second_currency"] == foreign else ZERO
