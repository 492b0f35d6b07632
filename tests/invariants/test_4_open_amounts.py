"""4. The open instalments of a document sum to what is open of it; 0 <= open <= original, mirrored for a credit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import books, settlement
from tests.invariants.world import LAST_DAY, THOROUGH, caught, expected, in_force, posted, reference, seen, summed
from tests.reference.generate import LOADS, days, histories, moments
from tests.reference.ledger import EVER


def check(history, on=LAST_DAY, known=EVER, loaded=EVER):
    found = summed(seen(posted(history).movements, on, known, loaded), "item_type", "item_id", "installment_no")
    wanted = expected(reference(history), on, known, loaded)
    of_document, of_reference = defaultdict(Decimal), defaultdict(Decimal)
    for (kind, item_id, _), amount in found.items():
        of_document[kind, item_id] += amount
    for (kind, item_id, _), amount in wanted.items():
        of_reference[kind, item_id] += amount
    assert {k: v for k, v in of_document.items() if v} == {k: v for k, v in of_reference.items() if v}
    assert found == wanted


def check_limits(history, known=EVER, loaded=EVER):
    """On the last day nothing is below zero or above the document's face as the source states it."""
    visible = in_force(history, known, loaded)
    raised = {a.document_id for a in visible.adjustments.values()}
    found = summed(seen(posted(history).movements, LAST_DAY, known, loaded), "item_type", "item_id")
    for (kind, item_id), amount in found.items():
        if kind == "receipt" or item_id in raised:
            continue
        face = visible.documents[item_id].amount
        assert 0 <= (amount if kind == "installment" else -amount) <= face


@THOROUGH
@given(histories(), days(), moments(), st.sampled_from([*LOADS, EVER]))
def test_what_is_open_is_open_on_its_instalments(history, on, known, loaded):
    check(history, on, known, loaded)
    check_limits(history, known, loaded)


def test_an_instalment_that_gets_lost_is_told(monkeypatch: pytest.MonkeyPatch):
    made = books.document_item

    def short(row, plan, rate, settings):
        item = made(row, plan, rate, settings)
        return item._replace(shares=item.shares[:1]) if len(getattr(item, "shares", ())) > 1 else item

    monkeypatch.setattr(books, "document_item", short)
    assert caught(check)


def test_what_is_paid_beyond_what_is_open_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settlement.Settlement, "_open_of", lambda self, document, share: share.amount)
    assert caught(check_limits)
