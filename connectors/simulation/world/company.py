"""The company and whom it sells to: legal entities, bank accounts, exchange rates, customers.

Belongs here: what changes slowly. Not here: documents and cash.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from connectors.simulation.world import names, numbers
from connectors.simulation.world.days import Clock, Shift
from connectors.simulation.world.model import BankAccount, Customer, FxRate, LegalEntity

DECIMALS = {"USD": 2, "EUR": 2, "JPY": 0}
QUANTUM = {currency: Decimal(1).scaleb(-digits) for currency, digits in DECIMALS.items()}

LEGAL_ENTITIES = (
    LegalEntity("US", "Acme Industrial Inc.", "USD", "1200", "US"),
    LegalEntity("DE", "Acme Industrie GmbH", "EUR", "1400", "DE"),
)
BANK_ACCOUNTS = (
    BankAccount("DE89370400440532013000", "COBADEFFXXX", "DE", "EUR", "1810", "camt.053"),
    BankAccount(numbers.iban("DE", "370400440532013400"), "COBADEFFXXX", "DE", "USD", "1820", "camt.053"),
    BankAccount("4400123456", "CHASUS33XXX", "US", "USD", "1010", "mt940"),
    BankAccount("4400987654", "CHASUS33XXX", "US", "JPY", "1030", "mt940"),
)
_ENTITY = {e.code: e for e in LEGAL_ENTITIES}
_ACCOUNT = {(a.legal_entity, a.currency): a for a in BANK_ACCOUNTS}
TERMS_DAYS = {"NET14": 14, "NET30": 30, "NET45": 45, "NET60": 60, "2/10NET30": 30, "3X30": 30}


def money(value: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's decimals."""
    return value.quantize(QUANTUM[currency], rounding=ROUND_HALF_UP)


def legal_entity(code: str) -> LegalEntity:
    """Return the legal entity of that code."""
    return _ENTITY[code]


def bank_account(entity: str, currency: str) -> BankAccount:
    """Return the account that takes a legal entity's money in a currency."""
    return _ACCOUNT[entity, currency]


