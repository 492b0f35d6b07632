"""What is still open, and how an amount is spread over it.

Belongs here: the book of open instalments as lines take from it, the split oldest due first, exact targets.
Not here: which of them a line may take (rules).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from otc_pipelines.cash_application.model import (
    Application,
    BankCredit,
    Candidate,
    DocumentKey,
    InstallmentKey,
    PartyKey,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Target:
    """What could be paid in full: a document, or one instalment of it."""

    document: DocumentKey
    party: PartyKey
    installments: tuple[InstallmentKey, ...]
    amount: Decimal
    due_date: date


class OpenItems:
    """Open instalments, and what the lines served so far have left of them. No instalment ever goes below zero."""

    def __init__(self, candidates: Iterable[Candidate], takers: Mapping[DocumentKey, Iterable[str]]) -> None:
        self._left: dict[InstallmentKey, Decimal] = {}
        self._due: dict[InstallmentKey, date] = {}
        self._party: dict[InstallmentKey, PartyKey] = {}
        self._takers: dict[DocumentKey, set[str]] = defaultdict(set, {d: set(lines) for d, lines in takers.items()})
        for c in candidates:
            key = c.installment
            due = c.due_date or date.max
            if key not in self._left:
                self._left[key], self._due[key], self._party[key] = c.open_amount, due, c.party
                continue
            self._left[key] = min(self._left[key], c.open_amount)
            self._due[key] = min(self._due[key], due)
            self._party[key] = min(self._party[key], c.party)

    def left(self, key: InstallmentKey) -> Decimal:
        """What is left open on an instalment, never negative."""
        return max(self._left[key], ZERO)

    def takers(self, document: DocumentKey) -> set[str]:
        """The bank lines that took from a document, those of standing decisions too."""
        return self._takers.get(document, set())

    def open_of(self, keys: Iterable[InstallmentKey]) -> tuple[InstallmentKey, ...]:
        """Those of them that are still open, oldest due first."""
        found = [k for k in set(keys) if self._left[k] > 0]
        return tuple(found) if len(found) < 2 else tuple(sorted(found, key=lambda k: (self._due[k], k)))

    def total(self, keys: Iterable[InstallmentKey]) -> Decimal:
        """Sum of what is left on them."""
        return sum((self.left(k) for k in keys), ZERO)

    def documents(self, keys: Iterable[InstallmentKey]) -> tuple[Target, ...]:
        """The documents behind the open ones among ``keys``, oldest due first."""
        grouped: dict[DocumentKey, list[InstallmentKey]] = {}
        for key in self.open_of(keys):
            grouped.setdefault(key.document, []).append(key)
        return tuple(self._target(parts) for parts in grouped.values())

    def exact(self, keys: Iterable[InstallmentKey], amount: Decimal) -> tuple[Target, ...]:
        """What ``amount`` pays in full, one target a document at most: all of it, else its oldest such instalment."""
        found = []
        for whole in self.documents(keys):
            if whole.amount == amount:
                found.append(whole)
                continue
            part = next((k for k in whole.installments if self.left(k) == amount), None)
            if part is not None:
                found.append(self._target([part]))
        return tuple(sorted(found, key=lambda t: (t.due_date, t.document)))

    def split(self, keys: Iterable[InstallmentKey], amount: Decimal) -> tuple[Application, ...]:
        """Spread ``amount`` over the open ones among ``keys``, oldest due first; what they cannot hold is left out."""
        applications = []
        for key in self.open_of(keys):
            if amount <= 0:
                break
            part = min(self.left(key), amount)
            amount -= part
            applications.append(
                Application(key.source_system, self._party[key].party_id, key.document_id, key.installment_no, part)
            )
        return tuple(applications)

    def take(self, credit: BankCredit, legal_entity: str, applications: Sequence[Application]) -> None:
        """Lower what is left by what was applied. ValueError if an instalment would go below zero."""
        for a in applications:
            key = InstallmentKey(a.source_system, legal_entity, a.document_id, a.installment_no)
            if a.amount > self.left(key):
                raise ValueError(f"{a.amount} on {a.document_id}/{a.installment_no}, where {self.left(key)} is open")
            self._left[key] -= a.amount
            self._takers[key.document].add(credit.bank_line_id)

    def _target(self, parts: Sequence[InstallmentKey]) -> Target:
        first = parts[0]
        return Target(first.document, self._party[first], tuple(parts), self.total(parts), self._due[first])
