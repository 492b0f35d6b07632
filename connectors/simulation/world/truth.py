"""What is really so: open items, aging, control accounts, what payments were meant for, the status of each customer.

Belongs here: answers that the product's are held against, in plain Decimal from the company's own ledger. Not here: any
code of the product; the two must be able to disagree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from connectors.simulation.world.company import legal_entity
from connectors.simulation.world.ledger import ZERO, balances
from connectors.simulation.world.model import BankLine, IntendedMatch
from connectors.simulation.world.world import World

USABLE_HINTS = frozenset({"reference", "compact", "structured"})  #: the whole reference, not only its digits
EDGES = (30, 60, 90)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An instalment, receipt or credit memo that is not at zero. ``due_date`` None: an unapplied balance."""

    item_type: str
    item_id: str
    installment_no: int
    party_id: str
    legal_entity: str
    currency: str
    document_date: date
    due_date: date | None
    amount: Decimal
    base_amount: Decimal


def open_items(world: World, as_of: date | None = None, known_at: datetime | None = None) -> list[OpenItem]:
    """Return what is open at the end of ``as_of``, as known at ``known_at``: by default its own day, as known now."""
    day, known = as_of or world.as_of, known_at or world.now
    documents = {d.document_id: d for d in world.documents if d.recorded_at <= known}
    dues = {(i.document_id, i.installment_no): i.due_date for i in world.installments}
    receipts = {r.receipt_id: r for r in world.receipts}
    found = []
    for item, balance in balances(world.entries, day, known).items():
        if not balance.amount:
            continue
        due = None
        if item.item_type == "receipt":
            own_date = receipts[item.item_id].receipt_date
        else:
            document = documents[item.item_id]
            own_date = document.document_date
            if item.item_type == "installment":
                due = dues.get((item.item_id, item.installment_no), document.due_date)
        owner = (balance.party_id, balance.legal_entity, balance.currency)
        found.append(OpenItem(*item, *owner, own_date, due, balance.amount, balance.base_amount))
    return found


class Account(NamedTuple):
    """A customer in one legal entity and currency."""

    legal_entity: str
    party_id: str
    currency: str


def aging(items: Iterable[OpenItem], as_of: date, edges: tuple[int, ...] = EDGES) -> dict[Account, dict[str, Decimal]]:
    """Return buckets by due date, ``unapplied`` and ``total`` of each customer that is not settled."""
    names = ["not_due", *(f"d{a + 1}_{b}" for a, b in zip((0, *edges), edges, strict=False)), f"d{edges[-1] + 1}_plus"]
    table: dict[Account, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys([*names, "unapplied", "total"], ZERO))
    for item in items:
        row = table[Account(item.legal_entity, item.party_id, item.currency)]
        late = (as_of - item.due_date).days if item.due_date else 0
        bucket = "unapplied" if item.due_date is None else names[_bucket(late, edges)]
        row[bucket] += item.amount
        row["total"] += item.amount
    return {account: row for account, row in table.items() if any(row.values())}


def _bucket(late: int, edges: tuple[int, ...]) -> int:
    return 0 if late <= 0 else 1 + sum(late > edge for edge in edges)


def control_accounts(world: World, as_of: date | None = None) -> dict[tuple[str, str, str], Decimal]:
    """Return the balance of each (legal entity, control account, currency) at the end of a day, as known now."""
    table: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for e in world.entries:
        if e.effective_date <= (as_of or world.as_of):
            table[e.legal_entity, e.gl_account, e.currency] += e.amount
    return dict(table)


class LineKey(NamedTuple):
    """A bank line, as the bank names it; genuine twins share it."""

    account: str
    bank_reference: str


def pending_lines(world: World) -> list[BankLine]:
    """Return customers' payments that the bank has shown and the ERP has not posted."""
    posted = {r.receipt_id for r in world.receipts}
    return [line for line in world.bank_lines if line.kind == "payment" and line.receipt_id not in posted]


def returned_receipts(world: World) -> set[str]:
    """Return the receipts whose money the bank has taken back."""
    return {line.receipt_id for line in world.bank_lines if line.kind == "return" and line.receipt_id}


