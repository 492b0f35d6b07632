"""Releasing what a limit, or a person's edit in the target, has held. SQL on ``ops``, in the caller's transaction.

Belongs here: who may approve which batch. Not here: holding (ledger), delivering afterwards (deliver).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from otc_pipelines.audit import append
from otc_pipelines.reverse_sync.ledger import SyncError
from otc_pipelines.warehouse import Tx

_NOBODY = frozenset({"", "unknown"})
_SHORTEST_HASH = 8


@dataclass(frozen=True)
class Approved:
    """What an approval released."""

    target: str
    object_name: str
    batch_hash: str
    rows: int
    planned_by: str


def approved(tx: Tx, target: str, object_name: str, batch_hash: str) -> bool:
    """True if somebody has approved exactly this batch."""
    return bool(
        tx.scalar(
            "select count(*) from ops.outbox where target = :target and object = :object"
            " and batch_hash = :batch_hash and approved_by is not null",
            target=target,
            object=object_name,
            batch_hash=batch_hash,
        )
    )


def approve(tx: Tx, batch: str, actor: str) -> list[Approved]:
    """Release what is held of a batch, named by its hash or the beginning of it; audited. SyncError says why not."""
    if len(batch) < _SHORTEST_HASH:
        raise SyncError(f"batch {batch!r} is too short; give at least {_SHORTEST_HASH} characters of its hash")
    held = tx.rows(
        "select target, object, batch_hash, created_by, count(*) as n from ops.outbox"
        " where status = 'held' group by target, object, batch_hash, created_by order by 1, 2, 3, 4"
    )
    chosen = [r for r in held if str(r["batch_hash"]).startswith(batch)]
    hashes = {str(r["batch_hash"]) for r in chosen}
    if len(hashes) != 1:
        what = "is not held" if not chosen else "fits several held batches"
        known = ", ".join(sorted({str(r["batch_hash"])[:12] for r in held})) or "none"
        raise SyncError(f"batch {batch} {what}; held: {known}")
    if actor not in _NOBODY and any(r["created_by"] == actor for r in chosen):
        raise SyncError(f"batch {batch} was run by {actor}; somebody else must approve it")
    tx.execute(
        "update ops.outbox set status = 'planned', approved_by = :actor, updated_at = :now"
        " where status = 'held' and batch_hash = :batch_hash",
        actor=actor or "unknown",
        now=datetime.now(UTC),
        batch_hash=hashes.pop(),
    )
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for r in chosen:
        found.setdefault((r["target"], r["object"], r["batch_hash"]), []).append(r)
    released = [
        Approved(*key, sum(int(r["n"]) for r in rows), ", ".join(sorted({str(r["created_by"]) for r in rows})))
        for key, rows in found.items()
    ]
    for one in released:
        details = {
            "target": one.target,
            "object": one.object_name,
            "batch_hash": one.batch_hash,
            "rows": one.rows,
            "planned_by": one.planned_by,
            "approved_by": actor or "unknown",
        }
        append(tx, "approval", f"{one.target}/{one.object_name}", details, actor or "unknown")
    return released
