"""Cases that users of other systems have reported in public, each with the report's numbers where it gives any.

Each test says what the software in the report answered, what is answered here, and why; the thread is named by its
repository and number. Where a report shows pictures only, the numbers are marked as ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from otc_pipelines.posting import Settings
from tests.reference.aged import aged, aging_tables
from tests.reference.asking import Ledger
from tests.reference.rows import allocation, document, event, installment, receipt
from tests.unit.connectors.erp.files.drop import read

MXN = Settings("MXN")


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    with aging_tables() as c:
        yield c


def buckets(c: duckdb.DuckDBPyConnection, ledger: Ledger, on: str, **how) -> dict[str, Decimal]:
    """The columns of the one customer that are not 0."""
    rows = aged(c, ledger.movements, as_of=date.fromisoformat(on), **how)
    assert len({(r["party_id"], r["currency"]) for r in rows}) <= 1
    names = [n for r in rows for n in r if n.startswith(("d", "not_due", "unapplied", "total")) and r[n]]
    return {n: sum((r[n] for r in rows), Decimal(0)) for n in names if isinstance(rows[0][n], Decimal)}


def test_payments_matched_in_may_do_not_change_the_end_of_april(tables):
    """OCA/account-financial-reporting#546: the statement's aging of 30 April came to 140,000 (100,000 and 40,000).

    Here 149,000: what was keyed in May pays from May, the payment of February is unapplied until then.
    """
    invoices = [document(f"M{n}", 10_000, "2019-03-15", due="2019-03-15") for n in range(5)]
    rows = [*invoices, document("A", 100_000, "2019-04-15", due="2019-04-15")]
    rows += [receipt("FEB", 1_000, "2019-02-15"), receipt("MAY", 49_000, "2019-05-10")]
    may = {"effective": "2019-05-10", "keyed": "2019-05-10"}
    rows += [
        allocation("1", "FEB", "M0", 1_000, "2019-05-10", **may),
        allocation("2", "MAY", "M0", 9_000, "2019-05-10"),
    ]
    rows += [allocation(f"3{n}", "MAY", f"M{n}", 10_000, "2019-05-10") for n in range(1, 5)]
    ledger = Ledger(MXN, *rows)
    assert buckets(tables, ledger, "2019-04-30") == {
        "d1_30": 100_000, "d31_60": 50_000, "unapplied": -1_000, "total": 149_000,
    }  # fmt: skip
    assert buckets(tables, ledger, "2019-05-10") == {"d1_30": 100_000, "total": 100_000}


def test_entries_matched_months_later_are_not_open_on_a_past_day():
    """OCA/account-financial-reporting#784: both entries showed as open until the day on which someone matched them.

    Here nothing is open from the later of the two on, as seen now; what was known then still shows both.
    """
    ledger = Ledger(
        MXN,
        document("E1", 100, "2021-01-01"),
        receipt("E2", 100, "2021-01-03"),
        allocation("L", "E2", "E1", 100, "2021-05-21", keyed="2021-05-21"),
    )
    assert ledger.balances("2021-01-10") == {}
    assert ledger.balances("2021-01-10", known="2021-01-10T23:59") == {("E1", 1): 100, ("E2", None): -100}


def test_three_due_dates_of_one_invoice_age_apart(tables):
    """OCA/account-financial-reporting#487: 90,000 in three parts; the report took one part and lost the others."""
    parts = [(1, "2018-11-26", 27_000), (2, "2018-12-26", 27_000), (3, "2019-01-25", 36_000)]
    rows = [document("A", 90_000, "2018-10-27"), *(installment("A", *p) for p in parts)]
    ledger = Ledger(MXN, *rows)
    assert buckets(tables, ledger, "2018-11-28") == {"d1_30": 27_000, "not_due": 63_000, "total": 90_000}
    by_invoice_date = buckets(tables, ledger, "2018-11-28", by="document_date")
    assert by_invoice_date == {"d31_60": 90_000, "total": 90_000}


def test_what_was_paid_later_was_open_before(tables):
    """OCA/account-financial-reporting#707: on 31 May an invoice was missing because it had been paid on 30 June."""
    ledger = Ledger(
        MXN,
        document("A", 100, "2020-04-30"),
        receipt("R", 100, "2020-06-30"),
        allocation("L", "R", "A", 100, "2020-06-30"),
    )
    assert buckets(tables, ledger, "2020-05-31") == {"d31_60": 100, "total": 100}
    assert buckets(tables, ledger, "2020-06-30") == {}


def test_an_open_item_of_a_past_date_is_there():
    """adempiere/adempiere#1144: 5,000 of 1 January, paid on 1 March, could not be seen for 4 February."""
    ledger = Ledger(
        MXN,
        document("A", 5_000, "2017-01-01"),
        receipt("R", 5_000, "2017-03-01"),
        allocation("L", "R", "A", 5_000, "2017-03-01"),
    )
    assert [ledger.open("A", on) for on in ("2017-02-04", "2017-02-28", "2017-03-01")] == [5_000, 5_000, 0]


