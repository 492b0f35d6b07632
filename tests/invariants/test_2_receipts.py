"""2. Every receipt: applied + unapplied + refunded + reversed = amount, unapplied >= 0."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import settlement
from tests.invariants.world import THOROUGH, caught, expected, in_force, posted, reference, seen
from tests.reference.generate import LOADS, days, histories, moments
from tests.reference.ledger import EVER


def check(history, on=None, known=EVER, loaded=EVER):
    """Each receipt's parts make up its amount as the file states it, and what is left is what the reference says."""
    moved = seen(posted(history).movements, known=known, loaded=loaded)
    parts = defaultdict(lambda: defaultdict(Decimal))
    for m in moved:
        if m.item_type == "receipt":
            parts[m.item_id][m.movement_type] += m.amount
    visible = in_force(history, known, loaded)
    left = {
        item_id: -v
        for (kind, item_id, _), v in expected(reference(history), known=known, loaded=loaded).items()
        if kind == "receipt"
    }
    for receipt_id, row in visible.receipts.items():
        if row.deleted:
            assert not any(parts[receipt_id].values())
            continue
        kinds = parts[receipt_id]
        assert kinds.pop("receipt", Decimal(0)) == -row.amount
        unapplied = row.amount - sum(kinds.values())
        assert unapplied == left.get(receipt_id, 0)
        assert 0 <= unapplied <= row.amount
        assert kinds.get("refund", Decimal(0)) >= 0


@THOROUGH
@given(histories(), days(), moments(), st.sampled_from([*LOADS, EVER]))
def test_a_receipt_is_what_became_of_it(history, on, known, loaded):
    check(history, on, known, loaded)


def test_a_receipt_whose_events_are_overlooked_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settlement, "plan", lambda rows, takers, held: [])
    assert caught(check)


def test_a_receipt_that_pays_more_than_it_is_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settlement.Settlement, "_unapplied_of", lambda self, source: 10**12)
    assert caught(check)
