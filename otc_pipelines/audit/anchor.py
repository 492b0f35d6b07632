"""The head of the chain, kept outside the database so that a cut or rewritten chain shows.

Belongs here: the anchor's file and the transaction that moves it. Not here: reading the chain (verify).

The file names the head, and while a transaction commits also the head that it will leave: a process that dies between
commit and anchor leaves a chain that is ahead by that transaction's events, never behind. A chain that has lost what
was anchored is not anchored again: the break stays visible until a person has looked.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.kit.errors import FatalError
from otc_pipelines.audit import chain
from otc_pipelines.audit.chain import Head, head
from otc_pipelines.warehouse import Role, Tx, Warehouse
from otc_pipelines.warehouse.killpoint import killpoint
from otc_pipelines.warehouse.replacing import replace


@dataclass(frozen=True)
class Anchor:
    """What the file says: the head, and the head that a transaction was about to leave."""

    head: Head
    pending: Head | None = None


def anchor_path(warehouse: Warehouse) -> Path:
    """Where the head of this warehouse's chain is anchored."""
    return warehouse.folder / "audit" / "head.json"


def read(path: Path) -> Anchor | None:
    """The anchor, or None where there is none. FatalError if the file is not readable as one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        pending = found.get("pending")
        return Anchor(_head(found["head"]), None if pending is None else _head(pending))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise FatalError(f"audit anchor {path} cannot be read; restore it from a copy") from None


@contextlib.contextmanager
def audited(warehouse: Warehouse, role: Role = "owner") -> Iterator[Tx]:
    """A transaction that appends to the chain: the anchor is told before the commit and moved after it."""
    path = anchor_path(warehouse)
    with warehouse.writing():
        moved = False
        with warehouse.transaction(role) as tx:
            before = head(tx)
            chain.admit(tx)
            yield tx
            after = head(tx)
            if after != before and _continues(read(path), before):
                _write(path, Anchor(before, after))
                moved = True
            killpoint("audit.before_commit")
        killpoint("audit.after_commit")
        if moved:
            _write(path, Anchor(after))


def _continues(anchor: Anchor | None, before: Head) -> bool:
    """True if the chain stood where it was anchored, and so may be anchored further on."""
    if anchor is None:
        return before.seq == 0
    return before in (anchor.head, anchor.pending)


def _head(found: dict[str, object]) -> Head:
    seq, mine = found["seq"], found["hash"]
    if not isinstance(seq, int) or not isinstance(mine, str):
        raise TypeError("seq and hash")
    return Head(seq, mine)


def _write(path: Path, anchor: Anchor) -> None:
    text = json.dumps(
        {
            "head": anchor.head._asdict(),
            "pending": None if anchor.pending is None else anchor.pending._asdict(),
        },
        indent=2,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(text + "\n", encoding="utf-8")
    replace(fresh, path)
