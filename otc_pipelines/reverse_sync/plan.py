"""What would change in the target: the outbound rows against what was delivered last.

Belongs here: the diff and the judgement of the limits; it only reads. Not here: the outbox (ledger), sending (deliver).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from otc_pipelines.reverse_sync import approval, ledger
from otc_pipelines.reverse_sync.batch import Fields, OutboundBatch
from otc_pipelines.reverse_sync.policy import AmountChange, Excess, Policy, decimal_or_zero, exceeded
from otc_pipelines.warehouse import Tx


@dataclass(frozen=True)
class Change:
    """One record of the batch: what is to be done with it, and the fields that differ from the last delivery."""

    key: str
    action: Literal["create", "update", "skip"]
    fields: Fields
    differs: tuple[str, ...] = ()
    delivered: Fields | None = None


@dataclass(frozen=True)
class Plan:
    """What delivering a batch would do. ``excess``: limits that hold all of it until somebody approves."""

    batch: OutboundBatch
    changes: tuple[Change, ...]
    excess: tuple[Excess, ...] = ()

    @property
    def to_send(self) -> tuple[Change, ...]:
        """The changes that would be written."""
        return tuple(c for c in self.changes if c.action != "skip")

    def count(self, action: str) -> int:
        """How many changes have this action."""
        return sum(1 for c in self.changes if c.action == action)

    @property
    def why_held(self) -> str:
        """Why all of it is held, or ''."""
        return "; ".join(str(e) for e in self.excess)


def plan_sync(tx: Tx, batch: OutboundBatch, policy: Policy) -> Plan:
    """Compare a batch with what was delivered last; nothing is written. An approved batch is beyond no limit."""
    last = ledger.delivered(tx, batch.target, batch.object_name)
    changes = tuple(_change(batch, key, last.get(key), policy) for key in batch.rows)
    sending = [c for c in changes if c.action != "skip"]
    excess = exceeded(policy.limits, len(sending), len(changes), _amounts(batch, sending))
    if excess and approval.approved(tx, batch.target, batch.object_name, batch.batch_hash):
        excess = ()
    return Plan(batch, changes, excess)


def _change(batch: OutboundBatch, key: str, last: Fields | None, policy: Policy) -> Change:
    fields = batch.rows[key]
    if last is None:
        return Change(key, "create" if batch.object_name in policy.creates else "update", fields, tuple(fields))
    differs = tuple(name for name in fields if name not in policy.not_compared and _differs(name, fields, last))
    return Change(key, "update" if differs else "skip", fields, differs, last)


def _differs(name: str, fields: Fields, last: Fields) -> bool:
    return name not in last or fields[name] != last[name] or type(fields[name]) is not type(last[name])


def _amounts(batch: OutboundBatch, changes: list[Change]) -> Iterator[AmountChange]:
    for change in changes:
        before: Mapping[str, object] = change.delivered or {}
        for name in batch.money:
            currency = change.fields.get(f"{name}_currency") or change.fields.get("currency") or ""
            difference = decimal_or_zero(change.fields.get(name)) - decimal_or_zero(before.get(name))
            yield AmountChange(name, str(currency), difference)
