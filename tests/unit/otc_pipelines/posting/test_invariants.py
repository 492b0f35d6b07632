"""The domain's invariants over generated histories, asked of the movements alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.posting import FxRateVersion, Rates, Settings, clusters, post
from tests.reference.generate import LOADS, histories, moments
from tests.reference.ledger import EVER
from tests.reference.rows import cluster
from tests.reference.visible import first_arrival, visible_at

THOROUGH = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    report_multiple_bugs=False,
)
LAST_DAY = date(2026, 12, 31)
AFTERWARDS = datetime(2026, 3, 1, tzinfo=UTC)


def posted(history):
    rates = Rates(r for r in history.rows if isinstance(r, FxRateVersion))
    return post(cluster(*history.rows), Settings(history.base), rates)


def seen(movements, known=EVER, loaded=EVER, on=LAST_DAY):
    return [m for m in movements if m.recorded_at <= known and m.loaded_at <= loaded and m.effective_date <= on]


def open_by(movements, *names):
    totals = defaultdict(Decimal)
    for m in movements:
        totals[tuple(getattr(m, n) for n in names)] += m.amount
    return {k: v for k, v in totals.items() if v}


def in_force(history, known=EVER, loaded=EVER):
    return visible_at(first_arrival(list(history.rows)), known, loaded)


@THOROUGH
@given(histories(), moments(), st.sampled_from([*LOADS, EVER]))
def test_8_what_an_allocation_takes_on_one_side_it_gives_on_the_other(history, known, loaded):
    movements = seen(posted(history).movements, known, loaded)
    applied = [m for m in movements if m.cause_entity == "allocations"]
    currencies = {row.currency for row in history.rows if _is_item(row)}
    alike = applied if len(currencies) == 1 else []
    assert open_by(alike, "cause_id", "effective_date") == {}


def _is_item(row):
    return type(row).__name__ in ("DocumentVersion", "ReceiptVersion")


@THOROUGH
@given(histories())
def test_every_movement_has_a_name_of_its_own_and_moves_something(history):
    movements = posted(history).movements
    assert len({m.movement_id for m in movements}) == len(movements)
    assert all(m.amount or m.base_amount for m in movements)


@THOROUGH
@given(histories())
def test_what_is_not_posted_is_held_to_the_last_cent(history):
    posting, visible = posted(history), in_force(history)
    idle = {
        k for k, d in visible.documents.items() if d.deleted or d.document_type == "pro_forma" or d.status == "draft"
    }
    idle |= {k for k, d in visible.documents.items() if d.status == "void" and not d.voided_on}
    idle |= {k for k, r in visible.receipts.items() if r.deleted}
    undone = {a.reverses_id for a in visible.allocations.values()}
    if any(a.amount < 0 and not a.reverses_id for a in visible.allocations.values()):
        return  # what they take back is nobody's by name
    taken = open_by([m for m in seen(posting.movements) if m.item_type == "installment"], "movement_type", "cause_id")
    held = {f.key: f.amount for f in posting.findings if f.entity == "allocations"}
    for key, row in visible.allocations.items():
        if (
            row.reverses_id is None
            and row.amount > 0
            and not {row.document_id, row.source_id} & idle
            and key not in undone
        ):
            whole = key in held and held[key] is None
            part = -taken.get(("allocation", key), Decimal(0)) + (held.get(key) or 0)
            assert part == (0 if whole else row.amount)


@THOROUGH
@given(histories(clean=True))
def test_11_clusters_post_each_row_once(history):
    kinds = ("documents", "installments", "receipts", "receipt_events", "allocations", "adjustments")
    whole = cluster(*history.rows)
    apart = [
        m for c in clusters(**{k: getattr(whole, k) for k in kinds}) for m in post(c, Settings(history.base)).movements
    ]
    assert sorted(apart) == sorted(post(whole, Settings(history.base)).movements)
