"""Takers: what takes from an open amount (allocations, adjustments), and the takes that undo them.

Belongs here: reading allocation and adjustment rows, their dates, what reverses what. Not here: receipt events, and
how much of a taker is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from otc_pipelines.posting.findings import Held
from otc_pipelines.posting.fx import Rate, half_up, implied, quantum, units
from otc_pipelines.posting.items import CREDIT_MEMO, RECEIPT, Item, Nothing, Share
from otc_pipelines.posting.model import AdjustmentVersion, AllocationVersion
from otc_pipelines.posting.unit import Rows, recorded_day
from otc_pipelines.posting.versions import Arrival, History

Row: TypeAlias = AllocationVersion | AdjustmentVersion
Known: TypeAlias = Mapping[str, History[AllocationVersion]] | Mapping[str, History[AdjustmentVersion]]


class Take:
    """Something that gives back what a taker took. ``amount`` None: all that is left, whatever else undoes it."""

    __slots__ = ("amount", "arrival", "cause", "cause_id", "counted", "day", "explicit", "source_amount", "what")

    def __init__(
        self,
        what: str,
        cause: str,
        cause_id: str,
        day: date,
        arrival: Arrival,
        amount: int | None = None,
        source_amount: int | None = None,
        explicit: bool = False,
    ) -> None:
        self.what, self.cause, self.cause_id, self.day, self.arrival = what, cause, cause_id, day, arrival
        self.amount, self.source_amount, self.explicit = amount, source_amount, explicit
        self.counted = False


class Piece:
    """A part of a taker on one instalment: in the document's currency, and in the source's."""

    __slots__ = ("amount", "share", "source_amount")

    def __init__(self, share: Share | None, amount: int, source_amount: int) -> None:
        self.share, self.amount, self.source_amount = share, amount, source_amount


class Taker:
    """An allocation or adjustment that wants to take from a document, a source, or one from the other.

    ``source`` is None for an adjustment of what is owed, ``document`` for one of a credit memo. Only an adjustment can
    have negative amounts: it gives. ``rate``: what the source itself booked both sides at, where it says so.
    """

    __slots__ = ("amount", "arrival", "barred", "document", "effective", "entity", "key", "named", "pieces", "rate",
                 "row", "source", "source_amount", "takes", "what")  # fmt: skip

    def __init__(
        self,
        entity: str,
        key: str,
        row: Row,
        arrival: Arrival,
        what: str,
        effective: date,
        document: Item | None,
        source: Item | None,
        amount: int,
        source_amount: int,
        named: int | None,
    ) -> None:
        self.entity, self.key, self.row, self.arrival, self.what = entity, key, row, arrival, what
        self.effective, self.document, self.source, self.named = effective, document, source, named
        self.amount, self.source_amount = amount, source_amount
        self.rate: Rate | None = None
        self.barred = 0  #: of the source, what earlier receipt events have claimed
        self.takes: list[Take] = []
        self.pieces: list[Piece] = []

    @property
    def order(self) -> tuple[Arrival, bool, str]:
        """The order in which takers are served; cash before adjustments that came at the same moment."""
        return (self.arrival, self.entity == "adjustments", self.key)

    def in_document_currency(self, source_amount: int) -> int:
        """Return a part, given in the source's currency, in the document's."""
        if self.document is None or self.source_amount in (0, self.amount):
            return source_amount
        step = quantum(self.document.currency)
        return half_up(source_amount * self.amount, self.source_amount * step) * step

    def in_source_currency(self, amount: int) -> int:
        """Return a part, given in the document's currency, in the source's."""
        if self.source is None:
            return 0
        if self.amount in (0, self.source_amount):
            return amount
        step = quantum(self.source.currency)
        return half_up(amount * self.source_amount, self.amount * step) * step


class Takers:
    """All takers of a unit at a cut, with the takes that rows of the source state."""

    def __init__(self, rows: Rows, held: Held) -> None:
        """Read the rows; what cannot be read goes to ``held``."""
        self._rows, self._held = rows, held
        self.of: dict[tuple[str, str], Taker] = {}
        self._refused: set[tuple[str, str]] = set()
        if rows.allocations:
            self._read("allocations", rows.allocations, rows.unit.allocations)
        if rows.adjustments:
            self._read("adjustments", rows.adjustments, rows.unit.adjustments)
        for taker in self.of.values():
            _void(taker)

    def _read(self, entity: str, rows: Mapping[str, Row], known: Known) -> None:
        """Read the rows of one entity: what reverses nothing, then undos, originals first, then unlinked ones."""
        unlinked: list[tuple[Arrival, str, Row]] = []
        undos: list[tuple[int, Arrival, str, Row]] = []
        for key, row in rows.items():
            arrival = known[key].arrival
            if row.reverses_id is not None:
                depth = self._depth(entity, key, row, rows, known)
                if depth:
                    undos.append((depth, arrival, key, row))
            elif entity == "allocations" and (row.amount or 0) < 0:
                unlinked.append((arrival, key, row))
            else:
                self._first(entity, key, row, arrival)
        undos.sort(key=lambda u: u[:3])
        for depth, arrival, key, row in undos:
            if depth % 2:
                self._undo(entity, key, row, arrival)
            else:
                self._again(entity, key, row, rows, arrival)
        unlinked.sort(key=lambda u: u[:2])
        for arrival, key, row in unlinked:
            self._unlinked(key, row, arrival)

    def _depth(self, entity: str, key: str, row: Row, rows: Mapping[str, Row], known: Known) -> int:
        """Return how many undos deep a row is (a negative allocation is one by itself); 0: it undoes nothing."""
        depth, seen = 0, {key}
        target = row
        while target.reverses_id is not None:
            depth += 1
            original = target.reverses_id
            history = known.get(original)
            if original in seen or history is None or history.at(self._rows.cut) is None:
                what = "reverses itself" if original in seen else f"reverses {original}, which is not known"
                self._refuse(entity, row, "undo_unknown", f"{what}; it counts when that row has come")
                return 0
            if original not in rows:
                return 0
            seen.add(original)
            target = rows[original]
        return depth + (entity == "allocations" and (target.amount or 0) < 0)

    def _first(self, entity: str, key: str, row: Row, arrival: Arrival) -> Taker | None:
        """Read a row that reverses nothing."""
        amount = units(abs(row.amount or Decimal(0)) if entity == "allocations" else row.amount or Decimal(0))
        if not amount:
            return None
        document = self._document(entity, row)
        if isinstance(row, AdjustmentVersion):
            if document is None:
                return None
            day = row.effective_date or document.posting
            owed, credit = (document, None) if document.debit else (None, document)
            wanted, in_source = (amount, 0) if owed else (-amount, -amount)
            named = row.installment_no if owed else None
            taker = Taker(entity, key, row, arrival, "adjustment", day, owed, credit, wanted, in_source, named)
        else:
            source = self._source(row)
            if document is None or source is None or not self._fits(row, document, source):
                return None
            alike = source.currency == document.currency
            in_source = amount if alike else units(abs(row.source_amount or Decimal(0)))
            day = max(document.posting, source.posting, row.effective_date or document.posting)
            taker = Taker(entity, key, row, arrival, "allocation", day, document, source, amount, in_source,
                          row.installment_no)  # fmt: skip
            if row.base_amount is not None:
                base_currency = self._rows.books.settings.entity(document.legal_entity).base_currency
                taker.rate = implied(units(abs(row.base_amount)), amount, base_currency)
        if not self._names_a_share(taker):
            return None
        self.of[entity, key] = taker
        return taker

    def _document(self, entity: str, row: Row) -> Item | None:
        found = self._rows.books.document(row.document_id or "", self._rows.cut)
        if found is None:
            reason = f"document {row.document_id} is not known; it counts when that has come"
            self._refuse(entity, row, "document_unknown", reason)
        return None if isinstance(found, Nothing) else found

    def _source(self, row: AllocationVersion) -> Item | None:
        kind = RECEIPT if row.source_type == RECEIPT else CREDIT_MEMO
        found = self._rows.books.at(kind, row.source_id or "", self._rows.cut)
        if found is None:
            reason = f"{kind.replace('_', ' ')} {row.source_id} is not known; it counts when that has come"
            self._refuse("allocations", row, "source_unknown", reason)
        return None if isinstance(found, Nothing) else found

    def _fits(self, row: AllocationVersion, document: Item, source: Item) -> bool:
        if not document.debit:
            reason = f"{document.item_id} is a credit memo; only what is owed can be paid"
            self._refuse("allocations", row, "not_a_debit", reason)
        elif source.debit:
            reason = f"{source.item_id} is a {source.kind}; only a receipt or credit memo can pay"
            self._refuse("allocations", row, "not_a_source", reason)
        elif source.legal_entity != document.legal_entity:
            reason = f"it pays a document of {document.legal_entity} from legal entity {source.legal_entity}"
            self._refuse("allocations", row, "two_entities", reason)
        elif source.currency != document.currency and not row.source_amount:
            reason = f"it pays {document.currency} from {source.currency} and states no source_amount"
            self._refuse("allocations", row, "no_source_amount", reason)
        else:
            return True
        return False

    def _names_a_share(self, taker: Taker) -> bool:
        if taker.document is None or taker.document.misfit is not None:
            taker.named = None
        elif taker.named is not None and all(s.number != taker.named for s in taker.document.shares):
            reason = f"document {taker.document.item_id} has no instalment {taker.named}"
            self._refuse(taker.entity, taker.row, "installment_unknown", reason)
            return False
        return True

    def _refuse(self, entity: str, row: Row, code: str, reason: str) -> None:
        if (entity, row.row_key) not in self._refused:
            self._refused.add((entity, row.row_key))
            self._held.add(entity, row, code, reason)

    def _undo(self, entity: str, key: str, row: Row, arrival: Arrival) -> None:
        """Read a row that gives back what another took."""
        original = self.of.get((entity, row.reverses_id or ""))
        if original is None:
            self._refuse_with_original(entity, row, row.reverses_id or "")
            return
        given = units(abs(row.source_amount)) if isinstance(row, AllocationVersion) and row.source_amount else None
        day = max(self._undo_day(row), original.effective)
        amount = units(abs(row.amount or Decimal(0)))
        original.takes.append(Take("undo", entity, key, day, arrival, amount, given, explicit=True))

    def _again(self, entity: str, key: str, row: Row, rows: Mapping[str, Row], arrival: Arrival) -> None:
        """Read the undo of an undo: what was first taken is taken again."""
        undone = root = rows[row.reverses_id or ""]
        while root.reverses_id is not None:
            root = rows[root.reverses_id]
        taker = self._first(entity, key, root, arrival)
        if taker is None:
            self._refuse_with_original(entity, row, root.row_key)
            return
        wanted = min(abs(taker.amount), units(abs(row.amount or Decimal(0))), units(abs(undone.amount or Decimal(0))))
        wanted = wanted if taker.amount > 0 else -wanted
        taker.source_amount = taker.in_source_currency(wanted)
        taker.amount, taker.row, taker.what = wanted, row, "undo"
        taker.effective = max(self._undo_day(row), self._undo_day(undone), taker.effective)

    def _refuse_with_original(self, entity: str, row: Row, original: str) -> None:
        if (entity, original) in self._refused:
            self._refuse(entity, row, "original_held", f"reverses {original}, which is itself held")

    def _undo_day(self, row: Row) -> date:
        day = row.effective_date or (row.allocation_date if isinstance(row, AllocationVersion) else None)
        return day or recorded_day(row.recorded_at, self._rows.books.settings.timezone)

    def _unlinked(self, key: str, row: Row, arrival: Arrival) -> None:
        """Read a negative allocation that names no original: it takes back what this source paid, newest first."""
        if not isinstance(row, AllocationVersion):
            return
        document, source = self._document("allocations", row), self._source(row)
        if document is None or source is None or not self._fits(row, document, source):
            return
        left = units(abs(row.amount or Decimal(0)))
        day = max(document.posting, source.posting, row.effective_date or document.posting)
        paid = [t for t in self.of.values() if t.document is document and t.source is source]
        for taker in sorted(paid, key=lambda t: (-t.effective.toordinal(), t.key)):
            if row.installment_no is not None and taker.named not in (None, row.installment_no):
                continue
            free = taker.amount - sum(t.amount or 0 for t in taker.takes if t.arrival <= arrival)
            part = min(left, free)
            if part > 0:
                when = max(day, taker.effective)
                taker.takes.append(Take("allocation", "allocations", key, when, arrival, part, None, explicit=True))
                left -= part
        if left:
            reason = f"it takes back more than {source.item_id} paid on {document.item_id}"
            self._held.add("allocations", row, "undo_excess", reason, left, document.currency)


def _void(taker: Taker) -> None:
    """A dated void of either side undoes what is left of a taker on that day."""
    voids = [(i.voided_on, i.item_id) for i in (taker.document, taker.source) if i is not None and i.voided_on]
    if voids:
        day, item_id = min(voids)
        taker.takes.append(Take("void", "documents", item_id, day, taker.arrival))
