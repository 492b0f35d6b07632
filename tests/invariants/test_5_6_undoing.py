"""5. Reversing a receipt restores what it paid and its due dates; what was known stays. 6. An undo touches no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import events, settlement
from otc_pipelines.posting.takers import Take, Takers
from tests.invariants.world import THOROUGH, caught, expected, in_force, posted, reference, rows_of, seen, summed
from tests.reference.generate import histories
from tests.reference.rows import allocation, event

AFTERWARDS = datetime(2026, 3, 1, tzinfo=UTC)


def without_events(history):
    gone = set(rows_of(history, "ReceiptEvent"))
    return replace(history, rows=tuple(r for r in history.rows if r not in gone))


def check_bounce(history, nth=0):
    quiet = without_events(history)
    receipts = sorted(k for k, row in in_force(quiet).receipts.items() if not row.deleted)
    if not receipts:
        return
    receipt_id = receipts[nth % len(receipts)]
    bounced = event(receipt_id, "bounced", "2026-02-20", recorded=AFTERWARDS, loaded=AFTERWARDS)
    after = replace(quiet, rows=(*quiet.rows, bounced))
    before, then = posted(quiet).movements, posted(after).movements
    assert {m for m in then if m.recorded_at < AFTERWARDS} == set(before)
    assert summed([m for m in seen(then) if m.item_id == receipt_id], "item_id") == {}
    undone = [m for m in seen(then) if m.cause_id == bounced.row_key and m.item_type == "installment"]
    assert all(m.amount > 0 for m in undone)
    # what comes back stands on the due dates on which it was taken
    idle = {k for k, d in in_force(after).documents.items() if d.status == "void"}  # a void gave it back already
    rows = rows_of(quiet, "Allocation")
    paid = {a.allocation_id for a in rows if a.source_id == receipt_id and not a.reverses_id}
    for _ in range(8):
        paid |= {a.allocation_id for a in rows_of(quiet, "Allocation") if a.reverses_id in paid}
    own = [m for m in seen(then) if m.cause_id in paid | {bounced.row_key} and m.item_type == "installment"]
    left = summed(own, "item_id", "installment_no", "due_date")
    assert {k: v for k, v in left.items() if k[0] not in idle} == {}
    found = summed(seen(then), "item_type", "item_id", "installment_no")
    assert found == expected(reference(after))


def check_undo(history, nth=0):
    quiet = without_events(history)
    alive = sorted(a.allocation_id for a in in_force(quiet).allocations.values() if not a.reverses_id and a.amount > 0)
    if not alive:
        return
    chosen = in_force(quiet).allocations[alive[nth % len(alive)]]
    undo = allocation(
        "UNDO", chosen.source_id, chosen.document_id, str(-chosen.amount), AFTERWARDS,
        reverses=chosen.allocation_id, loaded=AFTERWARDS,
    )  # fmt: skip
    before, after = posted(quiet).movements, posted(replace(quiet, rows=(*quiet.rows, undo))).movements
    assert set(before) <= set(after)
    assert {m.cause_id for m in after if m.loaded_at == AFTERWARDS} <= {"UNDO"}


@THOROUGH
@given(histories(), st.integers(0, 5))
def test_5_a_bounce_gives_back_what_was_paid(history, nth):
    check_bounce(history, nth)


@THOROUGH
@given(histories(), st.integers(0, 9))
def test_6_an_undo_touches_no_other_allocation(history, nth):
    check_undo(history, nth)


def test_a_bounce_that_gives_back_half_is_told(monkeypatch: pytest.MonkeyPatch):
    undoing = events.Claim.undoing

    def half(self, source_amount, taker):
        return undoing(self, taker.source_amount // 2 if source_amount is None else source_amount, taker)

    monkeypatch.setattr(events.Claim, "undoing", half)
    monkeypatch.setattr(settlement.Settlement, "_keep_within", lambda self, receipt: None)
    assert caught(check_bounce)


def test_an_undo_that_takes_more_along_is_told(monkeypatch: pytest.MonkeyPatch):
    single = Takers._undo

    def all_of_the_source(self, entity, key, row, arrival):
        single(self, entity, key, row, arrival)
        original = self.of.get((entity, row.reverses_id or ""))
        for other in self.of.values():
            if original is not None and other is not original and other.source is original.source and other.source:
                other.takes.append(Take("undo", entity, key, other.effective, arrival, None, None, explicit=True))

    monkeypatch.setattr(Takers, "_undo", all_of_the_source)
    assert caught(check_undo)


def test_the_reference_knows_a_bounce_without_the_engine():
    """The check's other side is not made by what it checks: worked by hand from the ledger's table."""
    from tests.reference.ledger import Reference
    from tests.reference.rows import document, receipt

    rows = [document("A", 100, "01-01"), receipt("R", 100, "01-05"), allocation("L", "R", "A", 100, "01-05")]
    bounced = event("R", "bounced", "02-12")
    assert expected(Reference(rows, "MXN")) == {}
    assert expected(Reference([*rows, bounced], "MXN")) == {("installment", "A", 1): Decimal(100)}
