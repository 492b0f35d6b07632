"""Splits over instalments are made once, when an allocation first counts, in the order in which rows came, and kept.

Belongs here: finding out when each split was made and what it was. Not here: how a split is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from otc_pipelines.posting.books import Point
from otc_pipelines.posting.findings import Held
from otc_pipelines.posting.parted import Parted
from otc_pipelines.posting.settlement import Part, Settlement, Splits
from otc_pipelines.posting.sheet import Sheet
from otc_pipelines.posting.unit import Unit
from otc_pipelines.posting.versions import Arrived, Cut

_EVER = datetime.max.replace(tzinfo=UTC)


class Kept:
    """All splits of a unit that were ever made, each with the load that made it."""

    def __init__(self, tree: Parted) -> None:
        """Follow the rows as they came; nothing to do where no document of the unit has several instalments."""
        self._made: dict[tuple[str, str, str], tuple[datetime, tuple[Part, ...]]] = {}
        self._by: dict[datetime, Splits] = {}
        unit = tree.unit
        if len(tree.recorded) == len(tree.loaded) == 1:
            return
        plans = unit.books.installments
        several = {i for kind, i in unit.referred() if kind != "receipt" and len(plans.get(i, ())) > 1}
        if not several:
            return
        wanted = {
            (entity, key)
            for entity, histories in (("allocations", unit.allocations), ("adjustments", unit.adjustments))
            for key, history in histories.items()
            if any(row.installment_no is None and row.document_id in several for row in history.rows)
        }
        wanted |= {("allocations", k) for k, h in unit.allocations.items() if h.last.reverses_id is not None}
        wanted |= {("adjustments", k) for k, h in unit.adjustments.items() if h.last.reverses_id is not None}
        if not wanted:
            return
        self._follow(tree, sorted(_points(unit), key=_as_they_came))

    def by(self, loaded_at: datetime) -> Splits:
        """Return the splits that had been made by a load."""
        if not self._made:
            return {}
        found = self._by.get(loaded_at)
        if found is None:
            found = self._by[loaded_at] = self._made_by(loaded_at)
        return found

    def _made_by(self, loaded_at: datetime) -> Splits:
        return {key: parts for key, (made, parts) in self._made.items() if made <= loaded_at}

    def _follow(self, tree: Parted, points: Sequence[Point]) -> None:
        """Settle the rows as they came; while they are in nothing's way, the parts by themselves."""
        first = min(p[1] for p in _points(tree.unit))
        early = sum(1 for k, at in points if not (tree.one_at(k, at) or (at > first and tree.one_at(_EVER, at))))
        for part in tree.parts:
            own = _points(part.unit)
            self._follow(part, [p for p in points[:early] if p in own])
        for recorded, loaded in points[early:]:
            self._settle(tree.unit, Arrived(loaded, recorded))

    def _settle(self, unit: Unit, cut: Cut) -> None:
        settled = Settlement(unit.at(cut), self._made_by(cut.loaded_at), Held(), Sheet())
        for taker in settled.takers:
            if taker.document is None or taker.amount <= 0 or not taker.pieces:
                continue
            key = (taker.entity, taker.key, taker.document.item_id)
            if key not in self._made:
                parts = tuple(Part(p.share.number, p.amount) for p in taker.pieces if p.share is not None)
                self._made[key] = (cut.loaded_at, parts)


def _points(unit: Unit) -> set[Point]:
    """Return when anything came that a unit is settled by."""
    points = {p for h in unit.histories() for p in h.points}
    for kind, item_id in unit.referred():
        points.update(unit.books.points(kind, item_id))
    return points


def _as_they_came(point: Point) -> tuple[datetime, datetime]:
    return point[1], point[0]
