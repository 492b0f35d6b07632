"""The worked examples of the ledger's rules, and the acceptance case of aging, line by line."""

from __future__ import annotations

from decimal import Decimal

from otc_pipelines.posting import LegalEntity, Settings
from tests.reference.asking import Ledger
from tests.reference.rows import adjustment, allocation, document, event, installment, receipt

MXN = Settings("MXN", {"MX": LegalEntity("MXN", "1200")})


def test_usd_receipt_on_usd_invoice_leaves_the_difference_of_rates_outside_receivables():
    ledger = Ledger(
        MXN,
        document("A", 5000, "03-01", due="03-31", currency="USD", rate="16"),
        receipt("R", 10000, "04-10", currency="USD", rate="15"),
        allocation("L", "R", "A", 5000, "04-10"),
    )
    assert ledger.open("A", "04-30") == 0
    assert ledger.base("A", "04-30") == 0
    assert ledger.open("R", "04-30") == -5000
    assert ledger.base("R", "04-30") == Decimal("-75000.00")
    invoice_side = sum(m.base_amount for m in ledger.movements if m.cause_id == "L" and m.item_id == "A")
    receipt_side = sum(m.base_amount for m in ledger.movements if m.cause_id == "L" and m.item_id == "R")
    assert invoice_side + receipt_side == -5000  # realised on the allocation's day


def test_an_allocation_counts_from_the_receipt_not_from_the_day_it_was_keyed():
    ledger = Ledger(
        MXN,
        document("A", 1000, "04-01", due="04-30"),
        receipt("R", 1000, "06-30"),
        allocation("L", "R", "A", 1000, "07-05", keyed="07-05"),
    )
    assert ledger.balances("06-30") == {}
    assert ledger.balances("06-30", known="06-30T23:59") == {("A", 1): 1000, ("R", None): -1000}


def test_undoing_one_application_of_a_credit_memo_leaves_the_other():
    ledger = Ledger(
        MXN,
        document("A", 5, "01-01"),
        document("B", 5, "01-01"),
        document("C", 100, "01-10", kind="credit_memo"),
        allocation("1", "C", "A", 5, "01-11", kind="credit_memo", effective="01-11"),
        allocation("2", "C", "B", 5, "01-11", kind="credit_memo", effective="01-11"),
        allocation("3", "C", "B", -5, "01-20", kind="credit_memo", reverses="2"),
    )
    assert ledger.balances("01-15") == {("C", None): -90}
    assert ledger.balances("01-31") == {("B", 1): 5, ("C", None): -95}


def test_a_bounced_receipt_gives_the_invoice_back_with_its_due_date():
    ledger = Ledger(
        MXN,
        document("A", 100, "01-01", due="01-31"),
        receipt("R", 100, "02-05"),
        allocation("L", "R", "A", 100, "02-05"),
        event("R", "bounced", "02-12"),
    )
    assert ledger.balances("02-10") == {}
    assert ledger.balances("02-15") == {("A", 1): 100}
    assert ledger.due("A", "02-15") == {"2026-01-31"}
    assert any(m.item_id == "R" for m in ledger.movements)


def test_a_tombstone_leaves_what_was_known_before():
    ledger = Ledger(
        MXN,
        document("A", 500, "01-02", recorded="01-02"),
        document("A", 500, "01-02", recorded="02-01", deleted=True),
    )
    assert ledger.balances("01-31") == {}
    assert ledger.balances("01-31", known="01-31T23:59") == {("A", 1): 500}


def test_a_credit_without_an_instalment_fills_the_oldest_due_first():
    ledger = Ledger(
        MXN,
        document("A", 1000, "01-01"),
        installment("A", 1, "01-15", 500),
        installment("A", 2, "01-31", 500),
        document("C", 200, "01-22", kind="credit_memo"),
        allocation("L", "C", "A", 200, "01-22", kind="credit_memo"),
    )
    assert ledger.balances("01-25") == {("A", 1): 300, ("A", 2): 500}


def test_aging_basics():
    usd = Settings("USD", {"US": LegalEntity("USD")})
    us = {"entity": "US", "currency": "USD"}
    rows = [
        document("A1", 100, "01-05", due="02-04", **us),
        document("A2", 40, "01-01", due="01-31", **us),
        document("A3", 7, "2025-12-01", due="2025-12-31", **us),
        document("A4", 3, "2025-12-20", **us),
        document("A5", 999, "01-10", due="01-11", status="draft", **us),
        document("A6", 888, "01-10", due="01-11", kind="pro_forma", **us),
        document("B1", 1000, "01-01", due="01-31", rate="1.10", entity="US", currency="EUR"),
        document("C1", 500, "01-02", due="01-03", **us),
        installment("B1", 1, "01-15", 500),
        installment("B1", 2, "02-15", 500),
        receipt("R1", 120, "01-20", rate="1.10", entity="US", currency="EUR"),
        allocation("L1", "R1", "B1", 100, "01-20", no=1, keyed="01-20"),
    ]
    first = Ledger(usd, *rows)
    assert first.balances("01-31") == {
        ("A1", 1): 100, ("A2", 1): 40, ("A3", 1): 7, ("A4", 1): 3, ("B1", 1): 400, ("B1", 2): 500, ("C1", 1): 500,
        ("R1", None): -20,
    }  # fmt: skip
    assert first.due("A4", "01-31") == {"2025-12-20"}
    assert sum(first.base(i, "01-31") for i in ("B1", "R1")) == Decimal("968.00")
    deleted = document("C1", 500, "01-02", recorded="02-01", loaded="2030-02-01", deleted=True, **us)
    later = Ledger(usd, *rows, deleted)
    assert ("C1", 1) not in later.balances("01-31")
    assert later.balances("01-31", known="01-31T23:59")["C1", 1] == 500
    assert later.balances("01-31", loaded="2030-01-15")["C1", 1] == 500
    assert not first.findings and not later.findings


def test_an_adjustment_is_the_movement_itself():
    ledger = Ledger(MXN, document("A", 100, "01-01"), adjustment("W", "A", 30, "01-20"))
    assert ledger.balances("01-19") == {("A", 1): 100}
    assert ledger.balances("01-20") == {("A", 1): 70}
