"""Receipt events: reversed, bounced, charged back, refunded, cleared."""

from __future__ import annotations

import pytest

from otc_pipelines.posting import Settings
from tests.reference.asking import Ledger
from tests.reference.rows import allocation, document, event, receipt

MXN = Settings("MXN")
TWO = [
    document("A", 60, "01-01"),
    document("B", 40, "01-08"),
    receipt("R", 100, "01-05"),
    allocation("1", "R", "A", 60, "01-09"),
    allocation("2", "R", "B", 40, "01-09"),
]


@pytest.mark.parametrize("kind", ["reversed", "bounced", "charged_back"])
def test_all_of_a_receipt_goes_back(kind):
    ledger = Ledger(MXN, *TWO, event("R", kind, "02-01"))
    assert ledger.balances("01-31") == {}
    assert ledger.balances("02-01") == {("A", 1): 60, ("B", 1): 40}
    assert ledger.balances("02-01", known="01-31") == {}


def test_a_part_goes_back_from_the_newest_effective_date():
    ledger = Ledger(MXN, *TWO, event("R", "charged_back", "02-01", 50))
    assert ledger.balances("02-01") == {("A", 1): 10, ("B", 1): 40}


def test_on_one_date_the_allocation_id_decides():
    rows = [document("A", 60, "01-01"), document("B", 40, "01-01"), *TWO[2:]]
    ledger = Ledger(MXN, *rows, event("R", "charged_back", "02-01", 50))
    assert ledger.balances("02-01") == {("A", 1): 50}


def test_a_part_is_undone_of_allocations_even_where_some_is_unapplied():
    ledger = Ledger(MXN, *TWO[:4], event("R", "charged_back", "02-01", 30))
    assert ledger.balances("02-01") == {("A", 1): 30, ("B", 1): 40, ("R", None): -40}


@pytest.mark.parametrize("keyed", ["01-31", "02-01", "02-03"])
def test_undo_rows_of_the_source_count_towards_the_event_not_on_top(keyed):
    undo = [allocation("8", "R", "A", -60, "02-03", reverses="1", keyed=keyed)]
    undo.append(allocation("9", "R", "B", -40, "02-03", reverses="2", keyed=keyed))
    ledger = Ledger(MXN, *TWO, event("R", "bounced", "02-01", recorded="02-03"), *undo)
    assert ledger.balances("02-01") == {("A", 1): 60, ("B", 1): 40}
    assert ledger.balances("02-28") == {("A", 1): 60, ("B", 1): 40}
    assert ledger.codes() == []


def test_for_a_part_the_source_says_itself_which_allocation_it_undoes():
    undo = allocation("9", "R", "A", -40, "02-03", reverses="1", keyed="02-03")
    ledger = Ledger(MXN, *TWO, event("R", "charged_back", "02-01", 40, recorded="02-03"), undo)
    assert ledger.balances("02-01") == {("A", 1): 40}


def test_an_undo_long_after_a_part_was_charged_back_has_nothing_to_do_with_it():
    undo = allocation("9", "R", "A", -60, "05-01", reverses="1", keyed="05-01")
    ledger = Ledger(MXN, *TWO, event("R", "charged_back", "02-01", 40), undo)
    assert ledger.balances("04-30") == {("B", 1): 40}
    assert ledger.balances("05-01") == {("A", 1): 60, ("B", 1): 40, ("R", None): -60}


def test_what_is_left_after_a_charge_back_can_be_applied_and_no_more():
    rest = allocation("3", "R", "D", 100, "02-10")
    ledger = Ledger(
        MXN, document("D", 100, "01-01"), receipt("R", 100, "01-05"), event("R", "charged_back", "02-01", 30), rest
    )
    assert ledger.balances("02-10") == {("D", 1): 30}
    assert [(f.key, f.code, f.amount) for f in ledger.findings] == [("3", "excess", 30)]


def test_more_than_the_receipt_cannot_go_back():
    ledger = Ledger(MXN, *TWO, event("R", "charged_back", "02-01", 130))
    assert ledger.balances("02-01") == {("A", 1): 60, ("B", 1): 40}
    assert [(f.entity, f.code, f.amount) for f in ledger.findings] == [("receipt_events", "event_excess", 30)]


def test_a_refund_takes_what_is_unapplied_and_the_rest_is_held():
    ledger = Ledger(MXN, *TWO[:4], event("R", "refunded", "02-01", 55))
    assert ledger.balances("02-01") == {("B", 1): 40}
    assert [(f.entity, f.code, f.amount) for f in ledger.findings] == [("receipt_events", "refund_excess", 15)]


def test_a_refund_without_an_amount_is_all_that_was_unapplied_then():
    undo = allocation("9", "R", "A", -60, "03-01", reverses="1", keyed="03-01")
    ledger = Ledger(MXN, *TWO[:4], event("R", "refunded", "02-01"), undo)
    assert ledger.balances("02-28") == {("B", 1): 40}
    assert ledger.balances("03-01") == {("A", 1): 60, ("B", 1): 40, ("R", None): -60}


def test_a_refund_and_then_a_bounce_is_the_receipt_and_no_more():
    ledger = Ledger(MXN, *TWO[:4], event("R", "refunded", "02-01", 40), event("R", "bounced", "02-10"))
    assert ledger.balances("02-10") == {("A", 1): 60, ("B", 1): 40}
    assert ledger.codes() == []


def test_clearing_moves_nothing():
    plain, cleared = Ledger(MXN, *TWO), Ledger(MXN, *TWO, event("R", "cleared", "01-20"))
    assert plain.movements == cleared.movements


def test_a_bounce_gives_the_invoice_free_for_another_receipt():
    again = [receipt("S", 60, "02-05"), allocation("3", "S", "A", 60, "02-05")]
    ledger = Ledger(MXN, *TWO, event("R", "bounced", "02-01"), *again)
    assert ledger.balances("02-28") == {("B", 1): 40}
    assert ledger.codes() == []


def test_without_recording_times_the_same_history_in_one_load_comes_out_the_same():
    rows = [row._replace(recorded_by_source=False, recorded_at=row.loaded_at) for row in TWO]
    again = [receipt("S", 60, "02-05", recorded=None), allocation("0", "S", "A", 60, None)]
    ledger = Ledger(MXN, *rows, event("R", "bounced", "02-01", recorded=None), *again)
    assert ledger.open("B", "02-28") == 40
    assert ledger.open("A", "02-28") + ledger.open("S", "02-28") == 0


def test_an_event_of_an_unknown_receipt_is_held():
    assert Ledger(MXN, event("R", "bounced", "02-01")).codes() == [
        ("receipt_events", "R|bounced|2026-02-01", "receipt_unknown")
    ]
