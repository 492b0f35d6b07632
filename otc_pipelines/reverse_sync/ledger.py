"""The outbox: every change to deliver, its version and what became of it. SQL on ``ops``, in the caller's transaction.

Belongs here: what was delivered, putting changes in. Not here: who holds a row (claims), approvals, the writer.

A row's way: planned (or held, or blocked) → sending, which is the intent, committed before the send → delivered,
failed, conflict, unknown, or planned again. A version only grows; a row that a newer one replaces before it was sent is
superseded, and a row is claimed only when it is the newest of its key and no older one is still under way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connectors.kit.errors import ConfigError
from otc_pipelines.reverse_sync.batch import Fields, canonical, hashed
from otc_pipelines.warehouse import Tx

WAITING = ("planned", "held", "blocked", "conflict", "failed")
UNDER_WAY = ("sending", "unknown")
COLUMNS = (
    "outbox_id, key, version, action, payload, payload_hash, batch_hash, status, reason,"
    " lease_owner, lease_until, created_by, approved_by"
)
_TIME = pa.timestamp("us", tz="UTC")
_OUTBOX = pa.schema(
    [
        *((name, pa.string()) for name in ("outbox_id", "target", "object", "key")),
        ("version", pa.int64()),
        *((name, pa.string()) for name in ("action", "payload", "payload_hash", "batch_hash", "status", "reason")),
        ("created_at", _TIME),
        ("updated_at", _TIME),
        ("created_by", pa.string()),
    ]
)


class SyncError(ConfigError):
    """A delivery that was asked for wrongly: a dry-run target, an unknown batch, an approval by the one who ran it."""


@dataclass(frozen=True)
class Entry:
    """One outbox row."""

    outbox_id: str
    key: str
    version: int
    action: str
    payload: Fields
    payload_hash: str
    batch_hash: str
    status: str
    reason: str
    lease_owner: str
    lease_until: datetime | None
    created_by: str
    approved_by: str


@dataclass(frozen=True)
class Queued:
    """A change to put into the outbox."""

    key: str
    action: str
    payload: Fields


def delivered(tx: Tx, target: str, object_name: str) -> dict[str, Fields]:
    """What was delivered last, by key."""
    rows = tx.rows(
        "select key, payload from (select key, payload, row_number() over (partition by key order by version desc) as n"
        " from ops.outbox where target = :target and object = :object and status = 'delivered') last where n = 1",
        target=target,
        object=object_name,
    )
    return {str(r["key"]): json.loads(r["payload"]) for r in rows}


def newest(tx: Tx, target: str, object_name: str) -> dict[str, Entry]:
    """The newest row of each key, whatever became of it."""
    rows = tx.rows(
        f"select {COLUMNS} from (select *, row_number() over (partition by key order by version desc) as n"  # noqa: S608
        " from ops.outbox where target = :target and object = :object) last where n = 1",
        target=target,
        object=object_name,
    )
    return {entry.key: entry for entry in map(entry_of, rows)}


def of_batch(tx: Tx, target: str, object_name: str, batch_hash: str) -> list[Entry]:
    """The rows that a batch put into the outbox, by key."""
    rows = tx.rows(
        f"select {COLUMNS} from ops.outbox where target = :target and object = :object"  # noqa: S608
        " and batch_hash = :batch_hash order by key, version",
        target=target,
        object=object_name,
        batch_hash=batch_hash,
    )
    return [entry_of(r) for r in rows]


def enqueue(
    tx: Tx,
    target: str,
    object_name: str,
    batch_hash: str,
    changes: Iterable[Queued],
    status: str,
    reason: str,
    actor: str,
) -> int:
    """Put changes into the outbox as ``status``; return how many rows that made or moved.

    A row that waits with the same payload is taken up again; one with another payload, or whose record needs no change
    any more, is superseded. A row under way with the same payload is left to whoever resolves it.
    """
    now = datetime.now(UTC)
    last = newest(tx, target, object_name)
    fresh: list[dict[str, Any]] = []
    again: list[str] = []
    keep: set[str] = set()
    for change in changes:
        payload = canonical(dict(change.payload))
        payload_hash = hashed(payload)
        found = last.get(change.key)
        if found is not None and found.payload_hash == payload_hash and found.status in (*WAITING, *UNDER_WAY):
            keep.add(found.outbox_id)
            same = found.status == status and found.batch_hash == batch_hash and found.reason == reason
            if found.status in WAITING and not same:
                again.append(found.outbox_id)
            continue
        version = 1 if found is None else found.version + 1
        fresh.append(
            {
                "outbox_id": hashed(canonical([target, object_name, change.key, version]))[:32],
                "target": target,
                "object": object_name,
                "key": change.key,
                "version": version,
                "action": change.action,
                "payload": payload,
                "payload_hash": payload_hash,
                "batch_hash": batch_hash,
                "status": status,
                "reason": reason,
                "created_at": now,
                "updated_at": now,
                "created_by": actor,
            }
        )
    stale = [e.outbox_id for e in last.values() if e.status in WAITING and e.outbox_id not in keep]
    for ids, names in portions(stale):
        tx.execute(
            "update ops.outbox set status = 'superseded', updated_at = :now, reason = 'a newer plan replaced it'"  # noqa: S608
            f" where outbox_id in ({names})",
            now=now,
            **ids,
        )
    for ids, names in portions(again):
        tx.execute(
            "update ops.outbox set approved_by = case when batch_hash = :batch_hash then approved_by end,"  # noqa: S608
            " batch_hash = :batch_hash, status = :status, reason = :reason, updated_at = :now"
            f" where outbox_id in ({names})",
            now=now,
            batch_hash=batch_hash,
            status=status,
            reason=reason,
            **ids,
        )
    if fresh:
        tx.insert_arrow("ops.outbox", pa.Table.from_pylist(fresh, schema=_OUTBOX))
    return len(fresh) + len(again) + len(stale)


def block(tx: Tx, target: str, object_name: str, batch_hash: str, reason: str) -> int:
    """Block what is planned of a batch; return how many rows."""
    rows = [e.outbox_id for e in of_batch(tx, target, object_name, batch_hash) if e.status == "planned"]
    for ids, names in portions(rows):
        tx.execute(
            "update ops.outbox set status = 'blocked', reason = :reason, updated_at = :now"  # noqa: S608
            f" where outbox_id in ({names})",
            reason=reason,
            now=datetime.now(UTC),
            **ids,
        )
    return len(rows)


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An outbox row as an entry."""
    text = {name: row[name] or "" for name in ("reason", "lease_owner", "created_by", "approved_by")}
    return Entry(**{**row, **text, "payload": json.loads(row["payload"])})


def portions(values: Sequence[str], size: int = 500) -> Iterator[tuple[dict[str, str], str]]:
    """Values in portions that one ``in (…)`` can bind: parameters, and the names to write."""
    for start in range(0, len(values), size):
        bound = {f"id{n}": value for n, value in enumerate(values[start : start + size])}
        yield bound, ", ".join(f":{name}" for name in bound)
