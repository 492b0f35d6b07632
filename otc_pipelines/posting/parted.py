"""From when on the rows of a unit can stand in each other's way. Before, its parts are settled apart.

A receipt with a thousand allocations is one unit because it is charged back in the end; until then each allocation
could be settled by itself. Belongs here: telling that moment, and the parts. It is about speed alone: settled in one
piece, a unit gives the same movements. Not here: the arithmetic that puts both together (``engine``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from otc_pipelines.posting.books import Point
from otc_pipelines.posting.items import RECEIPT
from otc_pipelines.posting.model import DocumentVersion, ReceiptVersion
from otc_pipelines.posting.unit import Unit
from otc_pipelines.posting.units import Item, Scarce, depends_on_order, grouped, items_of
from otc_pipelines.posting.versions import History

_ZERO, _ALL = Decimal(0), Decimal("Infinity")
_WORTH_IT = 3  #: of how many cuts one may be settled in one piece
_TRIED = 3  #: items that link the most rows


class Parted(NamedTuple):
    """A unit with its grid, and what it falls into at cuts that see too little; without parts it is always one."""

    unit: Unit
    recorded: Collection[datetime]
    loaded: Collection[datetime]
    parts: tuple[Parted, ...] = ()
    since: Point | None = None  #: nothing recorded before the one, or loaded before the other, is in anything's way

    def one_at(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether what was recorded and loaded by then has to be settled in one piece."""
        return self.since is None or (recorded_at >= self.since[0] and loaded_at >= self.since[1])


def parted(unit: Unit) -> Parted:
    """Part a unit as far as that saves more than it costs."""
    recorded, loaded = unit.grid()
    alone = Parted(unit, recorded, loaded)
    if len(recorded) * len(loaded) < _WORTH_IT:
        return alone
    scarce = Scarce(unit).found
    wants = _wants(unit, scarce)
    corners = {item: corner for item in scarce if (corner := _corner(unit, item, wants[item])) is not None}
    links = {item: len({want.key for want in wants[item]}) for item in corners}
    for item in sorted(links, key=lambda i: (-links[i], i))[:_TRIED]:
        k, at = corners[item]
        cuts = sum(r >= k for r in recorded) * sum(c >= at for c in loaded)
        if links[item] < 2 or cuts * _WORTH_IT > len(recorded) * len(loaded):
            continue
        late = {other for other, corner in corners.items() if corner[0] >= k and corner[1] >= at}
        parts = grouped(unit, scarce - late)
        if len(parts) > 1:
            return alone._replace(parts=tuple(map(parted, parts)), since=(k, at))
    return alone


class _Want(NamedTuple):
    """What one version of a row may want of an item, and when it came."""

    point: Point
    key: tuple[str, str]
    amount: Decimal


def _wants(unit: Unit, items: Collection[Item]) -> dict[Item, list[_Want]]:
    found: dict[Item, list[_Want]] = {item: [] for item in items}
    for key, allocation in unit.allocations.items():
        for row, point in zip(allocation.rows, allocation.points, strict=True):
            document, source = items_of(row)
            amount = abs(row.amount or _ZERO)
            if row.reverses_id is None and (row.amount or _ZERO) < 0:
                amount = _ALL
            for item, most in ((document, amount), (source, max(amount, abs(row.source_amount or _ZERO)))):
                if item in found:
                    found[item].append(_Want(point, ("allocations", key), most))
    for key, adjustment in unit.adjustments.items():
        for change, point in zip(adjustment.rows, adjustment.points, strict=True):
            item = ("document", change.document_id or "")
            if item in found:
                found[item].append(_Want(point, ("adjustments", key), abs(change.amount or _ZERO)))
    for key, event in unit.events.items():
        found[RECEIPT, event.first.receipt_id] += [_Want(point, ("events", key), _ALL) for point in event.points]
    return found


def _corner(unit: Unit, item: Item, wants: Sequence[_Want]) -> Point | None:
    """Return when an item became scarce, at the earliest, on each clock by itself."""
    haves = _haves(unit, item)
    recorded, loaded = (_moment(wants, haves, clock) for clock in (0, 1))
    return None if recorded is None or loaded is None else (recorded, loaded)


def _haves(unit: Unit, item: Item) -> list[tuple[Point | None, Decimal]]:
    """Return what there is of an item by each of its versions, and when that came; None: from the start."""
    if depends_on_order(unit.books, item):
        return [(None, Decimal(-1))]
    kind, item_id = item
    if kind == RECEIPT:
        return _amounts(unit.books.receipts.get(item_id))
    return _amounts(unit.books.documents.get(item_id))


def _amounts(
    history: History[DocumentVersion] | History[ReceiptVersion] | None,
) -> list[tuple[Point | None, Decimal]]:
    if history is None:
        return []
    alive: list[tuple[Point | None, Decimal]] = [
        (point, history.rows[i].amount or _ZERO)
        for i, point in enumerate(history.points)
        if not history.rows[i].deleted
    ]
    return alive or [(None, _ZERO)]


def _moment(wants: Iterable[_Want], haves: Iterable[tuple[Point | None, Decimal]], clock: int) -> datetime | None:
    """Return when more was first wanted than there surely was, by one clock alone."""
    least = min((amount for point, amount in haves if point is None), default=_ALL)
    came: list[tuple[datetime, bool, tuple[str, str], Decimal]] = [
        (point[clock], False, ("", ""), amount) for point, amount in haves if point is not None
    ]
    came += [(want.point[clock], True, want.key, want.amount) for want in wants]
    most: dict[tuple[str, str], Decimal] = {}
    total = _ZERO
    for at, wanted, key, amount in sorted(came, key=lambda c: c[:2]):
        if not wanted:
            least = min(least, amount)
        elif amount > most.get(key, _ZERO):
            total += amount - most.get(key, _ZERO)
            most[key] = amount
        if amount == _ALL or (most and total > least):
            return at
    return None
