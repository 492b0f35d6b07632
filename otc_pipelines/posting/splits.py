"""Splits over instalments are made once, when an allocation first counts, in the order in which rows came, and kept.

Belongs here: finding out when each split was made and what it was. Not here: how a split is made.
"""

from __future__ import annotations

from datetime import datetime

from otc_pipelines.posting.findings import Held
from otc_pipelines.posting.settlement import Part, Settlement, Splits
from otc_pipelines.posting.sheet import Sheet
from otc_pipelines.posting.unit import Unit
from otc_pipelines.posting.versions import Arrived, Cut


class Kept:
    """All splits of a unit that were ever made, each with the load that made it."""

    def __init__(self, unit: Unit) -> None:
        """Follow the rows as they came; nothing to do where no document of the unit has several instalments."""
        self._made: dict[tuple[str, str, str], tuple[datetime, tuple[Part, ...]]] = {}
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
        points = {p for h in unit.histories() for p in h.points}
        for kind, item_id in unit.referred():
            points.update(unit.books.points(kind, item_id))
        for recorded, loaded in sorted(points, key=lambda p: (p[1], p[0])):
            self._follow(unit, Arrived(loaded, recorded))

    def by(self, loaded_at: datetime) -> Splits:
        """Return the splits that had been made by a load."""
        if not self._made:
            return {}
        return {key: parts for key, (made, parts) in self._made.items() if made <= loaded_at}

    def _follow(self, unit: Unit, cut: Cut) -> None:
        settled = Settlement(unit.at(cut), self.by(cut.loaded_at), Held(), Sheet())
        for taker in settled.takers:
            if taker.document is None or taker.amount <= 0 or not taker.pieces:
                continue
            key = (taker.entity, taker.key, taker.document.item_id)
            if key not in self._made:
                parts = tuple(Part(p.share.number, p.amount) for p in taker.pieces if p.share is not None)
                self._made[key] = (cut.loaded_at, parts)
