"""Links what was posted before movements said which allocation they are a side of: once, and no balance moves.

A movement that is one side of one allocation is told so where it stands. Where one movement held several (an event
gives back what it undoes and takes the receipt back), they are appended and the rest is put right by an opposite
movement, with the same dates and clocks: every sum over the ledger stays what it was.

Belongs here: comparing what stands with what posting says now. Not here: which rows are posted, any accounting rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b

import pyarrow as pa

from otc_pipelines.flow.posting_rows import NODE, tuples
from otc_pipelines.posting import Movement
from otc_pipelines.warehouse import Tx

_ITEM = ("source_system", "item_type", "item_id")
_SAID = (
    *_ITEM,
    *("legal_entity", "party_id", "installment_no", "document_type", "document_date", "due_date"),
    *("movement_type", "cause_entity", "cause_id", "effective_date", "recorded_at", "loaded_at"),
    *("currency", "base_currency", "gl_account"),
)
_LINKS = pa.schema([(name, pa.string()) for name in ("movement_id", "allocation_id", "exchange_id")])
_ZERO = Decimal(0)
Amounts = tuple[Decimal, Decimal]


class Links:
    """What is to be told of standing movements, what is to be appended, and how many clusters were left alone."""

    def __init__(self, standing: Iterable[Movement]) -> None:
        """Take the ledger as it stands, or all of it that concerns some clusters, without links."""
        self.told: list[tuple[str, str, str]] = []
        self.appended: list[Movement] = []
        self.left_alone = 0
        self._standing: dict[tuple[Hashable, ...], Movement] = {}
        self._of_item: dict[tuple[str, ...], set[tuple[Hashable, ...]]] = defaultdict(set)
        for m in standing:
            self._standing[_said(m)] = m
            self._of_item[_item(m)].add(_said(m))

    def add(self, posted: Sequence[Movement]) -> None:
        """Compare a whole cluster. Where it does not come to what stands, nothing of it is linked."""
        now: dict[tuple[Hashable, ...], list[Movement]] = defaultdict(list)
        for m in posted:
            now[_said(m)].append(m)
        items = {_item(m) for m in posted}
        stands = {said for item in items for said in self._of_item[item]}
        if any(_sum(now.get(said, ())) != _sum(self._stand(said)) for said in {*now, *stands}):
            self.left_alone += 1
            return
        for said, found in now.items():
            self._link(said, found)

    def _stand(self, said: tuple[Hashable, ...]) -> tuple[Movement, ...]:
        return (self._standing[said],) if said in self._standing else ()

    def _link(self, said: tuple[Hashable, ...], found: Sequence[Movement]) -> None:
        linked = [m for m in found if m.exchange_id is not None]
        if not linked:
            return
        standing = self._standing.get(said)
        if standing is not None and len(found) == 1:
            (one,) = linked
            self.told.append((standing.movement_id, one.allocation_id or "", one.exchange_id or ""))
            return
        self.appended += linked
        amount, base = _sum(linked)
        if amount or base:
            name = "\x1f".join([linked[0].movement_id, "linked"])
            rest = linked[0]._replace(
                movement_id=blake2b(name.encode(), digest_size=16).hexdigest(), allocation_id=None, exchange_id=None
            )
            known = linked[0].base_amount is not None
            self.appended.append(rest._replace(amount=-amount, base_amount=-base if known else None))

    def write(self, tx: Tx) -> None:
        """Keep what is to be told until all is compared (``link``). The caller appends."""
        columns = list(zip(*self.told, strict=True)) or [()] * len(_LINKS)
        tx.insert_arrow("ops.exchange_link", pa.table([pa.array(c, pa.string()) for c in columns], schema=_LINKS))


def link(tx: Tx) -> None:
    """Tell the standing movements what was found of them; nothing is due any more."""
    tx.execute(
        """update ops.ar_movement set allocation_id = told.allocation_id, exchange_id = told.exchange_id
        from ops.exchange_link as told where ops.ar_movement.movement_id = told.movement_id"""
    )
    for table in ("ops.exchange_link", "ops.exchange_due"):
        tx.execute(f"delete from {table}")  # noqa: S608


def stand(tx: Tx) -> None:
    """Leave in ``otc_standing`` the ledger as it stands, each movement in the chunk of its item (``posting_rows``)."""
    listed = ", ".join(f"m.{name}" for name in Movement._fields)
    tx.temp(
        "otc_standing",
        f"""select c.chunk, {listed} from ops.ar_movement as m
        join otc_chunks as c on c.source_system = m.source_system and c.id = m.item_id
            and c.kind = case when m.item_type = 'receipt' then '{NODE["receipt_id"]}' else '{NODE["document_id"]}' end
        order by c.chunk""",  # noqa: S608
    )
    tx.index("otc_standing", ["chunk"])


def standing(tx: Tx, chunk: int) -> Iterable[Movement]:
    """Yield what stands of one chunk."""
    return map(Movement._make, tuples(tx, "otc_standing", Movement._fields, f"chunk = {chunk}"))


def _said(m: Movement) -> tuple[Hashable, ...]:
    """All that a movement says but its amounts, whether its base amount is known, and the link."""
    return (*(getattr(m, name) for name in _SAID), m.base_amount is not None)


def _item(m: Movement) -> tuple[str, ...]:
    return tuple(getattr(m, name) for name in _ITEM)


def _sum(movements: Iterable[Movement]) -> Amounts:
    listed = list(movements)
    return sum((m.amount for m in listed), _ZERO), sum((m.base_amount or _ZERO for m in listed), _ZERO)
