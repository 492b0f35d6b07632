"""Allocations that state what both sides are booked at, and receipts that state their account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otc_pipelines.posting import Settings
from tests.reference.asking import Ledger
from tests.reference.rows import allocation, document, installment, receipt

MXN = Settings("MXN")


def booked(key, source, document_id, amount, recorded, base, **more):
    return allocation(key, source, document_id, amount, recorded, **more)._replace(base_amount=Decimal(base))


def invoice(**more):
    return document("A", 100, "01-01", currency="USD", rate="16", **more)


def paid():
    return receipt("R", 50, "01-10", currency="USD", rate="17")


def test_without_a_base_amount_the_difference_is_realised_at_once():
    ledger = Ledger(MXN, invoice(), paid(), allocation("L", "R", "A", 50, "01-10"))
    assert (ledger.base("A", "01-31"), ledger.base("R", "01-31")) == (800, 0)


def test_with_one_both_sides_move_by_it():
    ledger = Ledger(MXN, invoice(), paid(), booked("L", "R", "A", 50, "01-10", "850"))
    assert ledger.balances("01-31") == {("A", 1): 50}
    assert (ledger.base("A", "01-31"), ledger.base("R", "01-31")) == (750, 0)


@pytest.mark.parametrize("base", ["850", "850.01", "849.97"])
def test_pieces_sum_to_what_was_stated_and_come_back_whole(base):
    rows = [invoice(), *(installment("A", n, f"0{n}-15", a) for n, a in ((1, "16.67"), (2, "16.66"), (3, "66.67")))]
    rows += [paid(), booked("L", "R", "A", 50, "01-10", base)]
    ledger = Ledger(MXN, *rows)
    assert ledger.base("A", "01-31") == 1600 - Decimal(base)
    undone = Ledger(MXN, *rows, allocation("U", "R", "A", -50, "02-01", reverses="L", effective="02-01"))
    assert undone.base("A", "01-31") == 1600 - Decimal(base)
    assert (undone.base("A", "02-28"), undone.base("R", "02-28")) == (1600, -850)
    assert all(sum(m.base_amount for m in undone.seen("02-28") if m.installment_no == n) > 0 for n in (1, 2, 3))


def test_what_is_undone_in_parts_is_undone_to_the_cent():
    rows = [invoice(), paid(), booked("L", "R", "A", 50, "01-10", "850.01")]
    rows += [
        allocation(f"U{n}", "R", "A", -part, "02-01", reverses="L", effective="02-01")
        for n, part in enumerate((Decimal("16.67"), Decimal("16.67"), Decimal("16.66")))
    ]
    ledger = Ledger(MXN, *rows)
    assert ledger.balances("02-28") == {("A", 1): 100, ("R", None): -50}
    assert (ledger.base("A", "02-28"), ledger.base("R", "02-28")) == (1600, -850)


def test_a_receipt_is_on_its_own_account_or_on_the_entity_s():
    own = Ledger(MXN, paid()._replace(gl_account="1.2.1"))
    assert {m.gl_account for m in own.movements} == {"1.2.1"}
    assert {m.gl_account for m in Ledger(MXN, paid()).movements} == {None}
