"""Appending to the chain: each event's hash covers the one before it.

Belongs here: the canonical row, its hash, appending in the caller's transaction. Not here: the anchor, verifying.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from weakref import WeakSet

from otc_pipelines.audit.kinds import KINDS
from otc_pipelines.warehouse import Tx

GENESIS = "0" * 64
_LONGEST = 500
_admitted: WeakSet[Tx] = WeakSet()


class AuditError(ValueError):
    """An event that the trail does not take: an unknown kind, a detail that is not allowed."""


class Head(NamedTuple):
    """The last event: its number and its hash. Number 0: nothing happened yet."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Event:
    """What happened, to what, by whom; ``details`` only of what the kind allows."""

    kind: str
    subject: str
    details: Mapping[str, Any]
    actor: str

    def __post_init__(self) -> None:
        allowed = KINDS.get(self.kind)
        if allowed is None:
            raise AuditError(f"audit kind {self.kind!r} is unknown; use one of {', '.join(sorted(KINDS))}")
        foreign = sorted(set(self.details) - allowed)
        if foreign:
            raise AuditError(
                f"audit kind {self.kind} does not carry {', '.join(foreign)}; allowed: {', '.join(sorted(allowed))}"
            )
        for name, text in (("subject", self.subject), ("actor", self.actor)):
            if not text or len(text) > _LONGEST or not text.isprintable():
                raise AuditError(f"audit {name} of a {self.kind} event must be 1 to {_LONGEST} printable characters")
        for name, value in self.details.items():
            _plain(f"{self.kind}.{name}", value)


def canonical(details: Mapping[str, Any]) -> str:
    """Details as the one text that is stored and hashed."""
    return json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(previous: str, seq: int, happened_at: datetime, actor: str, kind: str, subject: str, details: str) -> str:
    """Hash of an event: SHA-256 over the hash before it and the canonical row."""
    row = [seq, happened_at.astimezone(UTC).isoformat(timespec="microseconds"), actor, kind, subject, details]
    text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def head(tx: Tx) -> Head:
    """The last event as the transaction sees it."""
    rows = tx.rows("select seq, hash from ops.audit_event order by seq desc limit 1")
    return Head(int(rows[0]["seq"]), str(rows[0]["hash"])) if rows else Head(0, GENESIS)


def admit(tx: Tx) -> None:
    """Let a transaction append: its end moves the anchor."""
    _admitted.add(tx)


def append(tx: Tx, kind: str, subject: str, details: Mapping[str, Any], actor: str) -> Head:
    """Append one event in the caller's transaction; AuditError if it carries what its kind does not allow."""
    return append_many(tx, [Event(kind, subject, details, actor)])


def append_many(tx: Tx, events: Iterable[Event]) -> Head:
    """Append events in order in the caller's transaction; return the new head."""
    if tx not in _admitted:
        raise AuditError("this transaction would not be anchored; open it with `audited(warehouse)`")
    seq, previous = head(tx)
    rows = []
    now = datetime.now(UTC)
    for event in events:
        seq += 1
        details = canonical(event.details)
        mine = digest(previous, seq, now, event.actor, event.kind, event.subject, details)
        rows.append(
            {
                "seq": seq,
                "happened_at": now,
                "actor": event.actor,
                "kind": event.kind,
                "subject": event.subject,
                "details": details,
                "previous_hash": previous,
                "hash": mine,
            }
        )
        previous = mine
    tx.insert("ops.audit_event", rows)
    return Head(seq, previous)


def _plain(name: str, value: Any) -> None:
    if isinstance(value, list | tuple):
        for part in value:
            _plain(name, part)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            _plain(name, key)
            _plain(name, part)
    elif isinstance(value, str):
        if len(value) > _LONGEST:
            raise AuditError(f"audit detail {name} has {len(value)} characters; at most {_LONGEST} are kept")
    elif value is not None and not isinstance(value, bool | int | Decimal | datetime):
        raise AuditError(f"audit detail {name} is a {type(value).__name__}; use text, int, Decimal or bool")
