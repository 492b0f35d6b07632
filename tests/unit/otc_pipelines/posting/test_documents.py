"""Documents: what counts, when, for how much in the base currency; versions and the clocks."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otc_pipelines.posting import LegalEntity, Settings
from tests.reference.asking import Ledger
from tests.reference.rows import adjustment, allocation, document, fx_rate, installment, receipt

MXN = Settings("MXN", {"MX": LegalEntity("MXN", "1200"), "KW": LegalEntity("KWD"), "JP": LegalEntity("JPY")})


@pytest.mark.parametrize(
    "stated",
    [{"status": "draft"}, {"kind": "pro_forma"}, {"status": "void"}, {"status": "posted", "gone": True}],
)
def test_what_counts_for_nothing_frees_what_pays_it(stated):
    gone = stated.pop("gone", False)
    rows = [document("A", 100, "01-01", **stated), receipt("R", 100, "01-05"), allocation("L", "R", "A", 100, "01-06")]
    if gone:
        rows.append(document("A", None, "01-01", deleted=True, recorded="01-20"))
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-31") == {("R", None): -100}
    assert ledger.codes() == []


def test_a_dated_void_mirrors_the_document_on_that_day_and_frees_the_receipt():
    rows = [
        document("A", 100, "01-01", status="void", voided="01-20", rate="16", currency="USD"),
        receipt("R", 60, "01-05", currency="USD", rate="17"),
        allocation("L", "R", "A", 60, "01-06"),
        adjustment("W", "A", 10, "01-08"),
    ]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-19") == {("A", 1): 30}
    assert ledger.balances("01-20") == {("R", None): -60}
    assert (ledger.base("A", "01-20"), ledger.base("R", "01-20")) == (0, -1020)
    assert len({m.movement_id for m in ledger.movements}) == len(ledger.movements)


def test_a_dated_void_of_a_credit_memo_gives_the_invoice_back():
    rows = [
        document("A", 100, "01-01"),
        document("C", 100, "01-02", kind="credit_memo", status="void", voided="01-20"),
        allocation("L", "C", "A", 100, "01-06", kind="credit_memo"),
    ]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-19") == {}
    assert ledger.balances("01-20") == {("A", 1): 100}


def test_where_both_sides_are_void_the_first_void_undoes():
    rows = [
        document("A", 100, "01-01", status="void", voided="01-25"),
        document("C", 100, "01-02", kind="credit_memo", status="void", voided="01-20"),
        allocation("L", "C", "A", 100, "01-06", kind="credit_memo"),
    ]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-19") == ledger.balances("01-25") == {}
    assert ledger.balances("01-20") == {("A", 1): 100}


def test_the_last_instalment_takes_what_rounding_leaves():
    rows = [document("A", "100.00", "01-01", currency="USD", rate="1.2345")]
    rows += [installment("A", n, f"0{n}-15", a) for n, a in ((1, "33.33"), (2, "33.33"), (3, "33.34"))]
    ledger = Ledger(MXN, *rows)
    assert [m.base_amount for m in sorted(ledger.movements, key=lambda m: m.installment_no or 0)] == [
        Decimal("41.15"),
        Decimal("41.15"),
        Decimal("41.15"),
    ]
    assert ledger.base("A", "01-31") == Decimal("123.45")


@pytest.mark.parametrize(("entity", "base"), [("MX", "12.35"), ("KW", "12.346"), ("JP", "12")])
def test_base_amounts_have_the_decimals_of_the_base_currency(entity, base):
    ledger = Ledger(MXN, document("A", "10.00", "01-01", entity=entity, currency="USD", rate="1.23456"))
    assert ledger.base("A", "01-31") == Decimal(base)
    assert ledger.movements[0].base_currency == MXN.entity(entity).base_currency


def test_a_stated_base_amount_decides_also_what_payments_are_worth():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01", currency="USD", base="1667.00", rate="16.7"),
        receipt("R", 100, "01-05", currency="USD", rate="17"),
        allocation("L", "R", "A", 100, "01-06"),
    )
    assert ledger.base("A", "01-04") == 1667
    assert ledger.base("A", "01-06") == 0


def test_without_a_rate_the_base_amount_is_unknown_until_one_comes():
    rows = [document("A", 100, "01-03", currency="USD"), receipt("R", 40, "01-05", currency="USD", rate="17")]
    rows.append(allocation("L", "R", "A", 40, "01-06"))
    unknown = Ledger(MXN, *rows)
    assert (unknown.open("A", "01-31"), unknown.base("A", "01-31"), unknown.base("R", "01-31")) == (60, None, 0)
    later = Ledger(MXN, *rows, fx_rate("01-02", "16", recorded="01-20"), fx_rate("01-04", "99"))
    assert later.base("A", "01-31") == 960
    assert later.base("A", "01-31", known="01-19") is None
    assert later.open("A", "01-31", known="01-19") == 60


def test_the_latest_rate_on_or_before_the_posting_date_counts():
    rates = [fx_rate("01-01", "15"), fx_rate("01-10", "16"), fx_rate("01-11", "17"), fx_rate("01-10", "99", kind="avg")]
    invoice = document("A", 100, "01-03", posting="01-10", currency="USD", recorded="02-01")
    assert Ledger(MXN, invoice, *rates).base("A", "01-31") == 1600
    spot = fx_rate("01-10", "18", kind="spot")
    assert Ledger(MXN, invoice, *rates[2:], spot).base("A", "01-31") == 1800


def test_a_better_rate_that_was_loaded_later_hides_nothing_before():
    invoice = document("A", 100, "01-03", currency="USD", loaded="2030-01-02")
    better = fx_rate("01-02", "16", recorded="01-02", loaded="2030-02-01")
    older = fx_rate("01-01", "15", recorded="01-03", loaded="2030-01-01")
    ledger = Ledger(MXN, invoice, better, older)
    assert (ledger.base("A", "01-31"), ledger.base("A", "01-31", loaded="2030-01-15")) == (1600, 1500)


def test_the_accounts_and_attributes_follow_the_document():
    ledger = Ledger(MXN, document("A", 5, "01-02", account="1210", party="P7"), receipt("R", 5, "01-03"))
    seen = {m.item_id: (m.gl_account, m.party_id, m.document_type, str(m.document_date)) for m in ledger.movements}
    assert seen == {"A": ("1210", "P7", "invoice", "2026-01-02"), "R": ("1200", "P1", "receipt", "2026-01-03")}


def test_instalments_that_do_not_fit_leave_the_document_whole():
    rows = [
        document("A", 100, "01-01", due="02-01"),
        installment("A", 1, "01-15", 50),
        installment("A", 2, "01-31", 40),
    ]
    rows += [receipt("R", 10, "01-05"), allocation("L", "R", "A", 10, "01-05", no=2)]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-31") == {("A", 1): 90}
    assert ledger.due("A", "01-31") == {"2026-02-01"}
    assert ledger.codes() == [("installments", "A|1", "installments_sum")]


def test_a_second_legal_entity_is_held_and_the_first_stands():
    rows = [document("A", 100, "01-01"), document("A", 70, "01-01", entity="KW", recorded="02-01", line=9)]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("02-28") == {("A", 1): 100}
    assert ledger.codes() == [("documents", "A", "second_entity")]
    assert ledger.findings[0].line == 9


def test_instalments_of_an_unknown_document_are_held():
    assert Ledger(MXN, installment("A", 1, "01-15", 50)).codes() == [("installments", "A|1", "document_unknown")]


def test_a_change_and_its_return_are_three_versions():
    rows = [
        document("A", amount, "01-01", recorded=at) for amount, at in ((100, "01-01"), (80, "01-10"), (100, "01-20"))
    ]
    ledger = Ledger(MXN, *rows)
    assert [ledger.open("A", "01-31", known=f"01-{d}T12:00") for d in ("05", "15", "25")] == [100, 80, 100]


def test_a_late_row_does_not_change_what_could_be_answered_then():
    rows = [document("A", 100, "01-01"), document("B", 50, "01-02", loaded="2030-02-01")]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("01-31", loaded="2030-01-15") == {("A", 1): 100}
    assert ledger.balances("01-31", known="01-03") == {("A", 1): 100, ("B", 1): 50}


def test_a_moved_due_date_moves_what_is_left_and_keeps_what_was_known():
    rows = [document("A", 100, "01-01", due="01-31"), document("A", 100, "01-01", due="03-31", recorded="02-01")]
    rows += [receipt("R", 30, "01-05"), allocation("L", "R", "A", 30, "01-05")]
    ledger = Ledger(MXN, *rows)
    assert ledger.due("A", "02-28") == {"2026-03-31"}
    assert ledger.balances("02-28") == ledger.balances("02-28", known="01-31") == {("A", 1): 70}


def test_an_instalment_is_recorded_with_its_document():
    rows = [document("A", 100, "01-01"), installment("A", 1, "01-15", 60), installment("A", 2, "01-31", 40)]
    assert Ledger(MXN, *rows).balances("01-31", known="01-02") == {("A", 1): 60, ("A", 2): 40}
    own = [installment("A", n, "01-15", a, recorded="01-20") for n, a in ((1, 60), (2, 40))]
    assert Ledger(MXN, rows[0], *own).balances("01-31", known="01-02") == {("A", 1): 100}


def test_an_amount_finer_than_the_warehouse_keeps_is_refused():
    with pytest.raises(ValueError, match="four decimals"):
        Ledger(MXN, document("A", "1.00001", "01-01"))
