"""What the ERP's clerks make of the money: receipts, allocations, and what goes wrong with them afterwards.

Belongs here: cash from its posting on. Not here: the payer's side (``payer``) and the effect on balances (``books``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from connectors.simulation.world.bank import Bank
from connectors.simulation.world.books import ZERO
from connectors.simulation.world.days import Shift, business_day
from connectors.simulation.world.engine import Engine
from connectors.simulation.world.model import Receipt
from connectors.simulation.world.payments import Fate, Payment, Sent

LATE = 25  #: days that a forgotten receipt waits


class Clerk:
    """Posts receipts, applies them, corrects, writes off, refunds. ``in_flight`` is paid and not yet posted."""

    def __init__(self, engine: Engine, bank: Bank) -> None:
        self._engine = engine
        self._books = engine.books
        self._bank = bank
        self._dice = engine.dice("clerk")
        self._advances: defaultdict[str, list[str]] = defaultdict(list)
        self._alike: Counter[tuple[str, str, date, Decimal]] = Counter()
        self.repay: Callable[[date, Payment], None] = lambda day, payment: None
        self.in_flight: defaultdict[tuple[str, int], Decimal] = defaultdict(lambda: ZERO)
        self.invoiced: defaultdict[str, list[str]] = defaultdict(list)

    def take(self, sent: Sent) -> None:
        """Plan the posting of money that was sent; a payment in a hundred is forgotten for weeks."""
        receipt, lag = sent.receipt, 0
        if receipt.method == "bank_transfer":
            weights = (40, 80, 100, 100) if sent.payment.fate.pay_on else (40, 80, 99, 100)
            lag = self._dice.choices((0, 1, 2, LATE), cum_weights=weights)[0]
            self._alike[_looks(receipt)] += 1
        day = self._engine.posting_day(receipt.receipt_date, lag)
        self._engine.at(day, Shift.CASH, partial(self._post, sent))

    def open_documents(self, party_id: str, market: tuple[str, str]) -> list[str]:
        """Documents of a customer that are open in a legal entity and currency, oldest due first."""
        found = []
        for document_id in self.invoiced[party_id]:
            debt = self._books.debts[document_id]
            if not debt.withdrawn and (debt.row.legal_entity, debt.row.currency) == market and debt.open > 0:
                found.append((debt.row.due_date, document_id))
        return [document_id for _, document_id in sorted(found)]

    def settle(
        self,
        credit_id: str,
        document_id: str,
        part: int,
        amount: Decimal,
        when: datetime,
        effective: date | None = None,
        source_amount: Decimal | None = None,
    ) -> str | None:
        """Apply at most ``amount`` of a credit to a document, as far as both sides still allow."""
        debt, credit = self._books.debts[document_id], self._books.credits[credit_id]
        if debt.withdrawn or credit.withdrawn:
            return None
        open_amount = debt.parts[part - 1].open if debt.named else debt.open
        if source_amount is not None:
            if amount > open_amount or source_amount > credit.unapplied:
                return None
        else:
            amount = min(amount, open_amount, credit.unapplied)
        if amount <= 0:
            return None
        chosen = part if debt.named else None
        return self._books.apply(credit_id, document_id, amount, when, chosen, source_amount, effective)

    def use_advance(self, document_id: str, when: datetime) -> bool:
        """Apply money that came before its invoice; False where there is none of exactly that sum."""
        debt = self._books.debts[document_id]
        for receipt_id in self._advances[debt.row.party_id]:
            credit = self._books.credits[receipt_id]
            same_market = (credit.row.legal_entity, credit.row.currency) == (debt.row.legal_entity, debt.row.currency)
            if same_market and credit.unapplied == debt.open:
                for part in debt.parts if debt.named else debt.parts[:1]:
                    self.settle(receipt_id, document_id, part.number, part.open if debt.named else debt.open, when)
                return True
        return False

    def give_up(self, document_id: str) -> None:
        """Plan what becomes of an invoice that is never paid: most are written off after half a year."""
        rng, debt = self._dice, self._books.debts[document_id]
        later = debt.row.due_date + timedelta(days=rng.randrange(120, 260))
        if rng.random() < 0.8:
            for part in debt.parts:
                self._engine.at(later, Shift.EVENTS, partial(self._bad_debt, document_id, part.number))

    # -- posting -----------------------------------------------------------------

    def _post(self, sent: Sent, when: datetime) -> None:
        receipt = self._posted(sent, when)
        self._books.receive(receipt)
        for document_id, part, amount in sent.meant:
            self.in_flight[document_id, part] -= amount
            if sent.payment.fate.kind == "misapplied" and self._misapply(
                receipt, sent, document_id, part, amount, when
            ):
                continue
            taken = receipt.amount if sent.payment.currency else None
            self.settle(receipt.receipt_id, document_id, part, amount, when, source_amount=taken)
        if self._dice.random() < 0.05:
            cleared = partial(self._clear, receipt)
            self._engine.at(when.date() + timedelta(days=2), Shift.EVENTS, cleared)
        self._afterwards(sent, receipt, when)

    def _posted(self, sent: Sent, when: datetime) -> Receipt:
        """Return the receipt as the clerk keys it: mostly with the bank's reference, sometimes by hand without one."""
        rng, receipt = self._dice, sent.receipt
        waited = (when.date() - receipt.receipt_date).days
        late = 4 < waited < LATE and rng.random() < 0.5  # posted on the day it is keyed; a forgotten one is dated back
        posted = when.date() if late else receipt.receipt_date
        rate, stated, line, reference = receipt.booked_rate, receipt.fx_rate, None, None
        if receipt.currency == "USD" and rate != 1 and rng.random() < 0.4:
            rate, stated = self._engine.rates.on("USD", "EUR", posted), None
        by_hand = waited > 0 and self._alike[_looks(receipt)] == 1 and rng.random() < 0.03
        if receipt.method != "bank_transfer":
            reference = f"{receipt.method.upper()}-{rng.randrange(10**6):06d}"
        elif not by_hand and rng.random() < 0.2:
            reference = sent.bank_reference
        elif not by_hand:
            line = sent.bank_reference
        return replace(
            receipt,
            recorded_at=when,
            posting_date=posted,
            fx_rate=stated,
            booked_rate=rate,
            reference=reference,
            bank_line_ref=line,
        )

    def _misapply(
        self, receipt: Receipt, sent: Sent, document_id: str, part: int, amount: Decimal, when: datetime
    ) -> bool:
        """Apply the money to another of the customer's invoices, and put it right some days later."""
        for wrong in self.open_documents(receipt.party_id, sent.payment.market):
            debt = self._books.debts[wrong]
            if wrong != document_id and len(debt.parts) == 1 and debt.open >= amount and not self.in_flight[wrong, 1]:
                allocation_id = self.settle(receipt.receipt_id, wrong, 1, amount, when)
                assert allocation_id is not None
                self.in_flight[document_id, part] += amount
                fix = partial(self._put_right, receipt, allocation_id, document_id, part, amount)
                self._engine.at(when.date() + timedelta(days=self._dice.randrange(3, 10)), Shift.CORRECTIONS, fix)
                return True
        return False

    def _put_right(
        self, receipt: Receipt, allocation_id: str, document_id: str, part: int, amount: Decimal, when: datetime
    ) -> None:
        self.in_flight[document_id, part] -= amount
        if allocation_id in self._books.applied:
            self._books.undo(allocation_id, when)
            self.settle(receipt.receipt_id, document_id, part, amount, when, effective=when.date())

    # -- afterwards -----------------------------------------------------------------

    def _clear(self, receipt: Receipt, when: datetime) -> None:
        self._books.clear(receipt.receipt_id, when.date(), when)

    def _afterwards(self, sent: Sent, receipt: Receipt, when: datetime) -> None:
        rng, day, kind = self._dice, when.date(), sent.payment.fate.kind
        if kind == "discount":
            for document_id, part, _ in sent.meant:
                self._engine.at(day, Shift.EVENTS, partial(self._discount, document_id, part))
        elif kind == "short" and rng.random() < 0.5:
            for document_id, part, _ in sent.meant:
                later = day + timedelta(days=rng.randrange(10, 20))
                self._engine.at(later, Shift.EVENTS, partial(self._write_off, document_id, part))
        elif kind == "over" and rng.random() < 0.5:
            self._engine.at(day + timedelta(days=rng.randrange(8, 30)), Shift.EVENTS, partial(self._refund, receipt))
        elif kind == "on_account":
            self._advances[receipt.party_id].append(receipt.receipt_id)
            later = day + timedelta(days=rng.randrange(12, 40))
            if rng.random() < 0.6:
                self._engine.at(later, Shift.CORRECTIONS, partial(self._apply_to_oldest, receipt, sent.payment.market))
        elif kind == "bounced" and sent.returns_on:
            back = max(self._engine.posting_day(sent.returns_on, 1), day)
            self._engine.at(back, Shift.EVENTS, partial(self._bounce, sent, receipt))
        elif kind == "charged_back":
            later = day + timedelta(days=rng.randrange(8, 20))
            self._engine.at(later, Shift.EVENTS, partial(self._charge_back, receipt))

    def _discount(self, document_id: str, part: int, when: datetime) -> None:
        self._adjust(document_id, part, "discount", "2PCT10", when)

    def _write_off(self, document_id: str, part: int, when: datetime) -> None:
        left = self._books.debts[document_id].parts[part - 1].open
        kind = ("rounding", "SMALL") if left < 1 else ("write_off", "SHORTPAY")
        self._adjust(document_id, part, *kind, when)

    def _bad_debt(self, document_id: str, part: int, when: datetime) -> None:
        self._adjust(document_id, part, "write_off", "BADDEBT", when)

    def _adjust(self, document_id: str, part: int, kind: str, reason: str, when: datetime) -> None:
        debt = self._books.debts[document_id]
        left = debt.parts[part - 1].open
        if not debt.withdrawn and left > 0 and self.in_flight[document_id, part] <= 0:
            self._books.adjust(document_id, kind, left, when, reason, part)

    def _refund(self, receipt: Receipt, when: datetime) -> None:
        left, day = self._books.credits[receipt.receipt_id].unapplied, when.date()
        if left > 0:
            self._books.refund(receipt.receipt_id, left, day, when)
            account = self._bank.account(receipt.legal_entity, receipt.currency)
            self._bank.book(
                account, day, -left, "refund", remittance=f"REFUND {receipt.party_id}", name="CUSTOMER REFUND"
            )

    def _apply_to_oldest(self, receipt: Receipt, market: tuple[str, str], when: datetime) -> None:
        stated = when.date() if self._dice.random() < 0.5 else None
        for document_id in self.open_documents(receipt.party_id, market):
            debt = self._books.debts[document_id]
            if not any(self.in_flight[document_id, p.number] for p in debt.parts):
                for part in debt.parts if debt.named else debt.parts[:1]:
                    whole = part.open if debt.named else debt.open
                    self.settle(receipt.receipt_id, document_id, part.number, whole, when, effective=stated)

    def _bounce(self, sent: Sent, receipt: Receipt, when: datetime) -> None:
        assert sent.returns_on is not None
        day = max([sent.returns_on, receipt.posting_date, *self._effective_days(receipt)])
        self._books.bounce(receipt.receipt_id, "bounced", day, when)
        if self._dice.random() < 0.8:
            again = business_day(when.date() + timedelta(days=self._dice.randrange(5, 15)))
            payment = sent.payment
            self.repay(again, Payment(payment.buyer, payment.market, payment.pieces, Fate()))

    def _charge_back(self, receipt: Receipt, when: datetime) -> None:
        live = self._books.credits[receipt.receipt_id].live
        if len(live) == 1 and len(self._books.applied[live[0]].split) == 1:
            whole = self._books.applied[live[0]].row.amount
            part = (whole * self._dice.randrange(30, 60) / 100).quantize(whole)
            day = max([when.date(), *self._effective_days(receipt)])
            self._books.bounce(receipt.receipt_id, "charged_back", day, when, part)

    def _effective_days(self, receipt: Receipt) -> list[date]:
        return [self._books.applied[a].effective for a in self._books.credits[receipt.receipt_id].live]


def _looks(receipt: Receipt) -> tuple[str, str, date, Decimal]:
    return receipt.legal_entity, receipt.currency, receipt.receipt_date, receipt.amount
