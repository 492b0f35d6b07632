"""The company as it can be seen on a day: rows known by then, in every version, and what is still to come.

Belongs here: making a world, looking at it, moving on in time. Not here: what its balances are (``truth``).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from connectors.simulation.world import crm as crm_rows
from connectors.simulation.world.bank import Bank
from connectors.simulation.world.clerk import Clerk
from connectors.simulation.world.company import moves
from connectors.simulation.world.days import closing, month_ends
from connectors.simulation.world.engine import HORIZON, Engine
from connectors.simulation.world.ledger import control_balances
from connectors.simulation.world.model import (
    Adjustment,
    Allocation,
    BankLine,
    CrmAccount,
    CrmCase,
    CrmContact,
    CrmContract,
    CrmOpportunity,
    CrmOrder,
    Customer,
    Dispute,
    Document,
    Entry,
    FxRate,
    GlBalance,
    Installment,
    IntendedMatch,
    Order,
    Receipt,
    ReceiptEvent,
)
from connectors.simulation.world.payer import Payer
from connectors.simulation.world.scenarios import Scenarios
from connectors.simulation.world.trade import Trade

Row = TypeVar("Row")
FEWEST_CUSTOMERS, FEWEST_INVOICES, FEWEST_MONTHS = 10, 50, 4


@dataclass(frozen=True, slots=True)
class History:
    """Everything that ever happens, what is still to come included; each list in the order of its recording."""

    start: date
    customers: tuple[Customer, ...]
    fx_rates: tuple[FxRate, ...]
    orders: tuple[Order, ...]
    documents: tuple[Document, ...]
    installments: tuple[Installment, ...]
    receipts: tuple[Receipt, ...]
    receipt_events: tuple[ReceiptEvent, ...]
    allocations: tuple[Allocation, ...]
    adjustments: tuple[Adjustment, ...]
    disputes: tuple[Dispute, ...]
    bank_lines: tuple[BankLine, ...]
    bank_opening: tuple[tuple[str, Decimal], ...]
    bank_first_day: date
    intended: tuple[IntendedMatch, ...]
    entries: tuple[Entry, ...]
    crm: crm_rows.Crm


@dataclass(frozen=True)
class World:
    """A company on the evening of ``as_of``. Rows are those recorded by then, every version of each."""

    seed: int
    as_of: date
    closings: tuple[date, ...]  #: days on which somebody looked, oldest first; the books were closed on each
    history: History

    @classmethod
    def make(cls, seed: int, as_of: date, customers: int = 2000, invoices: int = 20000, months: int = 24) -> World:
        """Return the company of that seed and size; ``invoices`` are those written until ``as_of``, voided ones too."""
        sizes = ((customers, FEWEST_CUSTOMERS), (invoices, FEWEST_INVOICES), (months, FEWEST_MONTHS))
        if any(size < least for size, least in sizes):
            least = f"{FEWEST_CUSTOMERS} customers, {FEWEST_INVOICES} invoices and {FEWEST_MONTHS} months"
            asked = f"{customers} customers, {invoices} invoices and {months} months"
            raise ValueError(f"a world of {asked} is too small; take at least {least}")
        collecting = gc.isenabled()
        gc.disable()  # all of these rows stay; looking for garbage among them takes a sixth of the time
        try:
            return cls(seed, as_of, (as_of,), _history(seed, as_of, customers, invoices, months))
        finally:
            if collecting:
                gc.enable()

    def advance(self, days: int) -> World:
        """Return the same company some days later."""
        day = self.as_of + timedelta(days=days)
        if days < 1 or day > self.closings[0] + timedelta(days=HORIZON):
            raise ValueError(f"{days} more days cannot be shown; a world goes on for {HORIZON} days after it is made")
        return World(self.seed, day, (*self.closings, day), self.history)

    @property
    def now(self) -> datetime:
        """Last second of ``as_of``."""
        return closing(self.as_of)

    def since(self, rows: Iterable[Row], earlier: World | None) -> list[Row]:
        """Return those rows that were not known in an earlier view of the same world."""
        if earlier is None:
            return list(rows)
        return [r for r in rows if _recorded(r) > earlier.now]

    def _known(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(r for r in rows if _recorded(r) <= self.now)

    # -- the ERP -----------------------------------------------------------------

    @cached_property
    def customers(self) -> tuple[Customer, ...]:
        """Customers, every version."""
        return self._known(self.history.customers)

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        """Orders, every version."""
        return self._known(self.history.orders)

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """Documents, every version."""
        return self._known(self.history.documents)

    @cached_property
    def installments(self) -> tuple[Installment, ...]:
        """Instalments of documents that have more than one."""
        return self._known(self.history.installments)

    @cached_property
    def receipts(self) -> tuple[Receipt, ...]:
        """Receipts that the ERP has posted."""
        return self._known(self.history.receipts)

    @cached_property
    def receipt_events(self) -> tuple[ReceiptEvent, ...]:
        """What happened to receipts."""
        return self._known(self.history.receipt_events)

    @cached_property
    def allocations(self) -> tuple[Allocation, ...]:
        """Allocations and their undoing."""
        return self._known(self.history.allocations)

    @cached_property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """Discounts, write-offs, roundings."""
        return self._known(self.history.adjustments)

    @cached_property
    def disputes(self) -> tuple[Dispute, ...]:
        """Disputes, every version."""
        return self._known(self.history.disputes)

    @cached_property
    def fx_rates(self) -> tuple[FxRate, ...]:
        """Exchange rates."""
        return self._known(self.history.fx_rates)

    @cached_property
    def gl_balances(self) -> tuple[GlBalance, ...]:
        """Control account balances at month ends and closings; restated when a back-dated row changes one."""
        days = sorted({*month_ends(self.history.start, self.as_of), *self.closings})
        return tuple(control_balances(self.entries, days))

    # -- banks -----------------------------------------------------------------

    @cached_property
    def bank_lines(self) -> tuple[BankLine, ...]:
        """Lines of all accounts until ``as_of``."""
        return tuple(line for line in self.history.bank_lines if line.booking_date <= self.as_of)

    # -- the CRM -----------------------------------------------------------------

    @cached_property
    def crm_accounts(self) -> tuple[CrmAccount, ...]:
        """Accounts, every version."""
        return self._known(self.history.crm.accounts)

    @cached_property
    def crm_contacts(self) -> tuple[CrmContact, ...]:
        """People at accounts."""
        return self._known(self.history.crm.contacts)

    @cached_property
    def crm_opportunities(self) -> tuple[CrmOpportunity, ...]:
        """Deals."""
        return self._known(self.history.crm.opportunities)

    @cached_property
    def crm_contracts(self) -> tuple[CrmContract, ...]:
        """Framework contracts."""
        return self._known(self.history.crm.contracts)

    @cached_property
    def crm_orders(self) -> tuple[CrmOrder, ...]:
        """Orders as the CRM has them."""
        return self._known(self.history.crm.orders)

    @cached_property
    def crm_cases(self) -> tuple[CrmCase, ...]:
        """Cases, every version."""
        return self._known(self.history.crm.cases)

    # -- hidden -----------------------------------------------------------------

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The company's own ledger, in the order in which it was written."""
        return self._known(self.history.entries)


