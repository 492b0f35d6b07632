"""Reading the chain from its first row to its anchored head, and naming the first row that is not what it was.

Belongs here: verifying. Not here: mending; a broken chain is restored from a copy, never re-hashed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors.kit.errors import FatalError
from otc_pipelines.audit import anchor as anchors
from otc_pipelines.audit.chain import GENESIS, Head, digest
from otc_pipelines.warehouse import Tx, Warehouse


@dataclass(frozen=True)
class Verification:
    """What was found: whether the chain holds, the first broken row where not, and how many events were read.

    ``ahead``: events after the anchored head; more than those of one interrupted transaction do not occur.
    """

    ok: bool
    events: int
    message: str
    broken: int | None = None
    ahead: int = 0


def verify(warehouse: Warehouse, anchor: Path | None = None) -> Verification:
    """Verify the chain of a warehouse against its anchor (default: the one beside the warehouse)."""
    with warehouse.reading() as tx:
        return verify_chain(tx, anchor or anchors.anchor_path(warehouse))


def verify_chain(tx: Tx, path: Path) -> Verification:
    """Verify the chain that a transaction sees against the anchor in ``path``."""
    try:
        anchor = anchors.read(path)
    except FatalError as problem:
        return Verification(False, 0, str(problem))
    last = Head(0, GENESIS)
    at_anchor = GENESIS
    columns = "seq, happened_at, actor, kind, subject, details, previous_hash, hash"
    for batch in tx.arrow_batches(f"select {columns} from ops.audit_event order by seq, hash"):  # noqa: S608
        for row in batch.to_pylist():
            seq = int(row["seq"])
            if seq != last.seq + 1:
                first, what = (last.seq + 1, "is missing") if seq > last.seq + 1 else (seq, "is there twice")
                return Verification(False, last.seq, f"audit row {first} {what}", broken=first)
            if row["previous_hash"] != last.hash:
                message = f"audit row {seq} does not follow row {last.seq}: one was put in, taken out or moved"
                return Verification(False, last.seq, message, seq)
            mine = digest(last.hash, seq, row["happened_at"], row["actor"], row["kind"], row["subject"], row["details"])
            if row["hash"] != mine:
                return Verification(False, last.seq, f"audit row {seq} was edited", seq)
            last = Head(seq, mine)
            if anchor is not None and seq == anchor.head.seq:
                at_anchor = mine
    return _against(anchor, last, at_anchor, path)


def _against(anchor: anchors.Anchor | None, last: Head, at_anchor: str, path: Path) -> Verification:
    if anchor is None:
        if last.seq == 0:
            return Verification(True, 0, "nothing has been recorded yet")
        return Verification(False, last.seq, f"the anchor {path} is missing; restore it from a copy", 1)
    if last.seq < anchor.head.seq:
        first = last.seq + 1
        return Verification(False, last.seq, f"audit row {first} is missing: the chain was cut", first)
    if at_anchor != anchor.head.hash:
        seq = anchor.head.seq
        message = f"audit row {seq} is not the one that was anchored: the chain was rewritten"
        return Verification(False, last.seq, message, seq)
    ahead = last.seq - anchor.head.seq
    if ahead and last != anchor.pending:
        first = anchor.head.seq + 1
        message = f"audit row {first} was never anchored: it was put in past the audit trail"
        return Verification(False, last.seq, message, first, ahead)
    note = f", {ahead} of them of an interrupted run that was not anchored yet" if ahead else ""
    return Verification(True, last.seq, f"{last.seq} events verified{note}", ahead=ahead)
