"""8. Opening + billed - credited - cash applied +- adjustments +- FX = closing, for any window.

Billed, credited and cash are counted from the rows of the files with nothing but Decimal, opening and closing from the
slow reference; posting's movements between two days have to bridge them, kind by kind.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import engine
from tests.invariants.world import THOROUGH, caught, expected, in_force, posted, reference, seen
from tests.reference.booked import DEBIT
from tests.reference.generate import LOADS, histories, moments
from tests.reference.ledger import EVER

FIRST = date(2026, 1, 1)


def balance(history, on, known, loaded):
    """Net open by currency, and that of debits alone."""
    visible = in_force(history, known, loaded)
    net, debits = defaultdict(Decimal), defaultdict(Decimal)
    for (kind, item_id, _), amount in expected(reference(history), on, known, loaded).items():
        row = visible.receipts[item_id] if kind == "receipt" else visible.documents[item_id]
        net[row.currency] += amount
        if kind == "installment":
            debits[row.currency] += amount
    return net, debits


def stated(history, first, last, known, loaded):
    """What the rows say was billed, credited and received after ``first`` until ``last``, by currency."""
    visible = in_force(history, known, loaded)
    sums = defaultdict(Decimal)
    for d in visible.documents.values():
        counts = not d.deleted and d.document_type != "pro_forma" and d.status != "draft"
        if (
            counts
            and not (d.status == "void" and not d.voided_on)
            and first < (d.posting_date or d.document_date) <= last
        ):
            kind = "billed" if d.document_type in DEBIT else "credited"
            sums[kind, d.currency] += d.amount
    for r in visible.receipts.values():
        if not r.deleted and first < (r.posting_date or r.receipt_date) <= last:
            sums["received", r.currency] += r.amount
    return {k: v for k, v in sums.items() if v}


def check(history, start=5, length=9, known=EVER, loaded=EVER):
    first = FIRST + timedelta(days=start)
    last = first + timedelta(days=length)
    moved = [m for m in seen(posted(history).movements, last, known, loaded) if m.effective_date > first]
    opening, opening_debits = balance(history, first, known, loaded)
    closing, closing_debits = balance(history, last, known, loaded)
    found, net, debits = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal)
    for m in moved:
        net[m.currency] += m.amount
        if m.item_type == "installment":
            debits[m.currency] += m.amount
        if m.movement_type == "document":
            owed = m.item_type == "installment"
            found["billed" if owed else "credited", m.currency] += m.amount if owed else -m.amount
        elif m.movement_type == "receipt":
            found["received", m.currency] -= m.amount
    assert {k: v for k, v in found.items() if v} == stated(history, first, last, known, loaded)
    for currency in {*opening, *closing, *net, *debits}:
        assert opening[currency] + net[currency] == closing[currency]
        assert opening_debits[currency] + debits[currency] == closing_debits[currency]


@THOROUGH
@given(histories(), st.integers(-2, 20), st.integers(0, 20), moments(), st.sampled_from([*LOADS, EVER]))
def test_a_window_is_bridged_by_its_movements(history, start, length, known, loaded):
    check(history, start, length, known, loaded)


def test_a_movement_on_another_day_is_told(monkeypatch: pytest.MonkeyPatch):
    post_item = engine.post_item

    def a_day_late(item, sheet):
        post_item(item._replace(posting=item.posting + timedelta(days=1)), sheet)

    monkeypatch.setattr(engine, "post_item", a_day_late)
    assert caught(check)


def test_a_movement_that_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch):
    made = engine._merged
    monkeypatch.setattr(engine, "_merged", lambda steps: (d for d in made(steps) if d.line[1][0] != "allocation"))
    assert caught(check)
