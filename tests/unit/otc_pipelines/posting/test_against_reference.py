"""Posted movements against the slow reference, for any question under three clocks; and posting in steps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.posting import FxRateVersion, Rates, Settings, clusters, post
from tests.reference.generate import LOADS, History, days, histories, moments
from tests.reference.ledger import EVER, Reference
from tests.reference.rows import cluster

THOROUGH = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    report_multiple_bugs=False,
)


def posted(history: History, since=None, in_units=True, until=EVER):
    rows = [r for r in history.rows if r.loaded_at <= until]
    rates = Rates(r for r in rows if isinstance(r, FxRateVersion))
    return post(cluster(*rows), Settings(history.base), rates, since, in_units=in_units)


def summed(movements, t, known, loaded):
    totals = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    for m in movements:
        if m.effective_date <= t and m.recorded_at <= known and m.loaded_at <= loaded:
            line = totals[m.item_type, m.item_id, m.installment_no]
            line[0] += m.amount
            line[1] += m.base_amount or 0
            line[2] += m.amount if m.base_amount is None else 0
    return {k: (a, None if unknown else b) for k, (a, b, unknown) in totals.items() if a or b or unknown}


def content(movements):
    return sorted((m.movement_id, m.amount, m.base_amount if m.base_amount is not None else "?") for m in movements)


def grouped(rows):
    names = ("Document", "Installment", "Receipt", "ReceiptEvent", "Allocation", "Adjustment")
    kinds = {name: name.replace("tE", "t_e").lower() + "s" for name in names}
    by_kind = defaultdict(list)
    for row in rows:
        name = type(row).__name__.removesuffix("Version")
        if name in kinds:
            by_kind[kinds[name]].append(row)
    return clusters(**by_kind)


@THOROUGH
@given(histories(), st.lists(st.tuples(days(), moments(), st.sampled_from(LOADS)), min_size=3, max_size=3))
def test_any_balance_is_what_the_reference_says(history, questions):
    movements = posted(history).movements
    reference = Reference(list(history.rows), history.base)
    for t, known, loaded in [*questions, (max(q[0] for q in questions), EVER, EVER)]:
        assert summed(movements, t, known, loaded) == reference.open(t, known, loaded)


@THOROUGH
@given(histories())
def test_posting_load_by_load_gives_the_same_rows_as_posting_once(history):
    at_once = posted(history).movements
    by_steps, before = [], None
    for load in LOADS:
        by_steps += posted(history, since=before, until=load).movements
        before = load
    assert content(by_steps) == content(at_once)


@THOROUGH
@given(histories())
def test_clusters_grow_together_without_touching_what_was_posted(history):
    rates = [r for r in history.rows if isinstance(r, FxRateVersion)]
    at_once = posted(history).movements
    by_steps, before = [], None
    for load in LOADS:
        known = Rates(r for r in rates if r.loaded_at <= load)
        for one in grouped(r for r in history.rows if r.loaded_at <= load):
            by_steps += post(one, Settings(history.base), known, before).movements
        before = load
    assert content(by_steps) == content(at_once)


@THOROUGH
@given(histories())
def test_units_change_nothing_but_speed(history):
    fast, slow = posted(history), posted(history, in_units=False)
    assert content(fast.movements) == content(slow.movements)
    assert fast.findings == slow.findings


@THOROUGH
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_are_handed_over_does_not_matter(history, random):
    rows = list(history.rows)
    random.shuffle(rows)
    assert content(posted(replace(history, rows=tuple(rows))).movements) == content(posted(history).movements)


@THOROUGH
@given(histories(), st.data())
def test_a_version_that_comes_twice_changes_nothing(history, data):
    twice = data.draw(st.sampled_from(history.rows))
    again = replace(history, rows=(*history.rows, twice))
    assert content(posted(again).movements) == content(posted(history).movements)
