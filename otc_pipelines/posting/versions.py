"""The versions of a row, and which one counts for what was known: recorded by K, loaded by L.

Belongs here: version order, inherited recording times, the legal entity a document belongs to. Not here: what a row
means once it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from otc_pipelines.posting.model import DocumentVersion, InstallmentVersion, Version

R = TypeVar("R", bound=Version)


class Arrival(NamedTuple):
    """When a row first came: the order in which allocations take what is open."""

    loaded_at: datetime
    recorded_at: datetime


class Cut(Protocol):
    """A set of versions: those that it sees."""

    @property
    def loaded_at(self) -> datetime:
        """Nothing loaded later is seen."""

    def sees(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether a version belongs to the set."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was recorded by one moment and loaded by another."""

    recorded_at: datetime
    loaded_at: datetime

    def sees(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether a version is known."""
        return recorded_at <= self.recorded_at and loaded_at <= self.loaded_at


@dataclass(frozen=True, slots=True)
class Arrived:
    """What had arrived: all earlier loads, and of this load what was recorded up to a moment."""

    loaded_at: datetime
    recorded_at: datetime

    def sees(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether a version had arrived."""
        return loaded_at < self.loaded_at or (loaded_at == self.loaded_at and recorded_at <= self.recorded_at)


class History(Generic[R]):
    """All versions of one row in version order: (recorded_at, loaded_at, file name, line)."""

    __slots__ = ("first", "last", "points", "rows")

    def __init__(self, rows: list[R], recorded: list[datetime] | None = None) -> None:
        """Take the versions of one key; ``recorded`` where it is not each version's own recorded_at."""
        if len(rows) == 1:
            row = rows[0]
            self.rows = rows
            self.points = [(recorded[0] if recorded else row.recorded_at, row.loaded_at)]
            self.first = self.last = row
            return
        stamped = [
            (recorded[i] if recorded else r.recorded_at, r.loaded_at, r.source_file or "", r.source_line or 0, i)
            for i, r in enumerate(rows)
        ]
        order = sorted(stamped)
        self.rows = [rows[s[-1]] for s in order]
        self.points = [(s[0], s[1]) for s in order]
        self.first = rows[min(stamped, key=lambda s: (s[1], s[0], *s[2:]))[-1]]
        self.last = self.rows[-1]

    def at(self, cut: Cut) -> R | None:
        """Return the version that counts, a tombstone included; None where the row was not known."""
        for i in range(len(self.rows) - 1, -1, -1):
            if cut.sees(*self.points[i]):
                return self.rows[i]
        return None

    def live(self, cut: Cut) -> R | None:
        """Return the version that counts, unless it is a tombstone."""
        row = self.at(cut)
        return None if row is None or row.deleted else row

    @property
    def arrival(self) -> Arrival:
        """When the first version came; a later load never changes it."""
        return Arrival(self.first.loaded_at, self.first.recorded_at)


def histories(rows: Iterable[R]) -> dict[str, History[R]]:
    """Group versions by their row's key."""
    grouped: dict[str, list[R]] = {}
    for row in rows:
        grouped.setdefault(row.row_key, []).append(row)
    return {key: History(versions) for key, versions in grouped.items()}


def of_one_entity(
    rows: Iterable[DocumentVersion],
) -> tuple[dict[str, History[DocumentVersion]], list[DocumentVersion]]:
    """Group document versions; the legal entity that first claimed a document keeps it, others are given back."""
    kept: dict[str, History[DocumentVersion]] = {}
    foreign: list[DocumentVersion] = []
    grouped: dict[str, list[DocumentVersion]] = {}
    for row in rows:
        grouped.setdefault(row.document_id, []).append(row)
    for key, versions in grouped.items():
        if len(versions) > 1:
            claims = [v for v in versions if not v.deleted]
            owner = min(claims, key=_first_come).legal_entity if claims else None
            foreign += [v for v in claims if v.legal_entity != owner]
            versions = [v for v in versions if v.deleted or v.legal_entity == owner]
        kept[key] = History(versions)
    return kept, foreign


def of_documents(
    rows: Iterable[InstallmentVersion], documents: dict[str, History[DocumentVersion]]
) -> dict[str, list[History[InstallmentVersion]]]:
    """Group instalment versions by document; one without a recording time of its own has its document's."""
    grouped: dict[str, dict[int, list[InstallmentVersion]]] = {}
    for row in rows:
        grouped.setdefault(row.document_id, {}).setdefault(row.installment_no, []).append(row)
    return {
        document_id: [
            History(versions, [_recorded(v, documents.get(document_id)) for v in versions])
            for _, versions in sorted(by_no.items())
        ]
        for document_id, by_no in grouped.items()
    }


def _recorded(row: InstallmentVersion, document: History[DocumentVersion] | None) -> datetime:
    if row.recorded_by_source or document is None:
        return row.recorded_at
    loaded = [p for p in document.points if p[1] <= row.loaded_at]
    return loaded[-1][0] if loaded else document.first.recorded_at


def _first_come(row: Version) -> tuple[datetime, datetime, str, int]:
    return (row.loaded_at, row.recorded_at, row.source_file or "", row.source_line or 0)
