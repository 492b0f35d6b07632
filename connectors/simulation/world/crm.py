"""The same customers as sales sees them: accounts spelled otherwise, entered twice, or without a customer number.

Belongs here: rows of a CRM, of no vendor in particular. Not here: ids and field names of one (its simulator has them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from connectors.simulation.world import names
from connectors.simulation.world.company import money
from connectors.simulation.world.model import (
    CrmAccount,
    CrmCase,
    CrmContact,
    CrmContract,
    CrmOpportunity,
    CrmOrder,
    Customer,
    Dispute,
    Document,
    Order,
)

_INDUSTRIES = ("Manufacturing", "Retail", "Healthcare", "Energy", "Transportation", "Technology")
_OWNERS = ("Dana Reyes", "Owen Clarke", "Lena Vogt", "Kenji Mori")
_TITLES = ("Accounts Payable", "Controller", "Purchasing Manager", "CFO", "Plant Manager")
_STAGES = ("Prospecting", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
_REASONS = {
    "price": "Billing",
    "quantity": "Delivery",
    "quality": "Product",
    "delivery": "Delivery",
    "duplicate": "Billing",
}


@dataclass(slots=True)
class Crm:
    """All rows of the CRM in all their versions: the same number again with a later ``modified_at``."""

    accounts: list[CrmAccount]
    contacts: list[CrmContact]
    opportunities: list[CrmOpportunity]
    contracts: list[CrmContract]
    orders: list[CrmOrder]
    cases: list[CrmCase]


def build(
    rng: Random,
    customers: Iterable[Customer],
    orders: Iterable[Order],
    documents: Iterable[Document],
    disputes: Iterable[Dispute],
    first: date,
    last: date,
) -> Crm:
    """Return the CRM of a company: who its customers are said to be, and what they ordered and complained about."""
    crm = Crm([], [], [], [], [], [])
    first_orders: dict[str, Order] = {}
    for order in orders:
        first_orders.setdefault(order.order_id, order)
    accounts_of = _accounts(rng, crm, list(customers), first, last)
    _people(rng, crm)
    _deals(rng, crm, accounts_of, list(first_orders.values()), first, last)
    _cases(rng, crm, accounts_of, {d.document_id: d for d in documents}, disputes)
    return crm


def _moment(rng: Random, day: date) -> datetime:
    return datetime.combine(day, time(8, tzinfo=UTC)) + timedelta(seconds=rng.randrange(30_000))


def _some_day(rng: Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randrange((last - first).days + 1))


def _accounts(rng: Random, crm: Crm, customers: list[Customer], first: date, last: date) -> dict[str, int]:
    """Enter the customers and return each one's account, the one with the customer number."""
    number, found, of_party = 0, {}, {c.party_id: c for c in customers}
    for customer in of_party.values():
        if rng.random() < 0.05:
            continue  # nobody entered it
        number += 1
        keyed = number <= 10 or rng.random() >= 0.04
        entered = _account(rng, number, customer, first, customer.party_id if keyed else None, exact=rng.random() < 0.7)
        crm.accounts.append(entered)
        if keyed:
            found[customer.party_id] = number
            parent = found.get(customer.parent_party_id or "")
            if parent:
                crm.accounts[-1] = replace(entered, parent_account_no=parent)
        if number == 5 or rng.random() < 0.03:
            number += 1
            crm.accounts.append(_account(rng, number, customer, first, None, exact=False))
        if rng.random() < 0.06:
            later = _moment(rng, _some_day(rng, first, last))
            street, city, postal_code = names.address(rng, names.LOCALES[customer.country])
            moved = replace(crm.accounts[-1], street=street, city=city, postal_code=postal_code, modified_at=later)
            crm.accounts.append(moved)
    taken = {c.name for c in customers}
    for _ in range(max(3, len(of_party) // 12)):
        number += 1
        crm.accounts.append(_prospect(rng, number, taken, _some_day(rng, first, last)))
    gone = min((a for a in crm.accounts if a.party_id is None), key=lambda a: a.modified_at)
    crm.accounts.append(replace(gone, deleted=True, modified_at=gone.modified_at + timedelta(days=20)))
    return found


def _account(rng: Random, number: int, customer: Customer, first: date, key: str | None, exact: bool) -> CrmAccount:
    locale = names.LOCALES[customer.country]
    bare = names.without_form(customer.name, locale)
    other = rng.choice((bare, names.ascii_upper(bare).title(), names.misspelled(rng, bare), customer.name.upper()))
    created = _moment(rng, first - timedelta(days=rng.randrange(1, 300)))
    return CrmAccount(
        account_no=number,
        name=customer.name if exact else other,
        customer_number=key,
        parent_account_no=None,
        phone=customer.phone,
        website=f"https://www.{customer.email.partition('@')[2]}",
        street=customer.street,
        city=customer.city,
        postal_code=customer.postal_code,
        country=customer.country,
        currency=customer.currency,
        industry=rng.choice(_INDUSTRIES),
        owner=rng.choice(_OWNERS),
        created_at=created,
        modified_at=created,
        party_id=customer.party_id,
    )


def _prospect(rng: Random, number: int, taken: set[str], day: date) -> CrmAccount:
    locale = rng.choice(list(names.LOCALES.values()))
    name = names.company_name(rng, locale, taken)
    street, city, postal_code = names.address(rng, locale)
    created = _moment(rng, day)
    return CrmAccount(
        account_no=number,
        name=name,
        customer_number=None,
        parent_account_no=None,
        phone=names.phone(rng, locale),
        website=f"https://www.{names.slug(name)}.example",
        street=street,
        city=city,
        postal_code=postal_code,
        country=locale.country,
        currency={"US": "USD", "DE": "EUR", "JP": "JPY"}[locale.country],
        industry=rng.choice(_INDUSTRIES),
        owner=rng.choice(_OWNERS),
        created_at=created,
        modified_at=created,
        party_id=None,
    )


def _people(rng: Random, crm: Crm) -> None:
    number = 0
    for account in {a.account_no: a for a in crm.accounts if not a.deleted}.values():
        for _ in range(rng.choice((0, 1, 1, 2))):
            number += 1
            locale = names.LOCALES[account.country]
            first_name, last_name = names.person(rng, locale)
            domain = account.website.removeprefix("https://www.")
            local = f"{names.slug(first_name)}.{names.slug(last_name)}{number}"
            crm.contacts.append(
                CrmContact(
                    contact_no=number,
                    account_no=account.account_no,
                    first_name=first_name,
                    last_name=last_name,
                    email=f"{local}@{domain}",
                    phone=names.phone(rng, locale),
                    title=rng.choice(_TITLES),
                    created_at=account.created_at,
                    modified_at=account.created_at,
                )
            )


def _deals(rng: Random, crm: Crm, accounts_of: dict[str, int], orders: list[Order], first: date, last: date) -> None:
    """Contracts of regular customers; a deal and a CRM order behind one ERP order in six; deals still open."""
    contract_of: dict[int, int] = {}
    for account_no in accounts_of.values():
        if rng.random() < 0.15:
            start = _some_day(rng, first, last)
            made = _moment(rng, start - timedelta(days=10))
            term = rng.choice((12, 24, 36))
            status = "Expired" if start + timedelta(days=30 * term) < last else "Activated"
            contract_of[account_no] = len(crm.contracts) + 1
            crm.contracts.append(CrmContract(contract_of[account_no], account_no, status, start, term, made, made))
    for order in orders:
        account = accounts_of.get(order.party_id)
        if account is None or rng.random() > 1 / 6:
            continue
        won = _moment(rng, order.order_date - timedelta(days=1))
        deal = len(crm.opportunities) + 1
        sum_of = (order.amount, order.currency)
        name = f"Order {order.order_id}"
        asked = won - timedelta(days=rng.randrange(5, 90))
        crm.opportunities.append(
            CrmOpportunity(deal, account, name, "Closed Won", *sum_of, order.order_date, asked, won)
        )
        at = order.recorded_at
        key = (len(crm.orders) + 1, account, contract_of.get(account), deal, order.order_id)
        crm.orders.append(CrmOrder(*key, "Activated", *sum_of, order.order_date, at, at))
    for account_no in accounts_of.values():
        if rng.random() < 0.2:
            opened = _some_day(rng, first, last)
            currency = rng.choice(("USD", "EUR"))
            amount = money(Decimal(rng.randrange(2_000, 90_000)), currency)
            deal, stage = len(crm.opportunities) + 1, rng.choice(_STAGES)
            made, until = _moment(rng, opened), opened + timedelta(days=rng.randrange(20, 150))
            row = CrmOpportunity(deal, account_no, f"Expansion {deal}", stage, amount, currency, until, made, made)
            crm.opportunities.append(row)


def _cases(
    rng: Random, crm: Crm, accounts_of: dict[str, int], documents: dict[str, Document], disputes: Iterable[Dispute]
) -> None:
    """A case for each dispute of a customer that has an account; closed when the dispute is."""
    open_cases: dict[str, CrmCase] = {}
    people = {c.account_no: c.contact_no for c in crm.contacts}
    for dispute in disputes:
        document = documents[dispute.document_id]
        account = accounts_of.get(document.party_id)
        if account is None:
            continue
        if dispute.closed_on is None:
            case = CrmCase(
                case_no=len(open_cases) + 1,
                account_no=account,
                contact_no=people.get(account),
                subject=f"{dispute.reason.title()} of {document.reference}",
                reason=_REASONS[dispute.reason],
                status="Working",
                priority=rng.choice(("Low", "Medium", "High")),
                document_reference=document.reference,
                created_at=dispute.recorded_at,
                modified_at=dispute.recorded_at,
                closed_at=None,
            )
            open_cases[dispute.dispute_id] = case
            crm.cases.append(case)
        elif dispute.dispute_id in open_cases:
            at = dispute.recorded_at
            crm.cases.append(replace(open_cases[dispute.dispute_id], status="Closed", modified_at=at, closed_at=at))
