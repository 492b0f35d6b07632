"""Who holds which outbox rows, and giving them back with a result. SQL on ``ops``, in the caller's transaction.

Belongs here: claiming, holding on, attempts, results. Not here: putting rows in (ledger), sending.

A claim takes only the newest row of a key, and none of a key of which an older row is still under way: a stale version
never overwrites a newer one. A result is stored only for rows that the claim still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from otc_pipelines.reverse_sync import lease
from otc_pipelines.reverse_sync.ledger import COLUMNS, Entry, entry_of, portions
from otc_pipelines.warehouse import Tx

_TIME = pa.timestamp("us", tz="UTC")
_ATTEMPT = pa.schema(
    [
        ("attempt_id", pa.string()),
        ("outbox_id", pa.string()),
        ("attempt", pa.int64()),
        ("started_at", _TIME),
        ("outcome", pa.string()),
    ]
)


def claim(
    tx: Tx, target: str, object_name: str, batch_hash: str, owner: str, seconds: float, limit: int
) -> list[Entry]:
    """Take the next planned rows of a batch: the intent to send them. Never a stale version, never a key under way."""
    tx.execute(
        "update ops.outbox set status = 'sending', lease_owner = :owner, lease_until = :until, updated_at = :now"
        " where outbox_id in (select o.outbox_id from ops.outbox o where o.target = :target and o.object = :object"
        " and o.batch_hash = :batch_hash and o.status = 'planned' and not exists (select 1 from ops.outbox other"
        " where other.target = o.target and other.object = o.object and other.key = o.key"
        " and (other.version > o.version or (other.version < o.version and other.status in ('sending', 'unknown'))))"
        " order by o.key limit :limit)",
        **_claim(owner, seconds),
        target=target,
        object=object_name,
        batch_hash=batch_hash,
        limit=limit,
    )
    entries = mine(tx, owner)
    begin_attempt(tx, entries)
    return entries


def claim_unresolved(tx: Tx, target: str, object_name: str, owner: str, seconds: float) -> list[Entry]:
    """Take the rows whose outcome nobody knows and nobody is finding out: read back before anything else."""
    rows = tx.rows(
        f"select {COLUMNS} from ops.outbox where target = :target and object = :object"  # noqa: S608
        " and status in ('sending', 'unknown') order by key",
        target=target,
        object=object_name,
    )
    free = [e.outbox_id for e in map(entry_of, rows) if e.status == "unknown" or _free(e)]
    for ids, names in portions(free):
        tx.execute(
            "update ops.outbox set status = 'sending', lease_owner = :owner, lease_until = :until, updated_at = :now"  # noqa: S608
            f" where outbox_id in ({names})",
            **_claim(owner, seconds),
            **ids,
        )
    return mine(tx, owner)


def mine(tx: Tx, owner: str) -> list[Entry]:
    """The rows that a claim still holds, by key."""
    rows = tx.rows(
        f"select {COLUMNS} from ops.outbox where lease_owner = :owner and status = 'sending' order by key",  # noqa: S608
        owner=owner,
    )
    return [entry_of(r) for r in rows]


def renew(tx: Tx, owner: str, seconds: float) -> list[Entry]:
    """Hold a claim for longer; return what it still holds."""
    tx.execute(
        "update ops.outbox set lease_until = :until, updated_at = :now"
        " where lease_owner = :owner and status = 'sending'",
        **_claim(owner, seconds),
    )
    return mine(tx, owner)


def begin_attempt(tx: Tx, entries: Sequence[Entry]) -> None:
    """Record that these rows are about to be sent."""
    if not entries:
        return
    now = datetime.now(UTC)
    before: dict[str, int] = {}
    for ids, names in portions([e.outbox_id for e in entries]):
        for row in tx.rows(
            "select outbox_id, max(attempt) as n from ops.sync_attempt"  # noqa: S608
            f" where outbox_id in ({names}) group by outbox_id",
            **ids,
        ):
            before[row["outbox_id"]] = int(row["n"])
    rows = []
    for e in entries:
        n = before.get(e.outbox_id, 0) + 1
        rows.append(
            {
                "attempt_id": f"{e.outbox_id}:{n}",
                "outbox_id": e.outbox_id,
                "attempt": n,
                "started_at": now,
                "outcome": "sending",
            }
        )
    tx.insert_arrow("ops.sync_attempt", pa.Table.from_pylist(rows, schema=_ATTEMPT))


def finish(tx: Tx, owner: str, results: Mapping[str, tuple[str, str]]) -> list[Entry]:
    """Store what became of the rows of a claim (outbox id → status, reason); return those it still held.

    A row that is put back to planned while a newer version waits is superseded instead.
    """
    now = datetime.now(UTC)
    held = [e for e in mine(tx, owner) if e.outbox_id in results]
    groups: dict[tuple[str, str], list[str]] = {}
    for e in held:
        groups.setdefault(results[e.outbox_id], []).append(e.outbox_id)
    for (status, reason), members in groups.items():
        for ids, names in portions(members):
            tx.execute(
                "update ops.outbox set status = :status, reason = :reason, updated_at = :now,"  # noqa: S608
                f" lease_owner = null, lease_until = null where outbox_id in ({names})",
                status=status,
                reason=reason,
                now=now,
                **ids,
            )
            tx.execute(
                "update ops.sync_attempt set finished_at = :now, outcome = :status, reason = :reason"  # noqa: S608
                f" where finished_at is null and outbox_id in ({names})",
                status=status,
                reason=reason,
                now=now,
                **ids,
            )
    if any(status == "planned" for status, _ in groups):
        tx.execute(
            "update ops.outbox set status = 'superseded', reason = 'a newer plan replaced it', updated_at = :now"
            " where status = 'planned' and outbox_id in (select o.outbox_id from ops.outbox o join ops.outbox other"
            " on other.target = o.target and other.object = o.object and other.key = o.key"
            " where other.version > o.version)",
            now=now,
        )
    return held


def _claim(owner: str, seconds: float) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"owner": owner, "until": now + timedelta(seconds=seconds), "now": now}


def _free(entry: Entry) -> bool:
    until = entry.lease_until
    return until is None or until <= datetime.now(UTC) or lease.is_dead(entry.lease_owner)
