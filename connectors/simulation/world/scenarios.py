"""What every company of this kind goes through at least once, at fixed distances from ``as_of``, whatever the seed.

Belongs here: the cases that a test must be able to count on, pending payments above all. Not here: everyday business.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from connectors.simulation.world.bank import Bank
from connectors.simulation.world.clerk import Clerk
from connectors.simulation.world.company import Buyer, money
from connectors.simulation.world.days import DAY, Shift
from connectors.simulation.world.engine import Engine
from connectors.simulation.world.model import Document
from connectors.simulation.world.payer import Payer
from connectors.simulation.world.payments import Fate, Payment
from connectors.simulation.world.trade import SCRIPTED, Sale, Trade


class Scenarios:
    """Scripted cases; each of the first four customers trades in another entity or currency."""

    def __init__(self, engine: Engine, bank: Bank, trade: Trade, payer: Payer, clerk: Clerk) -> None:
        self._engine = engine
        self._bank = bank
        self._trade = trade
        self._payer = payer
        self._clerk = clerk
        self._written = 0

    def play(self) -> int:
        """Plan all cases and return how many invoices they write."""
        us, de, jp, de_usd = self._engine.buyers[:SCRIPTED]
        for buyer in (us, de):
            self._pending(buyer)
        self._went_wrong(us, de, de_usd)
        self._sell(jp, 40, "812500", Fate(pay_on=self._day(5), hint="reference"))
        self._still_to_come(us, de)
        return self._written

    def _day(self, ago: int) -> date:
        """Return the business day at least ``ago`` days before ``as_of``, and never after it."""
        day = self._engine.as_of - timedelta(days=ago)
        return day - timedelta(days=max(0, day.weekday() - 4))

    def _sell(self, buyer: Buyer, ago: int, amount: str, fate: Fate, mishap: str = "", terms: str = "NET30") -> None:
        self._written += 1
        market = buyer.markets[0]
        sale = Sale(buyer, market, self._day(ago), Decimal(amount), money(Decimal(0), market[1]), fate, mishap, terms)
        self._engine.at(sale.day, Shift.BILLING, partial(self._trade.bill, sale))

    def _pending(self, buyer: Buyer) -> None:
        """Money that the bank has and the ERP has not: with a reference, without, twice the same, returned."""
        in_window = self._day(4)
        self._sell(buyer, 41, "1830.40", Fate(pay_on=in_window, hint="reference"))
        self._sell(buyer, 41, "2417.15", Fate(pay_on=in_window, hint="typo"))
        for amount, hint in (
            ("538.61", "amount"),
            ("539.72", "compact"),
            ("540.83", "number"),
            ("541.94", "structured"),
        ):
            self._sell(buyer, 40, amount, Fate(pay_on=in_window, hint=hint))
        self._sell(buyer, 42, "991.07", Fate("short", pay_on=in_window, hint="reference"))
        self._sell(buyer, 42, "664.20", Fate("over", pay_on=in_window, hint="reference"))
        self._sell(buyer, 43, "350.35", Fate("bounced", pay_on=self._day(7), hint="reference"))
        self._sell(buyer, 43, "1207.80", Fate(pay_on=in_window, hint="reference", card_number=True))
        for _ in range(2):
            self._sell(buyer, 45, "499.00", Fate(pay_on=in_window, hint="ambiguous", twin=True))
        for _ in range(2):
            self._sell(buyer, 46, "725.50", Fate("never"))
        self._engine.at(in_window, Shift.CASH, partial(self._one_of_two_equal, buyer, Decimal("725.50")))

    def _one_of_two_equal(self, buyer: Buyer, amount: Decimal, when: datetime) -> None:
        books = self._engine.books
        unpaid = self._clerk.open_documents(buyer.customer.party_id, buyer.markets[0])
        equal = [d for d in unpaid if books.debts[d].open == amount]
        payment = Payment(buyer, buyer.markets[0], ((equal[0], 1),), Fate(hint="ambiguous"))
        self._payer.pay_on(when.date(), payment)

    def _went_wrong(self, us: Buyer, de: Buyer, de_usd: Buyer) -> None:
        """History: bounced and paid again, misapplied, charged back in part, voided, deleted, credited."""
        self._sell(us, 75, "1500.00", Fate("bounced", pay_on=self._day(50), hint="reference"))
        self._sell(de, 75, "1600.00", Fate("bounced", pay_on=self._day(49), hint="reference"))
        self._sell(us, 70, "300.00", Fate("never"))
        self._sell(us, 69, "290.00", Fate("misapplied", pay_on=self._day(40), hint="reference"))
        self._sell(de, 68, "880.00", Fate("charged_back", pay_on=self._day(44), hint="reference"))
        self._sell(de, 66, "770.00", Fate("other_currency", pay_on=self._day(38), hint="reference"))
        self._sell(us, 65, "610.00", Fate(pay_on=self._day(35), hint="reference"), "void_on")
        self._sell(us, 60, "120.00", Fate(), "void")
        self._sell(de, 60, "130.00", Fate(), "deleted")
        self._sell(de, 58, "1440.00", Fate(), "amount")
        self._sell(de_usd, 57, "2050.00", Fate("partial", pay_on=self._day(30), hint="reference"))
        self._sell(us, 52, "1000.00", Fate(pay_on=self._day(20), hint="reference"), terms="3X30")
        self._sell(de, 52, "1000.00", Fate(pay_on=self._day(19), hint="reference"), terms="3X30")
        self._credited_and_taken_back(us)

    def _credited_and_taken_back(self, buyer: Buyer) -> None:
        """A paid invoice is deleted, and an applied credit memo is voided: both set their other side free."""
        credited, deleted = self._day(56), self._day(55)
        self._sell(buyer, 56, "415.00", Fate("never"))
        self._sell(buyer, 55, "505.00", Fate(pay_on=self._day(34), hint="reference"))

        def credit(when: datetime) -> None:
            (document,) = self._posted(buyer, credited, Decimal("415.00"))
            memo = self._trade.credit(buyer, document.document_id, Decimal("100.00"), when, always=True)
            self._engine.at(
                when.date() + 6 * DAY, Shift.CORRECTIONS, lambda at: self._engine.books.void(memo, at, at.date())
            )

        def delete(when: datetime) -> None:
            (document,) = self._posted(buyer, deleted, Decimal("505.00"))
            self._engine.books.delete(document.document_id, when)

        self._engine.at(self._day(48), Shift.CORRECTIONS, credit)
        self._engine.at(self._day(22), Shift.CORRECTIONS, delete)

    def _still_to_come(self, us: Buyer, de: Buyer) -> None:
        """After ``as_of``: a void, a deletion, a corrected invoice and a bounce, for the run after the first one."""
        for buyer, ago in ((us, 20), (de, 21)):
            self._sell(buyer, ago, "905.00", Fate("never"))
            self._sell(buyer, ago, "906.00", Fate("never"))
        self._sell(us, 50, "907.00", Fate(pay_on=self._day(15), hint="reference"))
        books = self._engine.books

        def change(when: datetime) -> None:
            for buyer, ago in ((us, 20), (de, 21)):
                (voided,) = self._posted(buyer, self._day(ago), Decimal("905.00"))
                (deleted,) = self._posted(buyer, self._day(ago), Decimal("906.00"))
                books.void(voided.document_id, when, when.date())
                books.delete(deleted.document_id, when)
            (paid,) = self._posted(us, self._day(50), Decimal("907.00"))
            receipt_id = books.applied[books.debts[paid.document_id].live[0]].row.source_id
            books.bounce(receipt_id, "reversed", when.date(), when)
            account = self._bank.account(*us.markets[0])
            self._bank.book(account, when.date(), -paid.amount, "return", remittance="REVERSAL", receipt_id=receipt_id)

        self._engine.at(self._engine.as_of + DAY, Shift.CORRECTIONS, change)

    def _posted(self, buyer: Buyer, day: date, amount: Decimal) -> list[Document]:
        rows = (self._engine.books.debts[d].row for d in self._clerk.invoiced[buyer.customer.party_id])
        return [row for row in rows if (row.posting_date, row.amount) == (day, amount)]