class Rates:
    """Exchange rates that wander from week to week; what a rate is on a day is the latest one until then."""

    def __init__(self, rng: Random, first: date, last: date, clock: Clock) -> None:
        start = {("JPY", "USD"): "0.006800", ("EUR", "USD"): "1.085000", ("USD", "EUR"): "0.921000"}
        self.rows: list[FxRate] = []
        self._days: list[date] = []
        self._rates: dict[tuple[str, str], list[Decimal]] = {pair: [] for pair in start}
        level = {pair: Decimal(first_rate) for pair, first_rate in start.items()}
        day = first - timedelta(days=first.weekday() + 7)
        while day <= last:
            self._days.append(day)
            for pair in start:
                step = Decimal(rng.randrange(-90, 91)) / 10_000
                level[pair] = (level[pair] * (1 + step)).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
                self._rates[pair].append(level[pair])
                recorded = clock.next(day, Shift.MASTER_DATA)
                self.rows.append(FxRate(pair[0], pair[1], day, level[pair], "closing", recorded))
            day += timedelta(days=7)

    def on(self, currency: str, base: str, day: date) -> Decimal:
        """Return how much of ``base`` one of ``currency`` was worth on a day."""
        if currency == base:
            return Decimal(1)
        return self._rates[currency, base][bisect.bisect_right(self._days, day) - 1]


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer and its hidden habits; ``weight`` is its share of the business."""

    customer: Customer
    markets: tuple[tuple[str, str], ...]  #: (legal entity, currency) in which it is invoiced
    weight: float
    typical: int  #: typical invoice in units of USD
    delay: float  #: days after the due date at which it usually pays
    spread: float
    runs: bool  #: pays all that is due in a weekly run, in one payment
    subscribes: bool  #: the same amount every time
    careless: float  #: share of its payments without a usable reference
    known_account: bool  #: its account is in the ERP


def _market(rng: Random) -> tuple[tuple[str, str], ...]:
    draw = rng.random()
    if draw < 0.50:
        return (("US", "USD"),)
    if draw < 0.58:
        return (("US", "JPY"),)
    if draw < 0.90:
        return (("DE", "EUR"),)
    if draw < 0.97:
        return (("DE", "USD"),)
    return (("US", "USD"), ("DE", "EUR"))


def _locale(rng: Random, entity: str, currency: str) -> names.Locale:
    if currency == "JPY":
        return names.JP
    return names.US if (entity == "US") != (rng.random() < 0.04) else names.DE


def buyers(rng: Random, count: int, first: date, clock: Clock) -> list[Buyer]:
    """Return the customers; one in fifty is entered twice in the ERP, under two numbers and spellings."""
    taken: set[str] = set()
    found: list[Buyer] = []
    for n in range(count):
        if n >= 10 and rng.random() < 0.02:
            found.append(_duplicate(rng, found[rng.randrange(len(found))], n, first, clock))
        else:
            found.append(_buyer(rng, n, found, taken, first, clock))
    return found


def _buyer(rng: Random, n: int, earlier: list[Buyer], taken: set[str], first: date, clock: Clock) -> Buyer:
    core = (("US", "USD"), ("DE", "EUR"), ("US", "JPY"), ("DE", "USD"))
    markets = (core[n],) if n < len(core) else _market(rng)
    entity, currency = markets[0]
    locale = _locale(rng, entity, currency)
    name = names.company_name(rng, locale, taken)
    street, city, postal_code = names.address(rng, locale)
    account, bank = {
        "US": numbers.american_account,
        "DE": numbers.german_iban,
        "JP": numbers.japanese_account,
    }[locale.country](rng)
    tax_id = {
        "US": numbers.american_ein,
        "DE": numbers.german_vat,
        "JP": numbers.japanese_corporate_number,
    }[locale.country](rng)
    typical = int(1200 * rng.lognormvariate(0.6, 0.9)) + 80
    parent = rng.choice(earlier).customer if earlier and rng.random() < 0.03 else None
    since = first - timedelta(days=rng.randrange(30, 3000))
    late = rng.random()
    delay = rng.uniform(-4, 4) if late < 0.55 else rng.uniform(4, 18) if late < 0.88 else rng.uniform(18, 70)
    customer = Customer(
        party_id=f"C{10001 + n}",
        name=name,
        parent_party_id=parent.party_id if parent and parent.parent_party_id is None else None,
        tax_id=tax_id if rng.random() < 0.9 else None,
        duns=f"{rng.randrange(10**8, 10**9)}" if rng.random() < 0.7 else None,
        email=f"ap@{names.slug(names.without_form(name, locale))}.example",
        phone=names.phone(rng, locale),
        street=street,
        city=city,
        postal_code=postal_code,
        country=locale.country,
        currency=currency,
        payment_terms=rng.choices(tuple(TERMS_DAYS), (10, 46, 12, 12, 12, 8))[0],
        credit_limit=Decimal(typical * rng.choice((5, 10, 20)) * (150 if currency == "JPY" else 1)),
        customer_since=since,
        legal_entity=entity,
        recorded_at=clock.next(first - timedelta(days=20), Shift.MASTER_DATA),
        iban_or_account=account,
        bic_or_routing=bank,
        spellings=names.spellings(rng, name, locale),
    )
    return Buyer(
        customer,
        markets,
        weight=rng.paretovariate(1.2),
        typical=typical,
        delay=delay,
        spread=rng.uniform(1, 9),
        runs=rng.random() < 0.25,
        subscribes=n % 17 == 2,
        careless=rng.choice((0.03, 0.06, 0.1, 0.5)),
        known_account=rng.random() < 0.85,
    )


def _duplicate(rng: Random, twin: Buyer, n: int, first: date, clock: Clock) -> Buyer:
    original = twin.customer
    locale = names.LOCALES[original.country]
    street, city, postal_code = names.address(rng, locale) if rng.random() < 0.3 else _same_place(original)
    customer = replace(
        original,
        party_id=f"C{10001 + n}",
        name=names.misspelled(rng, names.without_form(original.name, locale)),
        parent_party_id=None,
        tax_id=original.tax_id if rng.random() < 0.5 else None,
        duns=None,
        street=street,
        city=city,
        postal_code=postal_code,
        recorded_at=clock.next(first - timedelta(days=19), Shift.MASTER_DATA),
        same_as=original.same_as or original.party_id,
    )
    return replace(twin, customer=customer, weight=twin.weight * 0.15)


def _same_place(customer: Customer) -> tuple[str, str, str]:
    return customer.street, customer.city, customer.postal_code


def moves(rng: Random, found: list[Buyer], first: date, last: date, clock: Clock) -> list[Customer]:
    """Return all versions of the customers: as they were entered, then the addresses to which one in forty moved."""
    rows = [b.customer for b in found]
    moved = []
    for customer in rows:
        if rng.random() < 1 / 40:
            street, city, postal_code = names.address(rng, names.LOCALES[customer.country])
            day = first + timedelta(days=rng.randrange((last - first).days))
            at = clock.next(day, Shift.MASTER_DATA)
            moved.append(replace(customer, street=street, city=city, postal_code=postal_code, recorded_at=at))
    return rows + sorted(moved, key=lambda c: c.recorded_at)