def current(rows: Iterable[Row], key: Callable[[Row], object]) -> list[Row]:
    """Return the latest version of each row."""
    return list({key(r): r for r in rows}.values())


def _recorded(row: object) -> datetime:
    moment = getattr(row, "recorded_at", None) or getattr(row, "modified_at", None)
    if isinstance(row, BankLine):
        return closing(row.booking_date)
    assert isinstance(moment, datetime)
    return moment


def _history(seed: int, as_of: date, customers: int, invoices: int, months: int) -> History:
    engine = Engine(seed, as_of, customers, months)
    bank = Bank(engine)
    clerk = Clerk(engine, bank)
    payer = Payer(engine, bank, clerk)
    clerk.repay = payer.pay_on
    trade = Trade(engine, payer, clerk)
    scripted = Scenarios(engine, bank, trade, payer, clerk).play()
    trade.plan(invoices - scripted)
    engine.run()
    bank.everything_else()
    books = engine.books
    people = moves(engine.dice("moves"), engine.buyers, engine.start, engine.last, engine.clock)
    first, last = engine.start, engine.last
    crm = crm_rows.build(engine.dice("crm"), people, trade.orders, books.documents, trade.disputes, first, last)
    return History(
        start=engine.start,
        customers=tuple(people),
        fx_rates=tuple(engine.rates.rows),
        orders=tuple(_last_state_of_old(trade.orders, as_of - timedelta(days=2 * 30))),
        documents=tuple(books.documents),
        installments=tuple(books.installments),
        receipts=tuple(books.receipts),
        receipt_events=tuple(books.receipt_events),
        allocations=tuple(books.allocations),
        adjustments=tuple(books.adjustments),
        disputes=tuple(trade.disputes),
        bank_lines=tuple(sorted(bank.lines, key=lambda line: line.booking_date)),
        bank_opening=tuple(bank.opening.items()),
        bank_first_day=bank.first_day,
        intended=tuple(payer.intended),
        entries=tuple(books.entries),
        crm=crm,
    )


def _last_state_of_old(orders: list[Order], before: date) -> list[Order]:
    """Keep the last version of what was settled long ago, as exports of history do, and every recent version."""
    latest = {o.order_id: o for o in orders}
    old = {k for k, o in latest.items() if o.recorded_at.date() < before}
    return [o for o in orders if o.order_id not in old or latest[o.order_id] is o]
