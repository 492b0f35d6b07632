"""Whether a plan may go as it is: the mode, the limits, what to do where a person has edited the target.

Belongs here: the rules and their judgement. Not here: doing anything about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from otc_pipelines.settings import Limits, Target

OnConflict = Literal["overwrite", "keep", "hold"]
NOT_COMPARED = frozenset({"as_of"})


@dataclass(frozen=True)
class Policy:
    """What a target allows. ``not_compared``: fields that are sent but never are a reason to send.

    ``creates``: the objects of which a first delivery makes a new record; of others it changes one that is there.
    """

    mode: Literal["dry_run", "deliver"] = "dry_run"
    limits: Limits = field(default_factory=Limits)
    on_conflict: OnConflict = "overwrite"
    not_compared: frozenset[str] = NOT_COMPARED
    creates: frozenset[str] = frozenset()

    @classmethod
    def of(cls, target: Target, creates: frozenset[str] = frozenset()) -> Policy:
        """The policy that otc.yaml states for a target, with what its connector creates there."""
        return cls(target.mode, target.limits, target.on_conflict, creates=creates)


@dataclass(frozen=True)
class Delivery:
    """How sending is done: rows a claim, how long a claim is good for, tries and waits for what may be sent again."""

    chunk: int = 10_000
    lease_seconds: float = 900
    tries: int = 4
    wait_seconds: float = 1.0
    longest_wait_seconds: float = 30.0
    read_before_write: bool = True  #: compare with what was delivered last, so that a person's edit is seen


@dataclass(frozen=True)
class Excess:
    """A limit that a plan is beyond, with what was found and what is allowed."""

    limit: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.limit}: {self.found}, allowed {self.allowed}"


@dataclass(frozen=True)
class AmountChange:
    """By how much one amount of one record would change."""

    field: str
    currency: str
    change: Decimal


def exceeded(limits: Limits, changes: int, records: int, amounts: Iterable[AmountChange]) -> tuple[Excess, ...]:
    """The limits that are exceeded. Amounts are summed by field and currency, never across."""
    found = []
    if changes > limits.max_changes:
        found.append(Excess("max_changes", str(changes), str(limits.max_changes)))
    allowed_share = Decimal(str(limits.max_share))
    if records and Decimal(changes) / records > allowed_share:
        found.append(Excess("max_share", f"{Decimal(changes) / records:.4f}", f"{allowed_share:f}"))
    if limits.max_amount is not None:
        totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for amount in amounts:
            totals[amount.field, amount.currency] += abs(amount.change)
        if totals:
            (name, currency), most = max(totals.items(), key=lambda item: (item[1], item[0]))
            if most > Decimal(limits.max_amount):
                found.append(Excess("max_amount", f"{name} {most:f} {currency}".rstrip(), limits.max_amount))
    return tuple(found)


def decimal_or_zero(value: Any) -> Decimal:
    """An amount as it stands in a payload; nothing counts as 0."""
    return Decimal(0) if value in (None, "") else Decimal(str(value))
