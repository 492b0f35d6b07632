"""Allocations: their dates, their split over instalments, what undoes them, what they may never take."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from otc_pipelines.posting import Settings
from tests.reference.asking import Ledger
from tests.reference.rows import adjustment, allocation, document, installment, receipt

MXN = Settings("MXN")
LATE = "2030-02-01"


def paid(**more):
    return [document("A", 100, "01-01"), receipt("R", 100, "01-10"), allocation("L", "R", "A", 100, "01-15", **more)]


@pytest.mark.parametrize(
    ("stated", "counts_from"),
    [
        ({}, "01-10"),
        ({"effective": "01-20"}, "01-20"),
        ({"effective": "01-05"}, "01-10"),
        ({"keyed": "01-31"}, "01-10"),
    ],
)
def test_an_allocation_counts_from_its_effective_date_never_before_both_sides(stated, counts_from):
    ledger = Ledger(MXN, *paid(**stated))
    assert {str(m.effective_date)[5:] for m in ledger.movements if m.cause_id == "L"} == {counts_from}


@pytest.mark.parametrize(
    ("stated", "counts_from"),
    [
        ({"effective": "02-01", "keyed": "02-02"}, "02-01"),
        ({"keyed": "02-02"}, "02-02"),
        ({}, "02-03"),
        ({"effective": "01-02"}, "01-10"),
    ],
)
def test_an_undo_counts_from_its_own_dates_never_before_what_it_undoes(stated, counts_from):
    ledger = Ledger(MXN, *paid(), allocation("U", "R", "A", -100, "02-03T10:00", reverses="L", **stated))
    assert {str(m.effective_date)[5:] for m in ledger.movements if m.cause_id == "U"} == {counts_from}
    assert ledger.balances("02-28") == {("A", 1): 100, ("R", None): -100}


def test_the_recorded_day_is_the_company_s():
    mexico = Settings("MXN", timezone=ZoneInfo("America/Mexico_City"))
    ledger = Ledger(mexico, *paid(), allocation("U", "R", "A", -100, "02-03T03:00", reverses="L"))
    assert {str(m.effective_date) for m in ledger.movements if m.cause_id == "U"} == {"2026-02-02"}


def test_an_undo_finds_its_original_where_nothing_runs_out():
    rows = [document("A", 900, "01-01"), receipt("R", 900, "01-10"), allocation("L", "R", "A", 100, "01-15")]
    ledger = Ledger(MXN, *rows, allocation("U", "R", "A", -100, "02-03", reverses="L"))
    assert ledger.balances("02-03") == {("A", 1): 900, ("R", None): -900}
    assert ledger.codes() == []


def test_an_undo_of_an_undo_takes_again():
    ledger = Ledger(
        MXN,
        *paid(),
        allocation("U", "R", "A", -100, "02-01", reverses="L", keyed="02-01"),
        allocation("W", "R", "A", 100, "02-10", reverses="U", keyed="02-10"),
    )
    assert ledger.balances("02-05") == {("A", 1): 100, ("R", None): -100}
    assert ledger.balances("02-10") == {}


def test_a_partial_undo_gives_back_the_newest_due_first():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01"),
        installment("A", 1, "01-15", 50),
        installment("A", 2, "01-31", 50),
        receipt("R", 80, "01-10"),
        allocation("L", "R", "A", 80, "01-10"),
        allocation("U", "R", "A", -40, "01-20", reverses="L", keyed="01-20"),
    )
    assert ledger.balances("01-19") == {("A", 2): 20}
    assert ledger.balances("01-20") == {("A", 1): 10, ("A", 2): 50, ("R", None): -40}


def test_a_negative_allocation_without_an_original_takes_back_what_the_same_source_paid():
    ledger = Ledger(MXN, *paid(), allocation("N", "R", "A", -30, "01-20", effective="01-20"))
    assert ledger.balances("01-20") == {("A", 1): 30, ("R", None): -30}
    assert ledger.codes() == []
    more = Ledger(MXN, *paid(), allocation("N", "R", "A", -130, "01-20", effective="01-20"))
    assert more.balances("01-20") == {("A", 1): 100, ("R", None): -100}
    assert more.codes() == [("allocations", "N", "undo_excess")]


def split(*rows):
    return Ledger(
        MXN,
        document("A", 100, "01-01"),
        installment("A", 1, "01-15", 50),
        installment("A", 2, "01-31", 50),
        receipt("R", 50, "01-05"),
        receipt("S", 50, "01-05"),
        *rows,
    )


def test_a_split_is_kept_when_an_earlier_allocation_is_undone_or_deleted():
    first = allocation("L", "R", "A", 50, "01-06")
    second = allocation("M", "S", "A", 50, "01-07")
    undo = allocation("U", "R", "A", -50, "01-08", reverses="L", loaded=LATE, keyed="01-08")
    gone = allocation("L", "R", "A", 50, "01-09", deleted=True, loaded=LATE)
    for later in (undo, gone):
        assert split(first, second, later).balances("01-31") == {("A", 1): 50, ("R", None): -50}


def test_a_late_row_with_an_older_recording_time_does_not_move_a_split():
    on_time = allocation("M", "S", "A", 50, "01-07")
    late = allocation("L", "R", "A", 50, "01-06", loaded=LATE)
    ledger = split(on_time, late)
    placed = {(m.cause_id, m.installment_no) for m in ledger.movements if m.movement_type == "allocation"}
    assert {p for p in placed if p[1]} == {("M", 1), ("L", 2)}
    assert ledger.balances("01-31", known="01-06T12:00") == {("A", 1): 50, ("S", None): -50}


def test_a_named_instalment_is_filled_and_no_other():
    ledger = split(allocation("L", "R", "A", 30, "01-06", no=2), allocation("M", "S", "A", 50, "01-07", no=2))
    assert ledger.balances("01-31") == {("A", 1): 50, ("S", None): -30, ("R", None): -20}
    assert ledger.codes() == [("allocations", "M", "excess")]
    assert ledger.findings[0].amount == 30


def test_more_than_is_open_is_held():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01"),
        receipt("R", 80, "01-05"),
        receipt("S", 80, "01-05"),
        allocation("L", "R", "A", 80, "01-06"),
        allocation("M", "S", "A", 80, "01-07"),
    )
    assert ledger.balances("01-31") == {("S", None): -60}
    assert ledger.codes() == [("allocations", "M", "excess")]
    assert ledger.findings[0].amount == 60
    assert "60.00 MXN of 80.00 MXN" in ledger.findings[0].reason


def test_more_than_is_unapplied_is_held():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01"),
        document("B", 100, "01-01"),
        receipt("R", 120, "01-05"),
        allocation("L", "R", "A", 100, "01-06"),
        allocation("M", "R", "B", 100, "01-07"),
    )
    assert ledger.balances("01-31") == {("B", 1): 80}
    assert [(f.key, f.amount) for f in ledger.findings] == [("M", 80)]


def test_paying_again_after_an_undo_recorded_at_the_same_moment_is_not_too_much():
    at = "01-20T12:00"
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01"),
        receipt("R", 100, "01-05"),
        receipt("S", 100, "01-06"),
        allocation("1", "R", "A", 100, "01-06"),
        allocation("2", "S", "A", 100, at),
        allocation("9", "R", "A", -100, at, reverses="1"),
    )
    assert ledger.balances("01-31") == {("R", None): -100}
    assert ledger.codes() == []


def test_a_document_that_shrinks_gives_back_what_it_no_longer_owes():
    ledger = Ledger(MXN, *paid(), document("A", 60, "01-01", recorded="02-01"))
    assert ledger.balances("02-28") == {("R", None): -40}
    assert ledger.balances("02-28", known="01-31") == {}
    assert [(f.key, f.code, f.amount) for f in ledger.findings] == [("L", "excess", 40)]


def test_across_currencies_each_side_has_its_own_amount_and_rate():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01", currency="USD", rate="17"),
        receipt("R", 90, "01-05", currency="EUR", rate="20"),
        allocation("L", "R", "A", 50, "01-06", source_amount=45),
    )
    assert ledger.balances("01-31") == {("A", 1): 50, ("R", None): -45}
    assert (ledger.base("A", "01-31"), ledger.base("R", "01-31")) == (850, -900)


def test_across_currencies_what_is_held_is_held_on_both_sides():
    ledger = Ledger(
        MXN,
        document("A", 40, "01-01", currency="USD", rate="17"),
        receipt("R", 90, "01-05", currency="JPY", rate="0.1"),
        allocation("L", "R", "A", 60, "01-06", source_amount=90),
    )
    assert ledger.balances("01-31") == {("R", None): -30}
    assert [(f.code, f.amount, f.currency) for f in ledger.findings] == [("excess", 20, "USD")]


DOC, REC = document("A", 100, "01-01"), receipt("R", 100, "01-05")


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([REC, allocation("L", "R", "A", 1, "01-06")], ("allocations", "L", "document_unknown")),
        ([DOC, allocation("L", "R", "A", 1, "01-06")], ("allocations", "L", "source_unknown")),
        ([DOC, allocation("L", "C", "A", 1, "01-06", kind="credit_memo")], ("allocations", "L", "source_unknown")),
        ([DOC, REC, allocation("L", "R", "A", -1, "01-06", reverses="X")], ("allocations", "L", "undo_unknown")),
        ([DOC, REC, allocation("L", "R", "A", -1, "01-06", reverses="L")], ("allocations", "L", "undo_unknown")),
        ([DOC, REC, allocation("L", "R", "A", 1, "01-06", no=7)], ("allocations", "L", "installment_unknown")),
        (
            [DOC, receipt("R", 9, "01-05", entity="US"), allocation("L", "R", "A", 1, "01-06")],
            ("allocations", "L", "two_entities"),
        ),
        (
            [DOC, receipt("R", 9, "01-05", currency="USD"), allocation("L", "R", "A", 1, "01-06")],
            ("allocations", "L", "no_source_amount"),
        ),
        (
            [document("A", 100, "01-01", kind="credit_memo"), REC, allocation("L", "R", "A", 1, "01-06")],
            ("allocations", "L", "not_a_debit"),
        ),
        (
            [DOC, document("B", 100, "01-01"), allocation("L", "B", "A", 1, "01-06", kind="credit_memo")],
            ("allocations", "L", "not_a_source"),
        ),
        ([adjustment("W", "X", 5, "01-06")], ("adjustments", "W", "document_unknown")),
        ([DOC, adjustment("W", "A", 105, "01-06")], ("adjustments", "W", "excess")),
        ([DOC, adjustment("W", "A", -5, "01-06", reverses="V")], ("adjustments", "W", "undo_unknown")),
    ],
)
def test_what_cannot_count_is_held_with_its_place(rows, finding):
    ledger = Ledger(MXN, *rows)
    assert ledger.codes() == [finding]
    assert (ledger.findings[0].file, ledger.findings[0].line) == ("rows.csv", 2)


def test_a_held_row_counts_when_what_it_needs_has_come():
    rows = [receipt("R", 100, "01-05"), allocation("L", "R", "A", 100, "01-06")]
    ledger = Ledger(MXN, *rows, document("A", 100, "01-01", loaded=LATE))
    assert ledger.balances("01-31") == {}
    assert ledger.balances("01-31", loaded="2030-01-15") == {("R", None): -100}
    assert ledger.codes() == []


def test_an_adjustment_follows_the_instalments_and_its_undo_mirrors_it():
    ledger = split(
        adjustment("W", "A", 70, "01-10"),
        adjustment("V", "A", -70, "01-20", reverses="W"),
    )
    assert ledger.balances("01-15") == {("A", 2): 30, ("R", None): -50, ("S", None): -50}
    assert ledger.open("A", "01-20") == 100
    assert {(m.movement_type, m.amount) for m in ledger.movements if m.cause_id == "V"} == {
        ("undo", Decimal(50)),
        ("undo", Decimal(20)),
    }


def test_cash_comes_before_an_adjustment_of_the_same_moment():
    ledger = Ledger(MXN, *paid(), adjustment("0", "A", 2, "01-15", recorded="01-15"))
    assert ledger.balances("01-31") == {}
    assert ledger.codes() == [("adjustments", "0", "excess")]


def test_a_split_made_by_a_later_load_does_not_change_what_could_be_answered_before():
    rows = [
        document("A", 100, "01-01"),
        document("A", 100, "01-01", recorded="02-01", deleted=True),
        installment("A", 1, "01-15", 50, recorded="01-01"),
        installment("A", 2, "01-31", 50, recorded="01-01"),
        receipt("R", 50, "01-05"),
        allocation("L", "R", "A", 50, "01-06", loaded=LATE),
    ]
    revived = [
        document("A", 100, "01-01", recorded="03-01", loaded="2030-03-01"),
        installment("A", 1, "04-15", 50, recorded="03-01", loaded="2030-03-01"),
    ]
    before, after = Ledger(MXN, *rows), Ledger(MXN, *rows, *revived)
    assert before.balances("01-31", known="01-20") == {("A", 2): 50}
    assert after.balances("01-31", known="01-20", loaded="2030-02-15") == {("A", 2): 50}
    assert after.balances("01-31") == {("A", 1): 50}
    assert set(before.movements) <= set(after.movements)


def test_a_small_credit_can_be_written_off():
    ledger = Ledger(MXN, document("C", 5, "01-01", kind="credit_memo"), adjustment("W", "C", -5, "01-10"))
    assert ledger.balances("01-09") == {("C", None): -5}
    assert ledger.balances("01-10") == {}