def test_partial_payments_do_not_make_an_invoice_older(tables):
    """odoo/odoo#16235: 5,500 left of 10,000 due 28 February stood at more than 120 days on 4 April."""
    paid = [("R1", 1_500, "2016-11-09"), ("R2", 1_000, "2016-11-30"), ("R3", 2_000, "2017-01-30")]
    rows = [document("A", 10_000, "2016-11-30", due="2017-02-28"), *(receipt(*p) for p in paid)]
    rows += [allocation(f"L{key}", key, "A", amount, on) for key, amount, on in paid]
    ledger = Ledger(MXN, *rows)
    assert buckets(tables, ledger, "2017-04-04") == {"d31_60": 5_500, "total": 5_500}
    assert ledger.balances("2016-11-29") == {("R1", None): -1_500}


def test_an_advance_at_another_rate_pays_its_face_and_no_more():
    """frappe/erpnext#35301: of 200 USD at 8, 100 USD paid in advance at 6, 75 stayed open; the rate gain had paid 25.

    Here 100 USD are open; the 200 CNY between the two rates are realised outside receivables.
    """
    ledger = Ledger(
        Settings("CNY"),
        receipt("R", 100, "2023-05-01", currency="USD", rate="6"),
        document("A", 200, "2023-05-15", currency="USD", rate="8"),
        allocation("L", "R", "A", 100, "2023-05-15"),
    )
    assert (ledger.open("A", "2023-05-31"), ledger.base("A", "2023-05-31")) == (100, 800)
    assert (ledger.open("R", "2023-05-31"), ledger.base("R", "2023-05-31")) == (0, 0)
    moved = [m.base_amount for m in ledger.movements if m.cause_id == "L"]
    assert sorted(moved) == [-800, 600]


def test_what_is_left_after_a_part_is_paid_stays_at_the_booked_rate():
    """odoo/odoo#10644: 1,000 EUR at 1.5, 800 EUR paid at 2.0: the residual in USD took 1,600 off 1,500."""
    ledger = Ledger(
        Settings("USD"),
        document("A", 1_000, "2016-01-01", currency="EUR", rate="1.5"),
        receipt("R", 800, "2016-02-02", currency="EUR", rate="2.0"),
        allocation("L", "R", "A", 800, "2016-02-02"),
    )
    assert (ledger.open("A", "2016-02-28"), ledger.base("A", "2016-02-28")) == (200, 300)
    assert ledger.base("R", "2016-02-28") == 0


def test_a_full_payment_leaves_nothing_in_base_currency():
    """frappe/erpnext#8477: 40 USD at 64.43, all paid at 63: 57.20 INR were never cleared though no USD were open."""
    ledger = Ledger(
        Settings("INR"),
        document("A", 40, "2017-04-17", currency="USD", rate="64.43"),
        receipt("R", 40, "2017-07-01", currency="USD", rate="63"),
        allocation("L", "R", "A", 40, "2017-07-01"),
    )
    assert ledger.balances("2017-07-01") == {}
    assert (ledger.base("A", "2017-07-01"), ledger.base("R", "2017-07-01")) == (0, 0)
    assert sum(m.base_amount for m in ledger.movements if m.cause_id == "L") == Decimal("-57.20")


def test_what_is_not_due_has_a_column_of_its_own(tables):
    """frappe/erpnext#51596: an item due after 30 December was outstanding and in no bucket. Amounts are ours."""
    ledger = Ledger(
        MXN, document("A", 70, "2025-12-01", due="2026-01-15"), document("B", 30, "2025-11-01", due="2025-12-20")
    )
    assert buckets(tables, ledger, "2025-12-30") == {"not_due": 70, "d1_30": 30, "total": 100}


def test_a_part_paid_is_counted_once_however_much_else_the_payment_paid():
    """OCA/account-financial-reporting#829: 80 of 100 left; a join counted the 20 again with each other match."""
    rows = [document("JE1", 100, "2021-11-01"), receipt("JE2", 60, "2021-11-05")]
    rows += [document(key, 20, "2021-11-02") for key in ("X", "Y")]
    rows += [allocation(key, "JE2", key, 20, "2021-11-05") for key in ("JE1", "X", "Y")]
    assert Ledger(MXN, *rows).balances("2021-11-30") == {("JE1", 1): 80}


def test_an_advance_without_a_due_date_is_in_the_total_and_in_a_column(tables):
    """frappe/erpnext#28748: by due date, advances were in the outstanding sum and in no age. Amounts are ours."""
    ledger = Ledger(MXN, document("A", 100, "2021-11-01", due="2021-11-10"), receipt("R", 40, "2021-11-20"))
    assert buckets(tables, ledger, "2021-12-06") == {"d1_30": 100, "unapplied": -40, "total": 60}
    assert buckets(tables, ledger, "2021-12-06", unapplied="own_date") == {"d1_30": 60, "total": 60}


