"""Doing it: intent committed, sent, result committed; what is unknown is read back before it is sent again.

Belongs here: the order of the steps and what each outcome means. Not here: outbox SQL (ledger), the diff (plan), the
vendor (its writer). Refuses without a passing verdict for exactly the batch, however it was started. At-least-once
sending with read-back has the effect of exactly once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from connectors.kit.contract import Writer
from otc_pipelines.audit import append, audited
from otc_pipelines.reverse_sync import claims, guard, ledger
from otc_pipelines.reverse_sync.approval import Approved
from otc_pipelines.reverse_sync.batch import Fields, OutboundBatch, canonical, hashed
from otc_pipelines.reverse_sync.ledger import Entry, Queued, SyncError
from otc_pipelines.reverse_sync.plan import Plan, plan_sync
from otc_pipelines.reverse_sync.policy import Delivery, Policy
from otc_pipelines.reverse_sync.sender import Sender, Sending
from otc_pipelines.warehouse import Tx, Warehouse
from otc_pipelines.warehouse.killpoint import killpoint

_log = logging.getLogger(__name__)
_BAD = ("failed", "unknown", "blocked")


@dataclass(frozen=True)
class RowResult:
    """One record of a batch: what was to be done, the fields, and what became of it."""

    key: str
    action: str
    fields: Fields
    status: str
    reason: str = ""


@dataclass(frozen=True)
class DeliveryReport:
    """What became of a batch. ``unreachable``: why the target could not be reached at all, or ''."""

    target: str
    object_name: str
    batch_hash: str
    rows: tuple[RowResult, ...]
    refused: str = ""
    unreachable: str = ""
    recovered: int = field(default=0)

    def count(self, status: str) -> int:
        """How many records that were to be changed have this status."""
        return sum(1 for r in self.rows if r.action != "skip" and r.status == status)

    @property
    def ok(self) -> bool:
        """False if anything that was to be delivered was not, other than by policy."""
        return not self.refused and not self.unreachable and not any(self.count(status) for status in _BAD)


def planned_rows(plan: Plan) -> tuple[RowResult, ...]:
    """The rows of a plan that is only looked at."""
    status, reason = ("held", plan.why_held) if plan.excess else ("planned", "")
    return tuple(
        RowResult(c.key, c.action, c.fields, "delivered", "unchanged since the last delivery")
        if c.action == "skip"
        else RowResult(c.key, c.action, c.fields, status, reason)
        for c in plan.changes
    )


def deliver(
    warehouse: Warehouse,
    batch: OutboundBatch,
    writer: Writer,
    actor: str,
    policy: Policy,
    delivery: Delivery | None = None,
    run_id: str = "",
) -> DeliveryReport:
    """Deliver what changed in a batch. SyncError for a dry-run target or an object that the writer does not write."""
    one = Sending(warehouse, batch.target, batch.object_name, writer, actor, policy, delivery or Delivery(), run_id)
    run = _begun(one)
    recovered = run.resolve()
    plan, status, reason = run.enqueue(batch)
    unreachable = run.send(batch.batch_hash) if status == "planned" and plan.to_send else ""
    with warehouse.transaction() as tx:
        last = ledger.newest(tx, batch.target, batch.object_name) if plan.to_send else {}
    rows = tuple(_became(r, last) for r in planned_rows(plan))
    refused = reason if status == "blocked" else ""
    return DeliveryReport(batch.target, batch.object_name, batch.batch_hash, rows, refused, unreachable, recovered)


def deliver_approved(
    warehouse: Warehouse,
    approved: Approved,
    writer: Writer,
    actor: str,
    policy: Policy,
    delivery: Delivery | None = None,
    run_id: str = "",
) -> DeliveryReport:
    """Deliver what an approval released. It needs its verdict like any other batch."""
    target, object_name = approved.target, approved.object_name
    run = _begun(Sending(warehouse, target, object_name, writer, actor, policy, delivery or Delivery(), run_id))
    recovered = run.resolve()
    unreachable = run.send(approved.batch_hash)
    with warehouse.transaction() as tx:
        entries = ledger.of_batch(tx, target, object_name, approved.batch_hash)
    rows = tuple(RowResult(e.key, e.action, e.payload, e.status, e.reason) for e in entries)
    refused = next((r.reason for r in rows if r.status == "blocked"), "")
    return DeliveryReport(target, object_name, approved.batch_hash, rows, refused, unreachable, recovered)


def _begun(one: Sending) -> _Run:
    if one.policy.mode != "deliver":
        raise SyncError(f"target {one.target} is in mode dry_run; set mode: deliver in otc.yaml to write to it")
    known = one.writer.objects()
    if one.object_name not in known:
        listed = ", ".join(sorted(known))
        raise SyncError(f"target {one.target} does not write {one.object_name!r}; it writes {listed}")
    return _Run(one)


def _became(row: RowResult, last: dict[str, Entry]) -> RowResult:
    entry = last.get(row.key)
    if row.action == "skip" or entry is None:
        return row
    return RowResult(row.key, row.action, row.fields, entry.status, entry.reason)


class _Run:
    """One delivery of one object to one target, claim by claim."""

    def __init__(self, one: Sending) -> None:
        self._one = one
        self.warehouse, self.target, self.object_name = one.warehouse, one.target, one.object_name

    def resolve(self) -> int:
        """Find out what became of rows that an earlier run left under way; return how many."""
        sender = Sender(self._one)
        with self.warehouse.transaction() as tx:
            entries = claims.claim_unresolved(
                tx, self.target, self.object_name, sender.owner, self._one.delivery.lease_seconds
            )
        if not entries:
            return 0
        results = sender.resolve(entries)
        self._finish(sender, entries, results, "")
        sender.raise_if_refused()
        return len(entries)

    def enqueue(self, batch: OutboundBatch) -> tuple[Plan, str, str]:
        """Plan again where nobody can come between, and put it into the outbox; return the plan and how it stands."""
        with audited(self.warehouse) as tx:
            plan = plan_sync(tx, batch, self._one.policy)
            refusal = guard.refusal(tx, self.target, self.object_name, batch.batch_hash)
            status, reason = (
                ("blocked", refusal) if refusal else ("held", plan.why_held) if plan.excess else ("planned", "")
            )
            queued = [Queued(c.key, c.action, c.fields) for c in plan.to_send]
            moved = ledger.enqueue(
                tx, self.target, self.object_name, batch.batch_hash, queued, status, reason, self._one.actor
            )
            if moved and plan.to_send:
                counts = {name: plan.count(name) for name in ("create", "update", "skip")}
                held = len(plan.to_send) if status == "held" else 0
                self._record(tx, "plan", batch.batch_hash, rows=len(plan.changes), held=held, **counts)
            if moved and status == "blocked":
                self._record(tx, "blocked", batch.batch_hash, rows=len(plan.to_send))
            if moved and status == "held":
                for e in plan.excess:
                    self._record(
                        tx,
                        "hold",
                        batch.batch_hash,
                        rows=len(plan.to_send),
                        limit=e.limit,
                        found=e.found,
                        allowed=e.allowed,
                    )
        return plan, status, reason

    def send(self, batch_hash: str) -> str:
        """Send what is planned of a batch, claim by claim; return why the target could not be reached, or ''."""
        while True:
            sender = Sender(self._one)
            with audited(self.warehouse) as tx:
                refusal = guard.refusal(tx, self.target, self.object_name, batch_hash)
                if refusal:
                    rows = ledger.block(tx, self.target, self.object_name, batch_hash, refusal)
                    if rows:
                        self._record(tx, "blocked", batch_hash, rows=rows)
                    return ""
                entries = claims.claim(
                    tx,
                    self.target,
                    self.object_name,
                    batch_hash,
                    sender.owner,
                    self._one.delivery.lease_seconds,
                    self._one.delivery.chunk,
                )
                if not entries:
                    return ""
                sender.delivered = ledger.delivered(tx, self.target, self.object_name)
                self._record(
                    tx,
                    "delivery_intent",
                    batch_hash,
                    rows=len(entries),
                    keys_hash=_keys_hash(entries),
                    lease_owner=sender.owner,
                    first_version=min(e.version for e in entries),
                    last_version=max(e.version for e in entries),
                )
            killpoint("sync.after_intent")
            results = sender.send(entries)
            killpoint("sync.after_send")
            self._finish(sender, entries, results, batch_hash)
            killpoint("sync.after_result")
            sender.raise_if_refused()
            if sender.unreachable:
                return sender.unreachable

    def _finish(
        self, sender: Sender, entries: list[Entry], results: dict[str, tuple[str, str]], batch_hash: str
    ) -> None:
        with audited(self.warehouse) as tx:
            stored = claims.finish(tx, sender.owner, results)
            became = [results[e.outbox_id][0] for e in stored]
            if len(stored) < len(results):
                _log.warning(
                    "%s rows were taken over by another worker while they were sent", len(results) - len(stored)
                )
            self._record(
                tx,
                "delivery_result",
                batch_hash or "unresolved",
                rows=len(stored),
                keys_hash=_keys_hash(entries),
                lease_owner=sender.owner,
                read_back=sender.read_back,
                retried=sender.retried,
                **{s: became.count(s) for s in ("delivered", "failed", "unknown", "conflict", "held")},
            )

    def _record(self, tx: Tx, kind: str, batch_hash: str, **details: object) -> None:
        subject = f"{self.target}/{self.object_name}"
        common = {
            "target": self.target,
            "object": self.object_name,
            "batch_hash": batch_hash,
            "run_id": self._one.run_id,
        }
        append(tx, kind, subject, {**common, **details}, self._one.actor)


def _keys_hash(entries: list[Entry]) -> str:
    return hashed(canonical([[e.key, e.version] for e in entries]))
