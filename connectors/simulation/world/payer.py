"""How customers pay: when, how much, for what, and what they write on the transfer.

Belongs here: the payer's side and its line at the bank. Not here: the ERP's side (``clerk``), the invoices (``trade``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

from connectors.simulation.world.bank import Bank
from connectors.simulation.world.books import ZERO, OpenDocument
from connectors.simulation.world.clerk import Clerk
from connectors.simulation.world.company import Buyer, legal_entity, money
from connectors.simulation.world.days import DAY, Shift, business_day
from connectors.simulation.world.engine import Engine
from connectors.simulation.world.model import BankLine, IntendedMatch, Receipt
from connectors.simulation.world.payments import Fate, Payment, Sent
from connectors.simulation.world.remittance import CARD_NUMBER, text

MOST_IN_ONE = 8  #: invoices that one payment settles at most
_USUAL_HINTS = ("reference", "compact", "number", "structured")
_ALL_HINTS = ("reference", "structured", "amount", "typo", "compact", "number")
_USUAL = Fate()
_NOT_YET = datetime.min.replace(tzinfo=UTC)


class Payer:
    """All customers' payments."""

    def __init__(self, engine: Engine, bank: Bank, clerk: Clerk) -> None:
        self._engine = engine
        self._books = engine.books
        self._bank = bank
        self._clerk = clerk
        self._dice = engine.dice("payments")
        self._runs: dict[tuple[str, tuple[str, str], date], list[tuple[str, int]]] = {}
        self._twins: dict[tuple[str, date, Decimal], BankLine] = {}
        self._receipts = 0
        self._hinted = 0
        self.intended: list[IntendedMatch] = []

    def expect(self, buyer: Buyer, document_id: str, fate: Fate) -> None:
        """Plan how an invoice will be paid."""
        debt = self._books.debts[document_id]
        self._clerk.invoiced[buyer.customer.party_id].append(document_id)
        if fate.kind == "never":
            self._clerk.give_up(document_id)
            return
        for part in debt.parts:
            self._expect_part(buyer, debt, part.number, part.due, fate if part.number == 1 else _USUAL)

    def _expect_part(self, buyer: Buyer, debt: OpenDocument, number: int, due: date, fate: Fate) -> None:
        rng, row = self._dice, debt.row
        piece = (row.document_id, number)
        whole = Payment(buyer, (row.legal_entity, row.currency), (piece,), fate)
        soonest = business_day(row.recorded_at.date() + DAY)
        habit = due + timedelta(days=round(rng.gauss(buyer.delay, buyer.spread)))
        day = fate.pay_on or max(business_day(habit), soonest)
        if fate.kind == "partial":
            self.pay_on(day, Payment(*_of(whole), share=Decimal(rng.randrange(40, 70)) / 100))
            if rng.random() < 0.8:
                rest = Payment(buyer, whole.market, whole.pieces, _USUAL)
                self.pay_on(day + timedelta(days=rng.randrange(10, 30)), rest)
        elif fate.kind == "short":
            self.pay_on(day, Payment(*_of(whole), share=Decimal(rng.randrange(950, 996)) / 1000))
        elif fate.kind == "discount":
            early = business_day(row.document_date + timedelta(days=rng.randrange(4, 9)))
            self.pay_on(fate.pay_on or max(early, soonest), Payment(*_of(whole), share=Decimal("0.98")))
        elif fate.kind == "over":
            self.pay_on(day, Payment(*_of(whole), extra=money(row.amount * rng.randrange(1, 10) / 100, row.currency)))
        elif fate.kind == "other_currency":
            self.pay_on(day, Payment(*_of(whole), currency="USD"))
        elif fate == _USUAL and buyer.runs:
            self._join_run(whole, day)
        else:
            self.pay_on(day, whole)

    def pay_on(self, day: date, payment: Payment) -> None:
        """Plan a payment."""
        self._engine.at(day, Shift.CASH, partial(self._pay, payment))

    def on_account(self, buyer: Buyer, day: date, amount: Decimal, hint: str = "on_account") -> None:
        """Plan a payment that is meant for no invoice yet."""
        self.pay_on(day, Payment(buyer, buyer.markets[0], (), Fate("on_account", hint=hint), extra=amount))

    def _join_run(self, whole: Payment, day: date) -> None:
        thursday = day + timedelta(days=(3 - day.weekday()) % 7)
        key = (whole.buyer.customer.party_id, whole.market, thursday)
        if key not in self._runs:
            self._runs[key] = []
            self._engine.at(thursday, Shift.CASH, lambda when: self._pay_run(whole, self._runs.pop(key), when))
        self._runs[key] += whole.pieces

    def _pay_run(self, whole: Payment, pieces: list[tuple[str, int]], when: datetime) -> None:
        for first in range(0, len(pieces), MOST_IN_ONE):
            self._pay(Payment(whole.buyer, whole.market, tuple(pieces[first : first + MOST_IN_ONE]), _USUAL), when)

    def _pay(self, payment: Payment, when: datetime) -> None:
        """Send the money: the bank sees it today, the ERP posts it later."""
        meant = []
        for document_id, number in payment.pieces:
            debt = self._books.debts[document_id]
            left = ZERO if debt.withdrawn else debt.parts[number - 1].open - self._clerk.in_flight[document_id, number]
            amount = money(left * payment.share, payment.market[1])
            if amount > 0:
                meant.append((document_id, number, amount))
        total = sum((m[2] for m in meant), payment.extra)
        if total <= 0 or (payment.pieces and not meant):
            return
        day = when.date()
        receipt = self._receipt(payment, day, total)
        reference, returns_on = "", None
        if receipt.method == "bank_transfer":
            if payment.fate.kind == "bounced":
                returns_on = business_day(day + timedelta(days=self._dice.randrange(2, 6)))
            reference = self._through_bank(payment, receipt, meant, returns_on)
        for document_id, number, amount in meant:
            self._clerk.in_flight[document_id, number] += amount
        self._clerk.take(Sent(payment, receipt, tuple(meant), reference, returns_on))

    def _receipt(self, payment: Payment, day: date, total: Decimal) -> Receipt:
        rng = self._dice
        entity, currency = payment.market[0], payment.currency or payment.market[1]
        base = legal_entity(entity).base_currency
        if payment.currency:
            total = money(total / self._engine.rates.on(currency, payment.market[1], day), currency)
        by_bank = payment.fate != _USUAL or rng.random() < 0.94 or self._engine.in_backlog(day)
        self._receipts += 1
        rate = self._engine.rates.on(currency, base, day)
        return Receipt(
            receipt_id=f"R{self._receipts:07d}",
            legal_entity=entity,
            receipt_date=day,
            posting_date=day,
            currency=currency,
            amount=total,
            party_id=payment.buyer.customer.party_id,
            fx_rate=rate,
            method="bank_transfer" if by_bank else rng.choice(("card", "check")),
            reference=None,
            bank_line_ref=None,
            recorded_at=_NOT_YET,
            booked_rate=rate,
        )

    def _through_bank(
        self, payment: Payment, receipt: Receipt, meant: list[tuple[str, int, Decimal]], returns_on: date | None
    ) -> str:
        """Book the payment's line, and its return where it bounces, and return the bank's reference."""
        rng, customer, day = self._dice, payment.buyer.customer, receipt.receipt_date
        account = self._bank.account(receipt.legal_entity, receipt.currency)
        if day < self._bank.first_day:
            return self._bank.new_reference(account, day)
        twin = self._twins.get((customer.party_id, day, receipt.amount)) if payment.fate.twin else None
        hint = self._hint(payment, meant, day)
        references = [self._books.debts[document_id].row.reference for document_id, _, _ in meant]
        words, structured = text(rng, hint, customer.country, customer.party_id, references)
        if payment.fate.card_number:
            words = f"{words} CARD {CARD_NUMBER}"
        end_to_end = f"E2E{rng.randrange(10**9):09d}" if payment.fate.kind == "bounced" or rng.random() < 0.5 else None
        name, origin = self._who(payment.buyer)
        line = self._bank.book(
            account,
            day,
            receipt.amount,
            "payment",
            reference=twin.bank_reference if twin else "",
            remittance=twin.remittance if twin else words,
            structured=structured,
            end_to_end=twin.end_to_end_id if twin else end_to_end,
            name=twin.counterparty_name if twin else name,
            counterparty=twin.counterparty_account if twin else origin,
            hint=hint,
            receipt_id=receipt.receipt_id,
        )
        assert line is not None
        if payment.fate.twin:
            self._twins[customer.party_id, day, receipt.amount] = line
        self._mean(line, meant, receipt)
        if returns_on:
            back = partial(self._come_back, line, returns_on)
            self._engine.at(returns_on, Shift.EVENTS, back)
        return line.bank_reference

    def _mean(self, line: BankLine, meant: list[tuple[str, int, Decimal]], receipt: Receipt) -> None:
        key = (line.account, line.bank_reference, line.occurrence, receipt.receipt_id)
        hint = line.hint or ""
        for document_id, number, amount in meant:
            self.intended.append(IntendedMatch(*key, document_id, number, amount, hint))
        if not meant:
            self.intended.append(IntendedMatch(*key, None, None, receipt.amount, hint))

    def _come_back(self, line: BankLine, day: date, when: datetime) -> None:
        account = self._bank.account_of(line)
        self._bank.book(
            account,
            day,
            -line.amount,
            "return",
            remittance="RETURNED PAYMENT",
            end_to_end=line.end_to_end_id,
            name=line.counterparty_name,
            counterparty=line.counterparty_account,
            return_reason=self._dice.choice(("AC04", "AM04", "MS03")),
            original=line.end_to_end_id,
            receipt_id=line.receipt_id,
        )

    def _who(self, buyer: Buyer) -> tuple[str, str | None]:
        """Return name and account that stand on the transfer; one in fifty is paid by somebody else."""
        rng, customer = self._dice, buyer.customer
        if rng.random() < 0.02:
            other = rng.choice(self._engine.buyers).customer
            return f"{other.spellings[0]} FACTORING", None
        return rng.choice(customer.spellings), customer.iban_or_account if rng.random() < 0.93 else None

    def _hint(self, payment: Payment, meant: list[tuple[str, int, Decimal]], day: date) -> str:
        rng = self._dice
        hint = payment.fate.hint
        if hint is None and self._engine.in_backlog(day) and self._hinted < 2 * len(_ALL_HINTS):
            hint = _ALL_HINTS[self._hinted % len(_ALL_HINTS)]
            self._hinted += 1
        if hint is None:
            if rng.random() < payment.buyer.careless:
                hint = "typo" if rng.random() < 0.4 else "amount"
            else:
                hint = rng.choices(_USUAL_HINTS, cum_weights=(60, 73, 85, 100))[0]
        if hint == "structured" and len(meant) != 1:
            return "reference"
        if hint == "amount" and not self._fits_one(payment, meant):
            return "ambiguous"
        return hint

    def _fits_one(self, payment: Payment, meant: list[tuple[str, int, Decimal]]) -> bool:
        """Whether the sum is what is open of exactly one instalment of the payer."""
        if len(meant) != 1:
            return False
        fitting = 0
        for document_id in self._clerk.open_documents(payment.buyer.customer.party_id, payment.market):
            debt = self._books.debts[document_id]
            fitting += sum(p.open - self._clerk.in_flight[document_id, p.number] == meant[0][2] for p in debt.parts)
        return fitting == 1


def _of(whole: Payment) -> tuple[Buyer, tuple[str, str], tuple[tuple[str, int], ...], Fate]:
    return whole.buyer, whole.market, whole.pieces, whole.fate
