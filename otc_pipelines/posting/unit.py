"""A unit: applications, adjustments and receipt events that can stand in each other's way, settled together.

Belongs here: the versions of those rows and which of them are alive at a cut. Not here: what they do.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from otc_pipelines.posting.books import Books
from otc_pipelines.posting.model import AdjustmentVersion, AllocationVersion, ReceiptEventVersion, Version
from otc_pipelines.posting.versions import Arrival, Cut, History, R


class Unit:
    """Histories of the rows that are settled together, and the books they refer to."""

    __slots__ = ("adjustments", "allocations", "books", "events")

    def __init__(self, books: Books) -> None:
        self.books = books
        self.allocations: dict[str, History[AllocationVersion]] = {}
        self.adjustments: dict[str, History[AdjustmentVersion]] = {}
        self.events: dict[str, History[ReceiptEventVersion]] = {}

    def at(self, cut: Cut) -> Rows:
        """Return what is alive at a cut."""
        return Rows(self, cut)

    def histories(self) -> list[History[AllocationVersion] | History[AdjustmentVersion] | History[ReceiptEventVersion]]:
        """Every history of the unit."""
        return [*self.allocations.values(), *self.adjustments.values(), *self.events.values()]

    def grid(self) -> tuple[set[datetime], set[datetime]]:
        """Return when it could change, by recording and by loading: as its own rows came, and later what they name."""
        own = [p for h in self.histories() for p in h.points]
        others = [self.books.points(kind, item_id) for kind, item_id in self.referred()]
        recorded, loaded = {p[0] for p in own}, {p[1] for p in own}
        if len(own) == 1 and all(len(points) == 1 for points in others):
            recorded.update(p[0] for points in others for p in points)
            loaded.update(p[1] for points in others for p in points)
            return {max(recorded)}, {max(loaded)}
        first, first_load = min(recorded), min(loaded)
        for points in others:
            for point in points:
                if point[0] > first:
                    recorded.add(point[0])
                if point[1] > first_load:
                    loaded.add(point[1])
        return recorded, loaded

    def referred(self) -> set[tuple[str, str]]:
        """Documents and receipts that any version refers to, as (kind, id); kind is ``receipt`` or ``document``."""
        found: set[tuple[str, str]] = set()
        for allocation in self.allocations.values():
            for row in allocation.rows:
                if row.document_id is not None:
                    found.add(("document", row.document_id))
                if row.source_id is not None:
                    found.add(("receipt" if row.source_type == "receipt" else "document", row.source_id))
        for adjustment in self.adjustments.values():
            found.update(("document", row.document_id) for row in adjustment.rows if row.document_id is not None)
        for event in self.events.values():
            found.add(("receipt", event.first.receipt_id))
        return found


class Rows:
    """The rows of a unit that are alive at a cut."""

    __slots__ = ("adjustments", "allocations", "books", "cut", "events", "unit")

    def __init__(self, unit: Unit, cut: Cut) -> None:
        self.unit, self.cut, self.books = unit, cut, unit.books
        self.allocations = _alive(unit.allocations, cut)
        self.adjustments = _alive(unit.adjustments, cut)
        self.events = _alive(unit.events, cut)


def _alive(histories: dict[str, History[R]], cut: Cut) -> dict[str, R]:
    if not histories:
        return {}
    return {key: row for key, history in histories.items() if (row := history.live(cut)) is not None}


def recorded_day(recorded_at: datetime, timezone: tzinfo) -> date:
    """Return the day of a moment where the books are kept."""
    return recorded_at.astimezone(timezone).date()


def recorded_after(one: Version, one_came: Arrival, other: Version, other_came: Arrival) -> bool:
    """Tell whether the source says that one row was recorded after the other. Without its word: no."""
    return one.recorded_by_source and other.recorded_by_source and one_came.recorded_at > other_came.recorded_at
