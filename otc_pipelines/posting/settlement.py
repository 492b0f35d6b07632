"""Settles a unit at a cut: serves takers in the order they came, and writes what they and their undoing move.

Belongs here: how much each taker gets of what is open, and on which instalment. Not here: what a row wants (takers,
events) and when the answer becomes known (deltas).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from otc_pipelines.posting.events import Spent, plan
from otc_pipelines.posting.findings import Held, shown
from otc_pipelines.posting.items import Item, Share
from otc_pipelines.posting.sheet import Exchange, Sheet
from otc_pipelines.posting.takers import Piece, Take, Taker, Takers
from otc_pipelines.posting.unit import Rows


class Part(NamedTuple):
    """What one taker has on one instalment."""

    number: int
    amount: int


#: Parts by (entity, key of the taker, document).
Splits = Mapping[tuple[str, str, str], tuple[Part, ...]]


class Settlement:
    """A unit, settled."""

    def __init__(self, rows: Rows, splits: Splits, held: Held, sheet: Sheet) -> None:
        """Settle; movements go to ``sheet``, what stands in no balance to ``held``."""
        self._splits, self._held, self._sheet = splits, held, sheet
        self._open: dict[tuple[str, int], int] = {}
        self._unapplied: dict[tuple[str, str], int] = {}
        takers = Takers(rows, held)
        spent = plan(rows, takers, held) if rows.events else []
        self.takers = sorted(takers.of.values(), key=lambda t: t.order)
        self._serve()
        for receipt in spent:
            self._keep_within(receipt)
        for taker in self.takers:
            self._write(taker)
            self._report(taker)
        for receipt in spent:
            self._write_events(receipt)

    def _serve(self) -> None:
        """Serve takers in order; what is given back is free from when that came."""
        if len(self.takers) == 1:
            self._accept(self.takers[0])
            return
        back = sorted(
            ((take.arrival, i, taker, take) for i, taker in enumerate(self.takers) for take in taker.takes),
            key=lambda b: b[:2],
        )
        held: dict[int, list[Piece]] = {}
        waiting: dict[int, list[Take]] = {}
        came = 0
        for i, taker in enumerate(self.takers):
            while came < len(back) and back[came][0] <= taker.arrival:
                _, owner, giver, take = back[came]
                if owner < i:
                    self._give_back(giver, held[owner], take)
                else:
                    waiting.setdefault(owner, []).append(take)
                came += 1
            self._accept(taker)
            held[i] = [Piece(p.share, p.amount, p.source_amount) for p in taker.pieces]
            for take in waiting.get(i, ()):
                self._give_back(taker, held[i], take)

    def _accept(self, taker: Taker) -> None:
        """Give a taker what is open on its document and unapplied on its source, no more."""
        document, source = taker.document, taker.source
        amount, in_source = taker.amount, taker.source_amount
        if amount > 0:
            amount = min(amount, self._free(taker))
            if source is not None:
                in_source = in_source if amount == taker.amount else taker.in_source_currency(amount)
                unapplied = max(0, self._unapplied_of(source) - taker.barred)
                if in_source > unapplied:
                    in_source = unapplied
                    amount = min(amount, taker.in_document_currency(unapplied))
            if not amount or (source is not None and not in_source):
                return
        if document is None:
            taker.pieces = [Piece(None, amount, in_source)]
        else:
            parts = self._parts(taker, document, amount)
            rest = in_source
            for i, (share, part) in enumerate(parts):
                own = rest if i == len(parts) - 1 else min(rest, taker.in_source_currency(part))
                rest -= own
                taker.pieces.append(Piece(share, part, own))
        self._move(taker, taker.pieces, -1)

    def _free(self, taker: Taker) -> int:
        if taker.document is None:
            return taker.amount
        return sum(max(0, self._open_of(taker.document, s)) for s in _reach(taker, taker.document))

    def _parts(self, taker: Taker, document: Item, amount: int) -> list[tuple[Share, int]]:
        """Split over instalments: as it was split when it was first made, then the oldest due first."""
        reach = _reach(taker, document)
        if len(reach) == 1 or amount < 0:
            return [(reach[0], amount)]
        parts: dict[int, int] = {}
        for number, part in self._splits.get((taker.entity, taker.key, document.item_id), ()):
            share = next((s for s in reach if s.number == number), None)
            if share is not None:
                parts[number] = max(0, min(part, amount, self._open_of(document, share)))
                amount -= parts[number]
        for share in reach:
            more = max(0, min(amount, self._open_of(document, share) - parts.get(share.number, 0)))
            parts[share.number] = parts.get(share.number, 0) + more
            amount -= more
        return [(s, parts[s.number]) for s in reach if parts[s.number]]

    def _open_of(self, document: Item, share: Share) -> int:
        return self._open.get((document.item_id, share.number), share.amount)

    def _unapplied_of(self, source: Item) -> int:
        return self._unapplied.get((source.kind, source.item_id), source.amount)

    def _move(self, taker: Taker, pieces: list[Piece], sign: int) -> None:
        """Change what is open and unapplied: -1 as pieces are taken, +1 as they are given back."""
        for piece in pieces:
            if taker.document is not None and piece.share is not None:
                still = self._open_of(taker.document, piece.share)
                self._open[taker.document.item_id, piece.share.number] = still + sign * piece.amount
            if taker.source is not None:
                still = self._unapplied_of(taker.source)
                self._unapplied[taker.source.kind, taker.source.item_id] = still + sign * piece.source_amount

    def _give_back(self, taker: Taker, held: list[Piece], take: Take) -> None:
        self._move(taker, _taken(taker, held, take), 1)

    def _keep_within(self, receipt: Spent) -> None:
        """Undo further where an event counted on rows that were not accepted: never more than the receipt."""
        reversals = [c for c in receipt.claims if not c.refund]
        if not reversals:
            return
        left = {id(t): sum(p.source_amount for p in _left_of(t)) for t in receipt.takers}
        over = sum(left.values()) + sum(c.amount for c in reversals) - receipt.item.amount
        for taker in receipt.takers:
            part = min(over, left[id(taker)])
            if part > 0:
                taker.takes.append(reversals[-1].undoing(part, taker))
                over -= part

    def _write(self, taker: Taker) -> None:
        """Write what a taker moves, and what gives it back, in the order of the days."""
        if not taker.pieces:
            return
        self._entry(taker, taker.pieces, taker.what, taker.entity, taker.key, taker.effective, -1)
        if not taker.takes:
            return
        left = [Piece(p.share, p.amount, p.source_amount) for p in taker.pieces]
        for take in _in_time(taker):
            before = sum(p.amount for p in left)
            taken = _taken(taker, left, take)
            day = max(take.day, taker.effective)
            self._entry(taker, taken, take.what, take.cause, take.cause_id, day, 1, before)

    def _entry(
        self,
        taker: Taker,
        pieces: list[Piece],
        what: str,
        cause: str,
        cause_id: str,
        day: date,
        sign: int,
        left: int = 0,
    ) -> None:
        document, source = taker.document, taker.source
        bases = _stated(taker, pieces, left)
        exchange = _exchange(taker)
        if document is not None:
            for i, piece in enumerate(pieces):
                if piece.share is not None:
                    amount = sign * piece.amount
                    base = document.base_of(amount) if bases is None else sign * bases[i]
                    self._sheet.add(piece.share.head, what, cause, cause_id, day, document.tail, amount, base, exchange)
        if source is not None:
            amount = -sign * sum(p.source_amount for p in pieces)
            base = source.base_of(amount) if bases is None else -sign * sum(bases)
            self._sheet.add(source.head, what, cause, cause_id, day, source.tail, amount, base, exchange)

    def _report(self, taker: Taker) -> None:
        """Report what a taker wanted and did not get, and undoing that had nothing to undo."""
        excess = abs(taker.amount) - abs(sum(p.amount for p in taker.pieces))
        if not excess and not taker.takes:
            return
        undone = sum(t.amount or 0 for t in taker.takes if t.explicit)
        item = taker.document or taker.source
        if item is None:
            return
        if excess > 0 and undone < abs(taker.amount):
            where = " and ".join(i.item_id for i in (taker.document, taker.source) if i is not None)
            reason = (
                f"{shown(excess, item.currency)} of {shown(abs(taker.amount), item.currency)} is more than is open on "
                f"{where}"
            )
            self._held.add(taker.entity, taker.row, "excess", reason, excess, item.currency)
        if undone > abs(taker.amount):
            excess = undone - abs(taker.amount)
            reason = f"{taker.key} is undone by {shown(excess, item.currency)} more than it is"
            self._held.add(taker.entity, taker.row, "undo_excess", reason, excess, item.currency)

    def _write_events(self, receipt: Spent) -> None:
        item = receipt.item
        applied = sum(p.source_amount for t in receipt.takers for p in _left_of(t))
        unapplied = item.amount - applied - sum(c.amount for c in receipt.claims if not c.refund)
        for claim in receipt.claims:
            amount, row = claim.amount, claim.row
            if claim.refund:
                if claim.wanted is None:
                    applied_then = [p for t in claim.concerned for p in _left_of(t, row.event_date)]
                    amount = claim.left - sum(p.source_amount for p in applied_then)
                amount = max(0, min(unapplied, amount))
                unapplied -= amount
                lacking = (claim.wanted or 0) - amount
                if lacking > 0 or (claim.wanted is None and not amount):
                    reason = f"refunded {shown(lacking, item.currency)} beyond what is unapplied on {item.item_id}"
                    if claim.wanted is None:
                        reason = f"refunded, but nothing is unapplied on {item.item_id}"
                    self._held.add("receipt_events", row, "refund_excess", reason, lacking, item.currency)
            what = "refund" if claim.refund else "receipt_event"
            day = max(row.event_date, item.posting)
            self._sheet.add(
                item.head, what, "receipt_events", row.row_key, day, item.tail, amount, item.base_of(amount)
            )


def _exchange(taker: Taker) -> Exchange | None:
    """Return the two sides of an allocation; None for an adjustment, which has one."""
    document, source = taker.document, taker.source
    if document is None or source is None:
        return None
    valued = taker.rate is not None or (document.rate is not None and source.rate is not None)
    entity, party = document.head[:2]
    owed, paid = (document.item_id, document.currency), (source.kind, source.item_id, source.currency)
    return Exchange(taker.key, entity, party, *owed, *paid, valued)


def _stated(taker: Taker, pieces: list[Piece], left: int) -> list[int] | None:
    """Return the pieces' base amounts where the source states one; None: each side is at its own booked rate.

    The amount is a line from 0; a piece has what the rounded total gains on its stretch, so that pieces sum to what was
    stated. They are laid from 0, or where something is given back (``left``: what there was), from its end.
    """
    if taker.rate is None:
        return None
    bases = []
    end = left
    for piece in pieces:
        start, stop = (end - piece.amount, end) if left else (end, end + piece.amount)
        bases.append(taker.rate.base(stop) - taker.rate.base(start))
        end = start if left else stop
    return bases


def _reach(taker: Taker, document: Item) -> list[Share]:
    """Return the instalments that a taker may take from, the oldest due first."""
    if taker.named is not None:
        return [s for s in document.shares if s.number == taker.named]
    return sorted(document.shares, key=lambda s: (s.due, s.number))


def _in_time(taker: Taker) -> list[Take]:
    """Return the takes in the order of their days; on one day a source's own row before what follows by rule."""
    return sorted(taker.takes, key=lambda t: (max(t.day, taker.effective), not t.explicit, t.what, t.cause_id))


def _taken(taker: Taker, left: list[Piece], take: Take) -> list[Piece]:
    """Take out of ``left``, the newest due first, and return what was taken."""
    amount = sum(abs(p.amount) for p in left)
    in_source = sum(abs(p.source_amount) for p in left)
    wanted = take.source_amount
    if take.amount is not None and take.amount < amount and (wanted is None or wanted < in_source):
        amount = take.amount
        in_source = min(in_source, taker.in_source_currency(amount) if wanted is None else wanted)
    sign = 1 if taker.amount > 0 else -1
    taken: list[Piece] = []
    for piece in reversed(left):
        part = min(amount, abs(piece.amount))
        own = min(in_source, abs(piece.source_amount))
        if part or own:
            taken.append(Piece(piece.share, sign * part, sign * own))
            piece.amount -= sign * part
            piece.source_amount -= sign * own
            amount -= part
            in_source -= own
    return taken


def _left_of(taker: Taker, by: date = date.max) -> list[Piece]:
    """Return what is left of a taker after its takes, all of them or those up to a day."""
    left = [Piece(p.share, p.amount, p.source_amount) for p in taker.pieces]
    for take in _in_time(taker):
        if take.day <= max(by, taker.effective):
            _taken(taker, left, take)
    return left
