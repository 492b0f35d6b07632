"""Receipt events: what a reversal, bounce or charge-back undoes of the receipt's allocations, what a refund claims.

Belongs here: how much of a receipt each event concerns, in the order of their dates. Not here: what is really left of
each allocation when documents run out, which is settled later.
"""

from __future__ import annotations

from datetime import date

from otc_pipelines.posting.findings import Held, shown
from otc_pipelines.posting.fx import units
from otc_pipelines.posting.items import Item, Nothing
from otc_pipelines.posting.model import ReceiptEventVersion
from otc_pipelines.posting.takers import Take, Taker, Takers
from otc_pipelines.posting.unit import Rows, recorded_after, recorded_day
from otc_pipelines.posting.versions import Arrival

REVERSALS = frozenset({"reversed", "bounced", "charged_back"})
REFUND = "refunded"


class Claim:
    """What an event takes out of a receipt: of what earlier events left, concerning some of its allocations.

    A refund gets no more of it than is unapplied in the end. ``wanted`` None: all that there was.
    """

    __slots__ = ("amount", "arrival", "concerned", "left", "refund", "row", "wanted")

    def __init__(
        self, row: ReceiptEventVersion, arrival: Arrival, left: int, wanted: int | None, concerned: list[Taker]
    ) -> None:
        self.row, self.arrival, self.left, self.wanted, self.concerned = row, arrival, left, wanted, concerned
        self.refund = row.event_type == REFUND
        self.amount = left if wanted is None else min(left, wanted)

    def undoing(self, source_amount: int | None, taker: Taker) -> Take:
        """Return what this event undoes of one of the receipt's allocations; None: all that is left."""
        amount = None if source_amount is None else taker.in_document_currency(source_amount)
        row = self.row
        return Take("receipt_event", "receipt_events", row.row_key, row.event_date, self.arrival, amount, source_amount)


class Spent:
    """A receipt with events: its allocations, newest effective date first, and its claims."""

    __slots__ = ("claims", "item", "takers")

    def __init__(self, item: Item, takers: list[Taker]) -> None:
        self.item = item
        self.takers = sorted(takers, key=lambda t: (-t.effective.toordinal(), t.key))
        self.claims: list[Claim] = []


def plan(rows: Rows, takers: Takers, held: Held) -> list[Spent]:
    """Read the events of all receipts; give each allocation the takes that they mean for it."""
    by_receipt: dict[str, list[ReceiptEventVersion]] = {}
    for row in rows.events.values():
        if row.event_type == REFUND or row.event_type in REVERSALS:
            by_receipt.setdefault(row.receipt_id, []).append(row)
    spent = []
    for receipt_id, events in sorted(by_receipt.items()):
        item = rows.books.receipt(receipt_id, rows.cut)
        if item is None:
            for row in events:
                reason = f"receipt {receipt_id} is not known; it counts when that has come"
                held.add("receipt_events", row, "receipt_unknown", reason)
        elif not isinstance(item, Nothing):
            receipt = Spent(item, [t for t in takers.of.values() if t.source is item and t.source_amount > 0])
            for row in sorted(events, key=lambda e: (e.event_date, e.event_type)):
                _claim(receipt, row, rows, held)
            spent.append(receipt)
    return spent


def _claim(receipt: Spent, row: ReceiptEventVersion, rows: Rows, held: Held) -> None:
    arrival = rows.unit.events[row.row_key].arrival
    left = receipt.item.amount - sum(c.amount for c in receipt.claims)
    wanted = None if row.amount is None else units(row.amount)
    concerned = [t for t in receipt.takers if not recorded_after(t.row, t.arrival, row, arrival)]
    claim = Claim(row, arrival, left, wanted, concerned)
    if claim.refund:
        if wanted is None:
            claim.amount = max(0, left - sum(_left(t, row.event_date) for t in concerned))
    else:
        if wanted is not None and wanted > left:
            currency = receipt.item.currency
            reason = f"{row.event_type} {shown(wanted, currency)}, but only {shown(left, currency)} is left"
            held.add("receipt_events", row, "event_excess", reason, wanted - left, currency)
        if wanted is None or wanted >= left:
            for taker in concerned:
                taker.takes.append(claim.undoing(None, taker))
        else:
            _undo_up_to(claim, concerned, rows)
    receipt.claims.append(claim)
    if len(concerned) < len(receipt.takers):
        for taker in receipt.takers:
            if recorded_after(taker.row, taker.arrival, row, arrival):
                taker.barred += claim.amount


def _undo_up_to(claim: Claim, concerned: list[Taker], rows: Rows) -> None:
    """Undo a part of a receipt: what the source's own undo rows do of it first, then the newest allocations."""
    day = claim.row.event_date
    last = max(day, recorded_day(claim.row.recorded_at, rows.books.settings.timezone))
    quota = claim.amount
    for taker in concerned:
        for take in taker.takes:
            if take.explicit and not take.counted and day <= take.day <= last:
                take.counted, take.day = True, day
                quota -= _in_source(take, taker)
    for taker in concerned:
        if quota <= 0:
            break
        part = min(quota, _left(taker, last))
        if part > 0:
            taker.takes.append(claim.undoing(part, taker))
            quota -= part


def _left(taker: Taker, by: date) -> int:
    """Return what the takes up to a day leave of an allocation, in the receipt's currency."""
    takes = [t for t in taker.takes if t.day <= by]
    if any(t.amount is None for t in takes):
        return 0
    return max(0, taker.source_amount - sum(_in_source(t, taker) for t in takes))


def _in_source(take: Take, taker: Taker) -> int:
    if take.source_amount is not None:
        return take.source_amount
    return taker.source_amount if take.amount is None else taker.in_source_currency(take.amount)