def test_a_payment_cleared_weeks_later_counts_from_the_invoice_unless_the_source_says_otherwise():
    """frappe/erpnext#44118: paid on 20 September, invoiced on 5 October, cleared on 13 November; which day counts?

    The later posting date, since from then on nothing was owed; a source that means a day of its own says so.
    """
    rows = [receipt("R", 100, "2024-09-20"), document("A", 100, "2024-10-05")]
    keyed = Ledger(MXN, *rows, allocation("L", "R", "A", 100, "2024-11-13", keyed="2024-11-13"))
    assert keyed.balances("2024-10-04") == {("R", None): -100}
    assert keyed.balances("2024-10-05") == {}
    stated = Ledger(MXN, *rows, allocation("L", "R", "A", 100, "2024-11-13", effective="2024-11-13"))
    assert stated.balances("2024-11-12") == {("R", None): -100, ("A", 1): 100}
    assert stated.balances("2024-11-13") == {}


def test_a_returned_cheque_that_is_redeposited_leaves_its_whole_history(tables):
    """frappe/erpnext#8659: a returned cheque could only be cancelled, which also undid the bank's own history.

    Here the receipt stays, the invoice is open between return and redeposit, as old as it is. Amounts are ours.
    """
    ledger = Ledger(
        MXN,
        document("A", 500, "2017-03-01", due="2017-03-31"),
        receipt("R", 500, "2017-04-05"),
        allocation("L", "R", "A", 500, "2017-04-05"),
        event("R", "bounced", "2017-04-12"),
        receipt("AGAIN", 500, "2017-05-02"),
        allocation("M", "AGAIN", "A", 500, "2017-05-02"),
    )
    assert buckets(tables, ledger, "2017-04-11") == {}
    assert buckets(tables, ledger, "2017-05-01") == {"d31_60": 500, "total": 500}
    assert buckets(tables, ledger, "2017-05-02") == {}
    told = [(m.movement_type, m.amount) for m in ledger.movements if m.item_id == "R"]
    bounced = [("receipt_event", -500), ("receipt_event", 500)]
    assert sorted(told) == [("allocation", 500), ("receipt", -500), *bounced]
    back = [m for m in ledger.movements if m.item_id == "A" and m.movement_type == "receipt_event"]
    assert [(str(m.effective_date), m.amount) for m in back] == [("2017-04-12", 500)]


def test_a_fraction_of_a_cent_cannot_keep_an_invoice_open(tmp_path):
    """akaunting/akaunting#367: 95 boxes at 26.0347 came to 2473.2965, shown as 2473.30; that much was no full payment.

    Here an amount finer than its currency does not come in; what does come in is what is paid.
    """
    header = "document_id,document_type,party_id,legal_entity,document_date,currency,amount\n"
    (tmp_path / "documents.csv").write_text(
        f"{header}A,invoice,P1,US,2018-05-30,USD,2473.2965\nB,invoice,P1,US,2018-05-30,USD,2473.30\n", encoding="utf-8"
    )
    found = read(tmp_path)
    assert [r["document_id"] for r in found.rows["documents"]] == ["B"]
    assert "2473.2965" in found.rejects[0].reason
    amount = str(found.rows["documents"][0]["amount"])
    paid = Ledger(
        Settings("USD"),
        document("B", amount, "2018-05-30", currency="USD"),
        receipt("R", "2473.30", "2018-06-01", currency="USD"),
        allocation("L", "R", "B", "2473.30", "2018-06-01"),
    )
    assert paid.balances("2018-06-30") == {}


@pytest.mark.parametrize(("base", "rate"), [("GBP", "0.7891"), ("KWD", "0.30712"), ("JPY", "151.337")])
def test_exchange_leaves_no_fraction_open(base, rate):
    """ledgersmb/LedgerSMB#1298: after exchange differences, fractions of pennies were outstanding. Amounts are ours."""
    rows = [document("A", "100.01", "2016-01-05", currency="USD", rate=rate)]
    rows += [
        receipt(f"R{n}", part, "2016-02-05", currency="USD", rate=rate) for n, part in enumerate(("33.33", "66.68"))
    ]
    rows += [allocation(f"L{n}", f"R{n}", "A", part, "2016-02-05") for n, part in enumerate(("33.33", "66.68"))]
    ledger = Ledger(Settings(base), *rows)
    assert ledger.balances("2016-02-06") == {}
    step = {"GBP": Decimal("0.01"), "KWD": Decimal("0.001"), "JPY": Decimal(1)}[base]
    assert all(m.base_amount % step == 0 for m in ledger.movements)
    assert abs(ledger.base("A", "2016-02-06")) <= step
