"""Orders and what is billed for them: invoices, credit memos, debit memos, drafts, pro formas, and their corrections.

Belongs here: documents. Not here: how they are paid (``payer``, ``clerk``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from connectors.simulation.world.clerk import Clerk
from connectors.simulation.world.company import TERMS_DAYS, Buyer, legal_entity, money
from connectors.simulation.world.days import DAY, Shift, business_day, business_days
from connectors.simulation.world.engine import Engine
from connectors.simulation.world.model import Dispute, Document, Order
from connectors.simulation.world.payer import Payer
from connectors.simulation.world.payments import Fate

SCRIPTED = 4  #: the first customers do only what ``scenarios`` has them do
_FATES = (
    ("full", 850),
    ("partial", 40),
    ("short", 30),
    ("over", 15),
    ("never", 22),
    ("bounced", 10),
    ("misapplied", 8),
    ("charged_back", 3),
    ("disputed", 12),
)
_MISHAPS = (
    ("", 950),
    ("draft", 10),
    ("void", 6),
    ("deleted", 4),
    ("amount", 7),
    ("due", 7),
    ("late", 10),
    ("void_on", 6),
)
_KINDS, _SLIPS = tuple(kind for kind, _ in _FATES), tuple(slip for slip, _ in _MISHAPS)
_KIND_WEIGHTS = tuple(itertools.accumulate(weight for _, weight in _FATES))
_SLIP_WEIGHTS = tuple(itertools.accumulate(weight for _, weight in _MISHAPS))


@dataclass(slots=True)
class Sale:
    """An invoice to be written. ``mishap``: draft, void, void_on, deleted, amount, due, late (recorded weeks after)."""

    buyer: Buyer
    market: tuple[str, str]
    day: date
    amount: Decimal
    tax: Decimal
    fate: Fate
    mishap: str = ""
    terms: str = ""
    order: Sales | None = None  #: none: a scripted one
    prepaid: bool = False


@dataclass(slots=True)
class Sales:
    """An order and the invoices that bill it."""

    order_id: str
    day: date
    sales: list[Sale] = field(default_factory=list)
    more: Decimal = Decimal(0)  #: ordered and not billed
    billed: Decimal = Decimal(0)


class Trade:
    """All that is sold and billed."""

    def __init__(self, engine: Engine, payer: Payer, clerk: Clerk) -> None:
        self._engine = engine
        self._books = engine.books
        self._payer = payer
        self._clerk = clerk
        self._dice = engine.dice("trade")
        self._documents = itertools.count(1)
        self._references = {"US": itertools.count(104_000), "DE": itertools.count(20_100)}
        self._order_numbers = itertools.count(1)
        self._last_order: dict[tuple[str, tuple[str, str]], Sales] = {}
        self.orders: list[Order] = []
        self.disputes: list[Dispute] = []

    # -- what is going to be sold -----------------------------------------------------------------

    def plan(self, count: int) -> None:
        """Plan ``count`` invoices until ``as_of``, and as many a day beyond it."""
        engine, rng = self._engine, self._dice
        days, later = business_days(engine.start, engine.as_of), business_days(engine.as_of + DAY, engine.last)
        chosen = sorted(rng.choices(days, k=max(0, count)))
        chosen += sorted(rng.choices(later, k=round(max(0, count) / len(days) * len(later))))
        everyday = engine.buyers[SCRIPTED:]
        weights = list(itertools.accumulate(min(b.weight, 40.0) for b in everyday))
        for day, buyer in zip(chosen, rng.choices(everyday, cum_weights=weights, k=len(chosen)), strict=True):
            self.sell(self._sale(buyer, day))
        for n in range(max(4, count // 60)):
            buyer, day = rng.choices(everyday, cum_weights=weights)[0], rng.choice(days)
            self._extra(buyer, day, ("pro_forma", "debit_memo", "finance_charge", "on_account", "opening_item")[n % 5])

    def sell(self, sale: Sale) -> None:
        """Plan an invoice and its order."""
        rng, engine = self._dice, self._engine
        key = (sale.buyer.customer.party_id, sale.market)
        earlier = self._last_order.get(key)
        if earlier and len(earlier.sales) == 1 and rng.random() < 0.3 and earlier.sales[0].day < sale.day:
            earlier.sales.append(sale)
            sale.order = earlier
        else:
            ordered = sale.day - timedelta(days=rng.randrange(3, 25))
            sale.order = Sales(f"SO{next(self._order_numbers):07d}", ordered, [sale])
            if rng.random() < 0.08:
                sale.order.more = money(sale.amount * rng.randrange(20, 60) / 100, sale.market[1])
            engine.at(sale.order.day, Shift.MASTER_DATA, partial(self._order, sale, sale.order))
            self._last_order[key] = sale.order
        if sale.prepaid:
            ahead = sale.day - timedelta(days=rng.randrange(6, 16))
            self._payer.on_account(sale.buyer, ahead, sale.amount)
        recorded = sale.day + timedelta(days=rng.randrange(15, 35)) if sale.mishap == "late" else sale.day
        recorded = min(recorded, engine.last_workday) if sale.day <= engine.as_of else recorded
        engine.at(recorded, Shift.BILLING, partial(self.bill, sale))

    def _sale(self, buyer: Buyer, day: date) -> Sale:
        rng = self._dice
        market = rng.choice(buyer.markets)
        amount, tax = self._price(buyer, market)
        kind = rng.choices(_KINDS, cum_weights=_KIND_WEIGHTS)[0]
        mishap = rng.choices(_SLIPS, cum_weights=_SLIP_WEIGHTS)[0]
        terms = buyer.customer.payment_terms
        if kind == "full" and terms == "2/10NET30" and rng.random() < 0.5:
            kind = "discount"
        if kind == "full" and market == ("DE", "EUR") and rng.random() < 0.006:
            kind = "other_currency"
        if mishap in ("draft", "void", "deleted", "amount", "due"):
            kind = "full"
        prepaid = kind == "full" and rng.random() < 0.008
        return Sale(buyer, market, day, amount, tax, Fate(kind), mishap, terms, prepaid=prepaid)

    def _price(self, buyer: Buyer, market: tuple[str, str]) -> tuple[Decimal, Decimal]:
        rng, currency = self._dice, market[1]
        size = buyer.typical * (1.0 if buyer.subscribes else rng.lognormvariate(0, 0.7))
        net = money(Decimal(max(1500, int(size * 100))) / 100 * (150 if currency == "JPY" else 1), currency)
        percent = (
            Decimal(19) if market == ("DE", "EUR") else Decimal(6) if buyer.customer.country == "US" else Decimal(0)
        )
        tax = money(net * percent / 100, currency)
        return net + tax, tax

    # -- orders -----------------------------------------------------------------

    def _order(self, sale: Sale, order: Sales, when: datetime) -> None:
        self._write_order(sale, order, "open", when)

    def _billed(self, sale: Sale, when: datetime) -> None:
        order = sale.order
        if order:
            order.billed += sale.amount
            self._write_order(sale, order, "closed" if order.billed >= _ordered(order) else "delivered", when)

    def _write_order(self, sale: Sale, order: Sales, status: str, when: datetime) -> None:
        row = Order(
            order_id=order.order_id,
            party_id=sale.buyer.customer.party_id,
            legal_entity=sale.market[0],
            order_date=order.day,
            currency=sale.market[1],
            amount=_ordered(order),
            status=status,
            delivered_amount=order.billed,
            billed_amount=order.billed,
            recorded_at=when,
        )
        self.orders.append(row)

    # -- documents -----------------------------------------------------------------

    def bill(self, sale: Sale, when: datetime) -> None:
        """Write the invoice, and plan what goes wrong with it and how it is paid."""
        rng, engine = self._dice, self._engine
        terms = sale.terms or sale.buyer.customer.payment_terms
        order_id = sale.order.order_id if sale.order else None
        day = business_day(sale.day)
        row = self._document("invoice", sale.buyer, sale.market, day, sale.amount, when, terms, sale.tax, order_id)
        if sale.mishap == "draft":
            self._books.post(replace(row, status="draft"), [(row.due_date, row.amount)])
            return
        calm = sale.fate.kind in ("full", "partial", "never") and sale.mishap in ("", "late")
        parts = [(row.due_date, row.amount)]
        if terms == "3X30" and sale.fate.kind == "full":
            parts = self._parts(row)
            row = replace(row, due_date=parts[-1][0])
        self._books.post(row, parts, named=not (calm and rng.random() < 0.4))
        self._billed(sale, when)
        day = when.date()
        if sale.mishap in ("void", "deleted", "amount", "due"):
            again = partial(self._correct, sale, row.document_id)
            engine.at(day + timedelta(days=rng.randrange(1, 9)), Shift.CORRECTIONS, again)
            if sale.mishap in ("void", "deleted"):
                return
            soonest = day + timedelta(days=14)
            self._payer.expect(sale.buyer, row.document_id, replace(sale.fate, pay_on=max(soonest, row.due_date)))
            return
        if sale.fate.kind == "disputed":
            self._dispute(sale, row, when)
        elif sale.prepaid:
            self._prepaid(sale, row, when)
        else:
            self._payer.expect(sale.buyer, row.document_id, sale.fate)
        if sale.mishap == "void_on":
            later = row.due_date + timedelta(days=rng.randrange(5, 25))
            engine.at(later, Shift.CORRECTIONS, partial(self._void_on, row.document_id))
        elif sale.order and rng.random() < 0.045 and sale.fate.kind in ("full", "never"):
            amount = money(row.amount * rng.choice((5, 10, 20, 50, 100)) / 100, row.currency)
            later = day + timedelta(days=rng.randrange(3, 25))
            engine.at(later, Shift.BILLING, partial(self.credit, sale.buyer, row.document_id, amount))

    def _document(
        self,
        kind: str,
        buyer: Buyer,
        market: tuple[str, str],
        day: date,
        amount: Decimal,
        when: datetime,
        terms: str | None,
        tax: Decimal | None = None,
        order_id: str | None = None,
    ) -> Document:
        rng, (entity, currency) = self._dice, market
        company = legal_entity(entity)
        rate = self._engine.rates.on(currency, company.base_currency, day)
        stated = currency != "USD" or company.base_currency == "USD" or rng.random() < 0.5
        number = next(self._references[entity])
        prefix = {"credit_memo": "CM", "pro_forma": "PF"}.get(kind, "INV" if entity == "US" else "RE")
        return Document(
            document_id=f"D{next(self._documents):07d}",
            document_type=kind,
            party_id=buyer.customer.party_id,
            legal_entity=entity,
            document_date=day,
            posting_date=day,
            due_date=day + timedelta(days=TERMS_DAYS[terms] if terms else 0),
            currency=currency,
            amount=amount,
            tax_amount=tax or money(Decimal(0), currency),
            base_amount=money(amount * rate, company.base_currency) if stated else None,
            status="posted",
            voided_on=None,
            reference=f"{prefix}-{number:06d}" if entity == "US" else f"{prefix}-{day.year}-{number:06d}",
            order_id=order_id,
            gl_account=company.ar_account,
            fx_rate=rate if stated else None,
            payment_terms=terms,
            recorded_at=when,
            booked_rate=rate,
        )

    @staticmethod
    def _parts(row: Document) -> list[tuple[date, Decimal]]:
        third = money(row.amount / 3, row.currency)
        dues = [row.document_date + timedelta(days=30 * n) for n in (1, 2, 3)]
        return list(zip(dues, (third, third, row.amount - 2 * third), strict=True))

    def _correct(self, sale: Sale, document_id: str, when: datetime) -> None:
        debt = self._books.debts[document_id]
        if sale.mishap == "void":
            self._books.void(document_id, when, None)
        elif sale.mishap == "deleted":
            self._books.delete(document_id, when)
        elif len(debt.parts) == 1 and debt.open == debt.row.amount:
            if sale.mishap == "due":
                self._books.amend(document_id, when, due=debt.row.due_date + timedelta(days=10))
            elif not self._clerk.in_flight[document_id, 1]:
                self._books.amend(document_id, when, amount=money(debt.row.amount * 9 / 10, debt.row.currency))

    def _void_on(self, document_id: str, when: datetime) -> None:
        debt = self._books.debts[document_id]
        if not debt.adjusted and not any(self._clerk.in_flight[document_id, p.number] for p in debt.parts):
            self._books.void(document_id, when, when.date())

    def _prepaid(self, sale: Sale, row: Document, when: datetime) -> None:
        if not self._clerk.use_advance(row.document_id, when):
            self._payer.expect(sale.buyer, row.document_id, sale.fate)

    def _dispute(self, sale: Sale, row: Document, when: datetime) -> None:
        """The customer contests the invoice; half of the disputes end, and then it is paid."""
        rng = self._dice
        opened = business_day(row.due_date - timedelta(days=rng.randrange(0, 12)))
        closed = business_day(opened + timedelta(days=rng.randrange(15, 50))) if rng.random() < 0.5 else None
        fate = Fate("full", pay_on=closed + timedelta(days=7)) if closed else Fate("never")
        self._payer.expect(sale.buyer, row.document_id, fate)
        dispute = Dispute(
            dispute_id=f"DSP-{row.document_id}",
            document_id=row.document_id,
            opened_on=opened,
            amount=money(row.amount * rng.randrange(20, 101) / 100, row.currency),
            reason=rng.choice(("price", "quantity", "quality", "delivery", "duplicate")),
            closed_on=None,
            recorded_at=when,
        )
        self._engine.at(opened, Shift.EVENTS, lambda at: self.disputes.append(replace(dispute, recorded_at=at)))
        if closed:
            ended = replace(dispute, closed_on=closed)
            self._engine.at(closed, Shift.EVENTS, lambda at: self.disputes.append(replace(ended, recorded_at=at)))

    def credit(self, buyer: Buyer, document_id: str, amount: Decimal, when: datetime, always: bool = False) -> str:
        """Write a credit memo and apply it to the invoice, unless money for that is already on its way."""
        debt = self._books.debts[document_id]
        market = (debt.row.legal_entity, debt.row.currency)
        row = self._document("credit_memo", buyer, market, when.date(), amount, when, None)
        self._books.post(row, [(row.due_date, row.amount)])
        on_its_way = any(self._clerk.in_flight[document_id, p.number] for p in debt.parts)
        if not on_its_way and (always or self._dice.random() < 0.85):
            for part in debt.parts if debt.named else debt.parts[:1]:
                self._clerk.settle(row.document_id, document_id, part.number, row.amount, when)
        return row.document_id

    def _extra(self, buyer: Buyer, day: date, kind: str) -> None:
        """Plan a document that is no invoice, or money that is for none."""
        market = buyer.markets[0]
        amount, _ = self._price(buyer, market)
        if kind == "on_account":
            scale = Decimal(10_000) if market[1] == "JPY" else Decimal(100)
            round_sum = (amount / scale).to_integral_value() * scale or scale
            self._payer.on_account(buyer, day, money(round_sum, market[1]))
            return
        if kind == "finance_charge":
            amount = money(amount / 40, market[1])
        if kind == "opening_item":
            day = business_day(self._engine.start)
        self._engine.at(day, Shift.BILLING, partial(self._write_extra, buyer, market, kind, amount))

    def _write_extra(self, buyer: Buyer, market: tuple[str, str], kind: str, amount: Decimal, when: datetime) -> None:
        terms = None if kind == "finance_charge" else "NET30"
        row = self._document(kind, buyer, market, when.date(), amount, when, terms)
        if kind == "opening_item":
            age = timedelta(days=self._dice.randrange(20, 90))
            row = replace(row, document_date=row.document_date - age, due_date=row.due_date - age)
        self._books.post(row, [(row.due_date, row.amount)])
        if kind != "pro_forma":
            self._payer.expect(buyer, row.document_id, Fate("full" if self._dice.random() < 0.8 else "never"))


def _ordered(order: Sales) -> Decimal:
    return order.more + sum((s.amount for s in order.sales), Decimal(0))
