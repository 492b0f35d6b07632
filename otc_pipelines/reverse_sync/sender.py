"""Sending the rows of one claim: what a person edited, what may be sent again, what must be read back first.

Belongs here: one claim's talk with the writer, and what each answer means. Not here: committing results (deliver).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from connectors.kit.contract import Intent, OutcomeStatus, Writer
from connectors.kit.errors import ConfigError, ConnectorError, RetriableError
from otc_pipelines.audit import append, audited
from otc_pipelines.reverse_sync import claims, lease
from otc_pipelines.reverse_sync.batch import Fields
from otc_pipelines.reverse_sync.compare import differing
from otc_pipelines.reverse_sync.ledger import Entry
from otc_pipelines.reverse_sync.policy import Delivery, Policy
from otc_pipelines.warehouse import Warehouse

Result = tuple[str, str]
APPLIED_BEFORE = "read back: it had been applied"


@dataclass(frozen=True)
class Sending:
    """Which object goes to which target, by which writer, as whom, under which policy, how, and in which run."""

    warehouse: Warehouse
    target: str
    object_name: str
    writer: Writer
    actor: str
    policy: Policy
    delivery: Delivery
    run_id: str = ""


@dataclass
class Sender:
    """The rows of one claim on their way. Keys are one to a claim: an outbox never sends two versions at once."""

    one: Sending
    owner: str = field(default_factory=lease.claim)
    delivered: Mapping[str, Fields] = field(default_factory=dict)  #: what was delivered last, to see a person's edits
    read_back: int = 0
    retried: int = 0
    unreachable: str = ""
    _refused: ConfigError | None = None
    _useless: bool = False
    _results: dict[str, Result] = field(default_factory=dict)
    _unknown: set[str] = field(default_factory=set)
    _reasons: dict[str, str] = field(default_factory=dict)
    _asked_to_wait: float = 0.0

    def resolve(self, entries: Sequence[Entry]) -> dict[str, Result]:
        """Read back rows whose outcome is not known: delivered where the target has them, else planned again."""
        held = self._held(entries)
        if held is None:
            return {e.outbox_id: ("unknown", self.unreachable) for e in entries}
        return {
            e.outbox_id: ("delivered", APPLIED_BEFORE)
            if _applied(e, held)
            else ("planned", "read back: it had not been applied")
            for e in entries
        }

    def send(self, entries: Sequence[Entry]) -> dict[str, Result]:
        """Send rows and return what became of each (outbox id → status, reason); nothing is left without an answer."""
        left = {e.key: e for e in entries}
        try:
            self._check_edits(left)
            retrying = Retrying(
                retry=retry_if_result(bool),
                stop=stop_after_attempt(self.one.delivery.tries),
                wait=self._wait,
                retry_error_callback=lambda state: None,
            )
            retrying(self._try, left)
        except Exception:
            with self.one.warehouse.transaction() as tx:
                lost = {e.outbox_id: ("unknown", "the sending was interrupted") for e in entries}
                claims.finish(tx, self.owner, {**lost, **self._results})
            raise
        for key, entry in left.items():
            reason = self._reasons.get(key, "")
            unknown = key in self._unknown
            self._results[entry.outbox_id] = ("unknown" if unknown else "failed", f"given up: {reason}".rstrip(": "))
        return dict(self._results)

    def raise_if_refused(self) -> None:
        """Raise what the target said of its configuration or credentials, after the results were stored."""
        if self._refused is not None:
            raise self._refused

    def _try(self, left: dict[str, Entry]) -> bool:
        """Send what is left once; return True if something is left that may be tried again."""
        if self._reasons:
            self._take_up_again(left)
        self._settle_unknown(left)
        sendable = [e for key, e in left.items() if key not in self._unknown]
        if not sendable:
            return bool(left) and not self._useless
        self._answers(left, sendable)
        self._settle_unknown(left)
        return bool(left) and not self._useless

    def _answers(self, left: dict[str, Entry], sendable: Sequence[Entry]) -> None:
        waiting = {e.key for e in sendable}
        self.unreachable, self._asked_to_wait = "", 0.0
        try:
            for outcome in self.one.writer.write(self.one.object_name, [self._intent(e) for e in sendable]):
                if outcome.key not in waiting:
                    continue
                waiting.discard(outcome.key)
                entry = left[outcome.key]
                self._reasons[outcome.key] = outcome.reason
                if outcome.status is OutcomeStatus.UNKNOWN:
                    self._unknown.add(outcome.key)
                elif outcome.status is not OutcomeStatus.RETRY:
                    self._results[entry.outbox_id] = (outcome.status.value, outcome.reason)
                    del left[outcome.key]
        except ConnectorError as problem:
            self._note(problem)
        for key in waiting:  # no answer for it: it may have been applied
            self._unknown.add(key)
            self._reasons[key] = self.unreachable or "the target did not answer for this record"

    def _settle_unknown(self, left: dict[str, Entry]) -> None:
        asked = [left[key] for key in sorted(self._unknown) if key in left]
        if not asked:
            return
        held = self._held(asked)
        if held is None:
            return
        for entry in asked:
            self._unknown.discard(entry.key)
            if _applied(entry, held):
                self._results[entry.outbox_id] = ("delivered", APPLIED_BEFORE)
                del left[entry.key]

    def _take_up_again(self, left: dict[str, Entry]) -> None:
        """Hold the claim for the next try; rows that another worker has taken over are not ours to send."""
        with self.one.warehouse.transaction() as tx:
            ours = {e.key for e in claims.renew(tx, self.owner, self.one.delivery.lease_seconds)}
            for key in set(left) - ours:
                del left[key]
            claims.begin_attempt(tx, list(left.values()))
        self.retried += len(left)

    def _check_edits(self, left: dict[str, Entry]) -> None:
        """Compare records with what was delivered last; a person's edit meets the policy and is audited."""
        known = [e for e in left.values() if e.key in self.delivered]
        if not known or not self.one.delivery.read_before_write:
            return
        held = self._held(known, count=False)
        if held is None:
            return  # the send will say so
        edited: list[tuple[Entry, tuple[str, ...]]] = []
        for e in known:
            if e.key not in held:
                continue
            if not differing(e.payload, held[e.key]):
                self._results[e.outbox_id] = ("delivered", "the target already had it")
                del left[e.key]
                continue
            before = {
                n: v
                for n, v in self.delivered[e.key].items()
                if n in e.payload and n not in self.one.policy.not_compared
            }
            names = differing(before, held[e.key])
            if names:
                edited.append((e, names))
        self._conflicts(left, edited)

    def _conflicts(self, left: dict[str, Entry], edited: Sequence[tuple[Entry, tuple[str, ...]]]) -> None:
        if not edited:
            return
        with audited(self.one.warehouse) as tx:
            for e, names in edited:
                policy = "overwrite" if e.approved_by else self.one.policy.on_conflict
                details = {
                    "target": self.one.target,
                    "object": self.one.object_name,
                    "batch_hash": e.batch_hash,
                    "run_id": self.one.run_id,
                    "key": e.key,
                    "policy": policy,
                    "fields": list(names),
                    "version": e.version,
                }
                append(tx, "conflict", f"{self.one.target}/{self.one.object_name}/{e.key}", details, self.one.actor)
                if policy == "overwrite":
                    continue
                told = f"edited in the target since the last delivery: {', '.join(names)}"
                result = (
                    ("conflict", f"{told}; kept as it is")
                    if policy == "keep"
                    else ("held", f"{told}; approve to overwrite")
                )
                self._results[e.outbox_id] = result
                del left[e.key]

    def _held(self, entries: Iterable[Entry], *, count: bool = True) -> Mapping[str, Mapping[str, Any]] | None:
        """What the target holds of these records, or None if it cannot be asked now."""
        asked = list(entries)
        fields = sorted({name for e in asked for name in e.payload})
        try:
            found = self.one.writer.read_back(self.one.object_name, [e.key for e in asked], fields)
        except ConnectorError as problem:
            self._note(problem)
            return None
        self.read_back += len(asked) if count else 0
        return found

    def _intent(self, e: Entry) -> Intent:
        return Intent(e.key, e.payload, f"{e.outbox_id}-{e.payload_hash[:16]}", e.version, e.action)

    def _note(self, problem: ConnectorError) -> None:
        self.unreachable = str(problem)
        if isinstance(problem, ConfigError):
            self._refused = problem
        self._useless = not isinstance(problem, RetriableError)
        if isinstance(problem, RetriableError) and problem.retry_after:
            self._asked_to_wait = problem.retry_after

    def _wait(self, state: RetryCallState) -> float:
        jittered = wait_random_exponential(
            multiplier=self.one.delivery.wait_seconds, max=self.one.delivery.longest_wait_seconds
        )
        return max(jittered(state), min(self._asked_to_wait, self.one.delivery.longest_wait_seconds))


def _applied(entry: Entry, held: Mapping[str, Mapping[str, Any]]) -> bool:
    return entry.key in held and not differing(entry.payload, held[entry.key])