def intended_matches(world: World) -> list[IntendedMatch]:
    """Return what each pending payment was meant for; money that came back again is meant for nothing."""
    gone = returned_receipts(world)
    pending = {line.receipt_id for line in pending_lines(world)}
    return [m for m in world.history.intended if m.receipt_id in pending and m.receipt_id not in gone]


@dataclass(frozen=True, slots=True)
class MatchScore:
    """How matching did on pending payments. ``applied`` and ``right`` count lines × documents, the others lines.

    ``meant`` are those that are meant for documents at all, ``usable`` those of them that name these wholly.
    """

    pending: int
    meant: int
    meant_applied: int
    usable: int
    usable_applied: int
    applied: int
    right: int
    wrong: tuple[tuple[str, str, str], ...]

    @property
    def precision(self) -> Decimal | None:
        """Share of what was applied that is what the payer meant."""
        return Decimal(self.right) / self.applied if self.applied else None

    @property
    def rate(self) -> Decimal | None:
        """Share of the payments with a usable reference that were applied wholly as meant."""
        return Decimal(self.usable_applied) / self.usable if self.usable else None

    @property
    def rate_of_all(self) -> Decimal | None:
        """Share of all payments that are meant for documents that were applied wholly as meant."""
        return Decimal(self.meant_applied) / self.meant if self.meant else None


def score(world: World, applied: Iterable[tuple[str, str, str, Decimal]]) -> MatchScore:
    """Hold applied matches (account, bank reference, document_id, amount) against what pending payments were meant for.

    What was applied to a line that is no pending payment is wrong too.
    """
    meant: defaultdict[LineKey, Counter[str]] = defaultdict(Counter)
    amounts: defaultdict[tuple[LineKey, str], Decimal] = defaultdict(lambda: ZERO)
    usable: set[LineKey] = set()
    for match in intended_matches(world):
        key = LineKey(match.account, match.bank_reference)
        if match.document_id is not None:
            meant[key][match.document_id] += 1
            amounts[key, match.document_id] += match.amount
            if match.hint in USABLE_HINTS:
                usable.add(key)
    given: defaultdict[tuple[LineKey, str], Decimal] = defaultdict(lambda: ZERO)
    for account, reference, document_id, amount in applied:
        given[LineKey(account, reference), document_id] += amount
    right = {pair for pair, amount in given.items() if amount == amounts.get(pair)}
    wrong = tuple(sorted((key.account, key.bank_reference, doc) for key, doc in given.keys() - right))
    whole = {key for key, documents in meant.items() if all((key, document) in right for document in documents)}
    shares = (len(meant), len(whole), len(usable), len(usable & whole))
    return MatchScore(len(pending_lines(world)), *shares, len(given), len(right), wrong)


@dataclass(frozen=True, slots=True)
class CustomerStatus:
    """What the CRM should say of a customer, in the base currency of the books that it is in.

    What is owed, without the money that is not applied yet; what of it is past due; how late the oldest is.
    """

    currency: str
    open: Decimal
    past_due: Decimal
    oldest_days_late: int

    def on_hold(self, after_days: int = 90) -> bool:
        """Whether something is overdue by more than that."""
        return self.oldest_days_late > after_days


def customer_status(world: World, as_of: date | None = None) -> dict[str, CustomerStatus]:
    """Return the status of every customer that owes in one base currency, or owes nothing and ever had only one."""
    day = as_of or world.as_of
    ever: defaultdict[str, set[str]] = defaultdict(set)
    for entry in world.entries:
        if entry.effective_date <= day:
            ever[entry.party_id].add(legal_entity(entry.legal_entity).base_currency)
    owed: defaultdict[str, set[str]] = defaultdict(set)
    for item in open_items(world, day):
        if item.due_date is not None:
            owed[item.party_id].add(legal_entity(item.legal_entity).base_currency)
    bases = {party: owed.get(party) or had for party, had in ever.items()}
    found = {p: CustomerStatus(min(b), ZERO, ZERO, 0) for p, b in bases.items() if len(b) == 1}
    for item in open_items(world, day):
        status = found.get(item.party_id)
        if status is None or item.due_date is None:
            continue
        late = max(0, (day - item.due_date).days)
        past_due = status.past_due + (item.base_amount if late else ZERO)
        oldest = max(late, status.oldest_days_late)
        found[item.party_id] = CustomerStatus(status.currency, status.open + item.base_amount, past_due, oldest)
    return found
