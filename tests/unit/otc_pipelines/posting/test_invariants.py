"""The domain's invariants over generated histories, asked of the movements alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.posting import FxRateVersion, Rates, Settings, clusters, post
from tests.reference.generate import LOADS, histories, moments
from tests.reference.ledger import EVER
from tests.reference.rows import allocation, cluster, event
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
def test_2_a_receipt_is_what_became_of_it_and_its_unapplied_balance_is_never_a_debt(history, known, loaded):
    movements = seen(posted(history).movements, known, loaded)
    parts = defaultdict(lambda: defaultdict(Decimal))
    for m in movements:
        if m.item_type == "receipt":
            on_its_own = m.cause_entity == "receipt_events" and not _undoes_an_allocation(m, movements)
            kind = "gone" if on_its_own else "receipt" if m.movement_type == "receipt" else "applied"
            parts[m.item_id][kind] += m.amount
    for receipt_id, kinds in parts.items():
        amount = in_force(history, known, loaded).receipts[receipt_id].amount
        assert kinds["receipt"] == -amount
        assert amount >= -sum(kinds.values()) >= 0


def _undoes_an_allocation(movement, movements):
    return movement.amount < 0 and movement.movement_type == "receipt_event"


@THOROUGH
@given(histories(), moments(), st.sampled_from([*LOADS, EVER]))
def test_4_what_is_open_is_never_less_than_nothing_nor_more_than_the_document(history, known, loaded):
    posting = posted(history)
    visible = in_force(history, known, loaded)
    raised = {a.document_id for a in visible.adjustments.values()}
    balances = open_by(seen(posting.movements, known, loaded), "item_type", "item_id", "installment_no")
    originals = open_by(
        [m for m in seen(posting.movements, known, loaded) if m.movement_type == "document"],
        "item_type",
        "item_id",
        "installment_no",
    )
    for (kind, item_id, number), amount in balances.items():
        original = originals.get((kind, item_id, number), Decimal(0))
        if kind == "installment":
            assert amount >= 0
            assert amount <= original or item_id in raised
        elif kind == "credit_memo":
            assert amount <= 0 or item_id in raised
            assert amount >= original or item_id in raised


@THOROUGH
@given(histories(), st.data())
def test_5_reversing_a_receipt_restores_what_it_paid_and_leaves_what_was_known(history, data):
    receipts = [k for k, row in in_force(history).receipts.items() if not row.deleted]
    others = [r for r in history.rows if type(r).__name__ != "ReceiptEventVersion"]
    if not receipts:
        return
    receipt_id = data.draw(st.sampled_from(receipts))
    before = posted(replace(history, rows=tuple(others)))
    bounced = event(receipt_id, "bounced", "2026-02-20", recorded=AFTERWARDS, loaded=AFTERWARDS)
    after = posted(replace(history, rows=(*others, bounced)))
    mine = {
        a.allocation_id for a in history.rows if type(a).__name__ == "AllocationVersion" and a.source_id == receipt_id
    }
    mine |= _reversing(history, mine) | {bounced.row_key}
    of_it = [m for m in after.movements if m.cause_id in mine and m.item_type == "installment"]
    voids = {m.item_id for m in after.movements if m.movement_type == "void"}
    left = open_by(seen(of_it), "item_id", "installment_no", "due_date")
    assert {k for k in left if k[0] not in voids} == set()
    assert open_by([m for m in seen(after.movements) if m.item_id == receipt_id], "item_id") == {}
    assert {m for m in after.movements if m.recorded_at < AFTERWARDS} == set(before.movements)


def _reversing(history, originals):
    found = set(originals)
    for _ in range(8):
        found |= {a.row_key for a in history.rows if getattr(a, "reverses_id", None) in found}
    return found


@THOROUGH
@given(histories(), st.data())
def test_6_undoing_one_allocation_changes_no_other(history, data):
    quiet = [r for r in history.rows if type(r).__name__ != "ReceiptEventVersion"]
    history = replace(history, rows=tuple(quiet))
    alive = [a for a in in_force(history).allocations.values() if not a.reverses_id and a.amount > 0]
    if not alive:
        return
    chosen = data.draw(st.sampled_from(alive))
    undo = allocation(
        "UNDO",
        chosen.source_id,
        chosen.document_id,
        str(-chosen.amount),
        AFTERWARDS,
        reverses=chosen.allocation_id,
        loaded=AFTERWARDS,
    )
    before, after = posted(history), posted(replace(history, rows=(*history.rows, undo)))
    assert set(before.movements) <= set(after.movements)
    assert {m.cause_id for m in after.movements if m.loaded_at == AFTERWARDS} <= {"UNDO"}


@THOROUGH
@given(histories(), moments(), st.sampled_from([*LOADS, EVER]))
def test_7_draft_void_deleted_and_pro_forma_documents_count_nothing(history, known, loaded):
    visible = in_force(history, known, loaded)
    idle = {
        k
        for k, d in visible.documents.items()
        if d.deleted or d.document_type == "pro_forma" or d.status in ("draft", "void")
    }
    movements = [m for m in seen(posted(history).movements, known, loaded) if m.item_id in idle]
    assert open_by(movements, "item_id", "installment_no") == {}
    for_ever = {k for k in idle if not (visible.documents[k].status == "void" and visible.documents[k].voided_on)}
    never = [m for m in movements if m.item_id in for_ever]
    assert open_by(never, "item_id", "installment_no", "effective_date") == {}


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
