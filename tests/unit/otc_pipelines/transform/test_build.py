"""The project over a small warehouse: versions, links, candidates, marts and outbound together, and its unit tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from otc_pipelines.transform import CONFORM, MARTS, TransformError, project_dir
from tests.unit.otc_pipelines.transform.house import NOON, TODAY, House, insert


def movement(item: str, amount: str, party: str = "P1", **other: object) -> dict[str, object]:
    return {
        "movement_id": f"{item}/{amount}",
        "source_system": "erp",
        "legal_entity": "US",
        "party_id": party,
        "item_type": "installment",
        "item_id": item,
        "installment_no": 1,
        "document_type": "invoice",
        "document_date": date(2026, 1, 5),
        "due_date": date(2026, 1, 20),
        "movement_type": "document",
        "cause_entity": "documents",
        "cause_id": item,
        "effective_date": date(2026, 1, 5),
        "recorded_at": NOON,
        "loaded_at": NOON,
        "amount": Decimal(amount),
        "currency": "EUR",
        "base_amount": Decimal(amount),
        "base_currency": "EUR",
        "gl_account": "1200",
        "posted_in_load": "run",
    } | other


def fill(house: House) -> None:
    invoice = {"document_type": "invoice", "legal_entity": "US", "document_date": date(2026, 1, 5), "currency": "EUR"}
    house.land(
        "files",
        "parties",
        "erp",
        {"key": "P1", "party_id": "P1", "person": "p1", "parent_party_id": "P2"},
        {"key": "P2", "party_id": "P2", "person": "p2"},
    )
    house.name_persons(
        "files", "parties", "erp", {"person": "p1", "name": "Alder Works"}, {"person": "p2", "name": "Birch"}
    )
    house.land("files", "party_bank_accounts", "erp", {"key": "P2|x", "party_id": "P2", "iban_or_account": "FR76 1"})
    house.land(
        "files",
        "orders",
        "erp",
        {"key": "O1", "order_id": "O1", "party_id": "P1", "currency": "EUR", "amount": Decimal(100), "status": "open"},
    )
    house.land(
        "files",
        "documents",
        "erp",
        {"key": "A1", "document_id": "A1", "party_id": "P1", "amount": Decimal(90), **invoice},
        {"key": "A1", "document_id": "A1", "party_id": "P1", "amount": Decimal(100), "order_id": "O1", **invoice,
         "reference": "INV-7001", "at": NOON + timedelta(days=1)},
        {"key": "A2", "document_id": "A2", "party_id": "P2", "amount": Decimal(50), **invoice},
        {"key": "A3", "document_id": "A3", "party_id": "P1", "amount": Decimal(7), **invoice},
        {"key": "A3", "document_id": "A3", "deleted": True, "at": NOON + timedelta(days=1)},
    )  # fmt: skip
    receipt = {"legal_entity": "US", "receipt_date": date(2026, 1, 10), "currency": "EUR", "party_id": "P1"}
    house.land("files", "receipts", "erp", {"key": "R1", "receipt_id": "R1", "amount": Decimal(20), **receipt})
    house.land(
        "files",
        "gl_balances",
        "erp",
        {
            "key": "b",
            "legal_entity": "US",
            "gl_account": "1200",
            "currency": "EUR",
            "date": TODAY,
            "balance": Decimal(130),
        },
    )
    line = {"statement_id": "S", "account": "DE89 3704", "entry_no": 1, "currency": "EUR", "status": "booked"}
    line |= {"booking_date": date(2026, 1, 10), "value_date": date(2026, 1, 10)}
    house.land(
        "bank_files",
        "bank_lines",
        "bank",
        {"key": "L1", "bank_line_id": "L1", "amount": Decimal(100), "person": "l1", **line},
        {"key": "L2", "bank_line_id": "L2", "amount": Decimal(50), "person": "l2", **line},
        {"key": "L3", "bank_line_id": "L3", "amount": Decimal(20), "person": "l3", **line},
        {"key": "L4", "bank_line_id": "L4", "amount": Decimal(-5), "person": "l4", **line},
    )
    house.name_persons(
        "bank_files",
        "bank_lines",
        "bank",
        {"person": "l1", "remittance_text": "pays inv 7001"},
        {"person": "l2", "counterparty_account": "fr761"},
    )
    house.land(
        "salesforce", "accounts", "crm", {"key": "1", "id": "1", "customer_key": "erp:P1"}, {"key": "2", "id": "2"}
    )
    house.land("salesforce", "orders", "crm", {"key": "8", "id": "8", "order_key": "erp:O1"})
    decision = {
        "decision_id": "d1", "run_id": "run", "decided_at": NOON, "bank_source": "bank", "bank_line_id": "L1",
        "document_source": "erp", "document_id": "A1", "installment_no": 1, "amount": Decimal(100), "currency": "EUR",
        "value_date": date(2026, 1, 10), "rule": "reference_exact", "score": Decimal(1), "outcome": "applied",
        "reason": "names it", "actor": "test",
    }  # fmt: skip
    with house.warehouse.transaction() as tx:
        insert(tx, "ops.bank_account", {"account": "DE893704", "legal_entity": "US"})
        insert(tx, "ops.legal_entity", {"legal_entity": "US", "base_currency": "EUR", "ar_account": "1200"})
        insert(tx, "ops.ar_movement", movement("A1", "100"))
        insert(tx, "ops.ar_movement", movement("A2", "50", "P2"))
        receipt_item = {"item_type": "receipt", "installment_no": None, "due_date": None, "movement_type": "receipt"}
        insert(tx, "ops.ar_movement", movement("R1", "-20", **receipt_item, document_type="receipt"))
        insert(tx, "ops.match_decision", decision)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), project_dir())
    fill(made)
    for part in (CONFORM, MARTS):
        report = made.build(*part)
        assert report.ok, report.summary
    yield made


def test_the_last_version_counts_and_a_tombstone_does_not(house: House) -> None:
    assert house.rows("select document_id, amount, reference from conformed.int_documents__current order by 1") == [
        {"document_id": "A1", "amount": Decimal(100), "reference": "INV-7001"},
        {"document_id": "A2", "amount": Decimal(50), "reference": None},
    ]
    assert house.rows("select count(*) as n from conformed.int_documents__unioned") == [{"n": 5}]


def test_a_line_is_linked_to_its_receipt_and_its_payer(house: House) -> None:
    rows = house.rows(
        """select bank_line_id, legal_entity, party_key, posted_receipt_id, posted_candidates, posted_how
        from conformed.int_bank_credits order by 1"""
    )
    assert [tuple(r.values()) for r in rows] == [
        ("L1", "US", None, None, 0, None),
        ("L2", "US", "erp:P2", None, 0, None),
        ("L3", "US", None, "R1", 1, "amount"),
    ]


def test_candidates_say_why(house: House) -> None:
    rows = house.rows(
        "select bank_line_id, document_id, kind, evidence from conformed.int_match_candidates order by 1, 2, 3"
    )
    assert [tuple(r.values()) for r in rows] == [
        ("L1", "A1", "text_token", "INV7001"),
        ("L2", "A2", "payer_account_amount", "account of erp:P2"),
    ]


def test_the_ledger_is_the_posted_movements_and_what_is_pending(house: House) -> None:
    rows = house.rows("select item_id, amount, posting_state from marts.fct_ar_ledger order by posting_state desc, 1")
    assert [tuple(r.values()) for r in rows] == [
        ("A1", Decimal(100), "posted"),
        ("A2", Decimal(50), "posted"),
        ("R1", Decimal(-20), "posted"),
        ("A1", Decimal(-100), "pending"),
    ]


def test_aging_ties_out_and_groups_by_the_top_of_the_hierarchy(house: House) -> None:
    assert house.rows("select party_name, d1_30, unapplied, total from marts.fct_ar_aging order by 1") == [
        {"party_name": "Alder Works", "d1_30": Decimal(100), "unapplied": Decimal(-20), "total": Decimal(80)},
        {"party_name": "Birch", "d1_30": Decimal(50), "unapplied": Decimal(0), "total": Decimal(50)},
    ]
    assert house.rows("select status, difference from marts.fct_tie_out") == [
        {"status": "tied", "difference": Decimal(0)}
    ]
    assert house.rows("select party_id, top_party_id from marts.dim_party order by 1") == [
        {"party_id": "P1", "top_party_id": "P2"},
        {"party_id": "P2", "top_party_id": "P2"},
    ]


def test_outbound_is_exactly_what_targets_know(house: House) -> None:
    assert house.rows("select * from outbound.sync_salesforce__account_ar_status") == [
        {
            "target_source": "crm",
            "target_key": "erp:P1",
            "open_amount": Decimal(100),
            "past_due_amount": Decimal(100),
            "oldest_days_late": 11,
            "on_hold": False,
            "as_of": TODAY,
            "currency": "EUR",
        }
    ]
    (order,) = house.rows(
        "select target_key, payment_status, paid_amount from outbound.sync_salesforce__order_payment_status"
    )
    assert order == {"target_key": "erp:O1", "payment_status": "unpaid", "paid_amount": Decimal(0)}


def test_marts_hold_no_account_number(house: House) -> None:
    found = house.rows("select * from marts.fct_bank_lines")
    assert {r["account_ending"] for r in found} == {"…3704"}
    assert not [v for r in found for v in r.values() if isinstance(v, str) and "DE89" in v]


def test_nothing_is_left_open(house: House) -> None:
    with duckdb.connect(
        str(house.warehouse.path), config={"threads": 1}
    ) as other:  # another configuration: refused if open
        assert other.execute("select count(*) from marts.dim_party").fetchone() == (2,)


@pytest.mark.slow
def test_unit_tests_of_the_project(house: House) -> None:
    report = house.build("test_type:unit", command="test", unit_tests=True)
    assert report.results
    assert report.ok, report.summary


def test_a_broken_row_fails_its_shape_test_and_names_it(house: House) -> None:
    with house.warehouse.transaction() as tx:
        insert(tx, "ops.ar_movement", movement("A9", "1") | {"item_type": "parcel"})
    try:
        report = house.build("fct_ar_ledger")
    finally:
        with house.warehouse.transaction() as tx:
            tx.execute("delete from ops.ar_movement where item_type = 'parcel'")
    assert not report.ok
    assert [f.tested for f in report.failures] == [("fct_ar_ledger",)]
    assert "accepted_values_fct_ar_ledger_item_type" in report.summary
    assert "\n" not in report.summary


def test_a_project_that_does_not_parse_is_one_line(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(project_dir(), project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models" / "marts" / "broken.sql").write_text("select {{ ref('nowhere') }}")
    with pytest.raises(TransformError, match="nowhere") as caught:
        House(tmp_path, project, ()).build(*CONFORM)
    assert "\n" not in str(caught.value)
