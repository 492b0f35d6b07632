"""Gates over marts: what ties out passes, any one wrong row stops what it guards, what cannot be run has failed."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from otc_pipelines.audit import verify
from otc_pipelines.gate import GateReport, GuardedBatch, Suite, docs_path, load_suites, run_gates
from otc_pipelines.gate.suites import Expectation
from otc_pipelines.reverse_sync import guard
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.buffered_dialect import BufferedContext
from tests.unit.otc_pipelines.gate.books import ACCOUNTS, NOTES, ORDERS, RECEIPTS, books

BOTH = (ACCOUNTS, ORDERS)
TO_THE_ERP = (RECEIPTS, NOTES)
EVERY = (*BOTH, *TO_THE_ERP)
pytestmark = pytest.mark.slow


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return books(tmp_path)


def failed(report: GateReport) -> set[str]:
    return {s.suite for s in report.suites if not s.passed}


def may_leave(report: GateReport) -> dict[str, bool]:
    return {b.batch.object_name: b.passed for b in report.batches}


def change(warehouse: Warehouse, sql: str) -> None:
    with warehouse.transaction() as tx:
        tx.execute(sql)


def test_books_that_tie_out_pass_and_the_verdict_is_for_exactly_the_batch(warehouse: Warehouse) -> None:
    report = run_gates(warehouse, EVERY, "r1", "ann")
    assert report.ok, [(s.suite, s.message) for s in report.suites if not s.passed]
    assert failed(report) == set()
    assert {s.suite for s in report.suites} == {s.table for s in load_suites()}
    with warehouse.reading() as tx:
        for batch in EVERY:
            assert guard.refusal(tx, batch.target, batch.object_name, batch.batch_hash) == ""
            assert guard.refusal(tx, batch.target, batch.object_name, batch.batch_hash) == ""
            assert guard.refusal(tx, batch.target, batch.object_name, "c" * 64)
            assert guard.refusal(tx, "other", batch.object_name, batch.batch_hash)
            assert guard.refusal(tx, "other", batch.object_name, batch.batch_hash)
        stored = tx.scalar("select count(*) from ops.gate_verdict")
    assert stored == len(report.suites) + len(EVERY)
    assert verify(warehouse).ok
    run_gates(warehouse, EVERY, "r2", "ann")  # word for word the same: nothing is written
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.gate_verdict") == stored


CORRUPTIONS = [
    ("update marts.fct_ar_ledger set amount = amount + 0.01 where movement_id = 'm2'", "fct_ar_ledger"),
    ("update marts.fct_ar_ledger set due_date = due_date + 60 where movement_id = 'm1'", "fct_ar_ledger"),
    ("delete from marts.fct_ar_ledger where movement_id = 'm5'", "fct_ar_ledger"),
    ("insert into marts.fct_ar_ledger select * from marts.fct_ar_ledger where movement_id = 'm3'", "fct_ar_ledger"),
    ("update marts.fct_open_items set open_amount = 71 where item_id = 'D1'", "fct_open_items"),
    ("delete from marts.fct_open_items where item_id = 'D2'", "fct_open_items"),
    ("update marts.fct_ar_aging set not_due = not_due + 1", "fct_ar_aging"),
    ("update marts.fct_ar_aging set not_due = not_due + 1, total = total + 1", "fct_ar_aging"),
    ("update marts.fct_receipts set unapplied_amount = 11", "fct_receipts"),
    ("update marts.fct_receipts set amount = 41, applied_amount = 31", "fct_receipts"),
    ("update marts.fct_receipts set applied_amount = 25, reversed_amount = 5", "fct_receipts"),
    ("update marts.fct_ar_aging set party_id = 'P2'", "fct_ar_aging"),
    ("update marts.fct_roll_forward set residual = 1, closing = 111", "fct_roll_forward"),
    ("update marts.fct_roll_forward set billed = 151, closing = 111", "fct_roll_forward"),
    ("update marts.fct_roll_forward set base_residual = 1, base_closing = 111", "fct_roll_forward"),
    ("update marts.fct_roll_forward set base_fx = 1", "fct_roll_forward"),
    ("update marts.fct_roll_forward set base_fx = 1, base_closing = 111", "fct_fx_realised"),
    ("update marts.fct_fx_realised set realised_fx = 1", "fct_fx_realised"),
    ("update marts.fct_fx_realised set realised_fx = 1, source_base_amount = 31", "fct_fx_realised"),
    ("update marts.fct_fx_realised set realised_fx = null", "fct_fx_realised"),
    ("update marts.fct_fx_realised set document_amount = -29", "fct_fx_realised"),
    ("insert into marts.fct_fx_realised select * from marts.fct_fx_realised", "fct_fx_realised"),
    ("update marts.fct_ar_ledger set exchange_id = 'x2' where movement_id = 'm5'", "fct_ar_ledger"),
    ("update marts.fct_documents set open_amount = 0 where document_id = 'D2'", "fct_documents"),
    ("update marts.fct_match_decisions set amount = 50.01", "fct_match_decisions"),
    ("update marts.fct_tie_out set ledger_balance = 111, difference = 1, status = 'difference'", "fct_tie_out"),
    ("update marts.fct_tie_out set control_balance = 109", "fct_tie_out"),
    ("update marts.fct_tie_out set base_ledger_balance = 111, base_difference = 1", "fct_tie_out"),
    ("update marts.fct_source_totals set rows_here = 1, status = 'difference'", "fct_source_totals"),
    ("update marts.fct_source_totals set amount_here = 149.99", "fct_source_totals"),
    ("update marts.fct_source_totals set rows_there = null", "fct_source_totals"),
    ("update marts.fct_source_totals set status = 'not checked'", "fct_source_totals"),
    ("update marts.fct_tie_out set status = 'no account', control_balance = null, difference = null", "fct_tie_out"),
]


@pytest.mark.parametrize(("sql", "suite"), CORRUPTIONS)
def test_one_wrong_row_of_a_mart_stops_every_batch(warehouse: Warehouse, sql: str, suite: str) -> None:
    change(warehouse, sql)
    judging = [s for s in load_suites() if s.table == suite or s.outbound]  # the others would take their time
    report = run_gates(warehouse, BOTH, "r", "ann", judging)
    assert suite in failed(report)
    assert may_leave(report) == {"account_ar_status": False, "order_payment_status": False}
    with warehouse.reading() as tx:
        assert guard.refusal(tx, "crm", ACCOUNTS.object_name, ACCOUNTS.batch_hash)
        refused = guard.refusal(tx, "crm", ACCOUNTS.object_name, ACCOUNTS.batch_hash)
    assert suite in refused and "data_docs/index.html" in refused


@pytest.mark.parametrize(
    "sql",
    [
        "update outbound.sync_salesforce__account_ar_status set open_amount = open_amount + 0.01",
        "update outbound.sync_salesforce__account_ar_status set on_hold = true",
        "update outbound.sync_salesforce__account_ar_status set target_key = null",
        "insert into outbound.sync_salesforce__account_ar_status"
        " select * from outbound.sync_salesforce__account_ar_status",
        "alter table outbound.sync_salesforce__account_ar_status add column email text",
        "update marts.fct_party_ar_status set open_amount = 121;"
        "update outbound.sync_salesforce__account_ar_status set open_amount = 121",
    ],
)
def test_one_wrong_outbound_row_stops_its_own_batch_only(warehouse: Warehouse, sql: str) -> None:
    change(warehouse, sql)
    report = run_gates(warehouse, BOTH, "r", "ann", [s for s in load_suites() if s.outbound])
    assert failed(report) == {"sync_salesforce__account_ar_status"}
    assert may_leave(report) == {"account_ar_status": False, "order_payment_status": True}


def test_rows_of_another_source_are_not_judged_with_the_batch(warehouse: Warehouse) -> None:
    change(
        warehouse,
        "insert into outbound.sync_salesforce__account_ar_status"
        " select 'other', null, open_amount, past_due_amount, oldest_days_late, on_hold, as_of, currency"
        " from marts.fct_party_ar_status",
    )
    assert run_gates(warehouse, BOTH, "r", "ann").ok


_SENT = "update outbound.sync_tryton__receipt set"
_NOTED = "update outbound.sync_tryton__party_ar_status set"


@pytest.mark.parametrize(
    "sql",
    [
        f"{_SENT} amount = amount + 0.01",
        f"{_SENT} allocations = 'D1:50.0000'",
        f"{_SENT} value_date = value_date + 1",
        f"{_SENT} party_id = null",
        f"{_SENT} target_key = 'B2'",
        "insert into outbound.sync_tryton__receipt select * from outbound.sync_tryton__receipt",
        "alter table outbound.sync_tryton__receipt add column iban text",
        "update marts.fct_pending_receipts set left_out_because = 'it pays documents of several sources'",
        "update marts.fct_pending_receipts set applied_amount = 60",
        "update marts.fct_bank_lines set bank_status = 'pending'",
        "update marts.fct_match_decisions set outcome = 'proposed'",
        "update marts.fct_receipts set bank_line_id = 'B1'",
    ],
)
def test_a_receipt_that_is_not_what_was_matched_is_not_posted(warehouse: Warehouse, sql: str) -> None:
    change(warehouse, sql)
    report = run_gates(warehouse, TO_THE_ERP, "r", "ann", [s for s in load_suites() if s.outbound])
    assert "sync_tryton__receipt" in failed(report)
    assert not may_leave(report)["receipt"]


@pytest.mark.parametrize("field", ["open_amount = open_amount + 1", "on_hold = not on_hold", "currency = null"])
def test_a_note_that_says_something_else_than_the_mart_is_not_left(warehouse: Warehouse, field: str) -> None:
    change(warehouse, f"{_NOTED} {field}")
    report = run_gates(warehouse, TO_THE_ERP, "r", "ann", [s for s in load_suites() if s.outbound])
    assert failed(report) == {"sync_tryton__party_ar_status"}
    assert may_leave(report) == {"receipt": True, "party_ar_status": False}


def test_no_control_balances_is_not_checked_with_a_note_and_passes(warehouse: Warehouse) -> None:
    change(
        warehouse,
        "update marts.fct_tie_out set control_balance = null, difference = null, status = 'not checked'",
    )
    report = run_gates(warehouse, (), "r", "ann")
    assert report.ok
    (tie_out,) = [s for s in report.suites if s.suite == "fct_tie_out"]
    assert tie_out.notes == ("not checked, no control balances: 1",)


def test_a_suite_that_only_warns_stops_nothing(warehouse: Warehouse) -> None:
    change(
        warehouse, "insert into marts.fct_outbound_exceptions values ('salesforce_main', 'o', 'k', 'no such customer')"
    )
    report = run_gates(warehouse, BOTH, "r", "ann")
    assert failed(report) == {"fct_outbound_exceptions"}
    assert report.ok and all(may_leave(report).values())


@pytest.mark.parametrize(
    "sql",
    [
        "drop table marts.fct_receipts",
        "alter table marts.fct_receipts drop column applied_amount",
        "drop table marts.fct_ar_aging",
    ],
)
def test_what_cannot_be_checked_has_failed(warehouse: Warehouse, sql: str) -> None:
    change(warehouse, sql)
    report = run_gates(warehouse, BOTH, "r", "ann")
    assert not report.ok
    assert not any(may_leave(report).values())


def test_a_library_that_breaks_is_no_pass(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, about its own dependencies
        import great_expectations as gx

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no context")

    monkeypatch.setattr(gx, "get_context", broken)
    report = run_gates(warehouse, EVERY, "r", "ann")
    assert failed(report) == {s.table for s in load_suites()}
    assert not any(may_leave(report).values())
    with warehouse.reading() as tx:
        assert guard.refusal(tx, "crm", ACCOUNTS.object_name, ACCOUNTS.batch_hash)


def test_a_batch_that_no_suite_of_its_own_guards_does_not_leave(warehouse: Warehouse) -> None:
    stranger = replace(ACCOUNTS, object_name="other", table="sync_salesforce__other")
    assert may_leave(run_gates(warehouse, [stranger], "r", "ann")) == {"other": False}


def test_a_later_verdict_replaces_an_earlier_one(warehouse: Warehouse) -> None:
    run_gates(warehouse, BOTH, "r1", "ann")
    change(warehouse, "update marts.fct_tie_out set ledger_balance = 111, difference = 1, status = 'difference'")
    run_gates(warehouse, BOTH, "r2", "ann")
    with warehouse.reading() as tx:
        assert guard.refusal(tx, "crm", ACCOUNTS.object_name, ACCOUNTS.batch_hash)


def test_the_pages_need_nobody_elses_server(warehouse: Warehouse) -> None:
    change(warehouse, "update marts.fct_receipts set unapplied_amount = 11")
    report = run_gates(warehouse, BOTH, "r", "ann")
    folder = docs_path(warehouse)
    pages = list(folder.rglob("*.html"))
    assert len(pages) > len(report.suites)
    for page in pages:
        text = page.read_text()
        assert not re.search(r"""(?:src|<link[^>]*href)\s*=\s*["']?(?:https?:)?//""", text), page
        for reference in re.findall(r"""(?:src|href)="([^"#:]+)(?:#[^"]*)?\"""", text):
            assert (page.parent / reference).resolve().exists(), (page, reference)
    index = (folder / "index.html").read_text()
    for suite in report.suites:
        assert suite.page and suite.page in index
        assert (folder / suite.page).exists()
    assert "Applied, unapplied, refunded and reversed add up to the receipt." in index
    assert not list(folder.parent.glob("data_docs.*"))


@pytest.mark.parametrize("rows_of_others", [False, True])
def test_no_row_comes_into_memory_but_those_that_fail(
    warehouse: Warehouse, rows_of_others: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library learns a query's columns by fetching all it gives: only a part of a table is judged by a query."""
    target = "('crm', 'erp')" if rows_of_others else "('crm')"
    change(
        warehouse,
        f"""create table outbound.sync_big as select 'crm' as target_source, 'k' || range as key, 1.0 as amount
        from range(1000) union all select 'erp', 'k', 1.0 where 'erp' in {target};
        create table marts.fct_big as select key, amount from outbound.sync_big where target_source = 'crm'""",
    )
    document = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "key"}, "description": "One of each."}
    query = {"unexpected_rows_query": "select key from {batch} where amount < 0"}
    none = {"type": "unexpected_rows_expectation", "kwargs": query, "description": "Nothing is negative."}
    suites = [
        Suite(
            table,
            schema,
            "block",
            "team:controllership",
            None,
            (),
            tuple(map(Expectation.model_validate, (document, none))),
        )
        for table, schema in (("fct_big", "marts"), ("sync_big", "outbound"))
    ]
    fetched: list[int] = []

    def counted(context: BufferedContext) -> None:
        buffered(context)
        fetched.append(len(context.cursor_fetch_strategy._rowbuffer) if context.cursor.description else 0)

    buffered = BufferedContext.post_exec
    monkeypatch.setattr(BufferedContext, "post_exec", counted)
    batch = GuardedBatch("crm", "big", "sync_big", "crm", "a" * 64)
    report = run_gates(warehouse, [batch], "r", "ann", suites)
    assert [(s.suite, s.message) for s in report.suites] == [
        ("fct_big", "2 checks passed"),
        ("sync_big", "2 checks passed"),
    ]
    assert len(fetched) > 4 and (max(fetched) >= 1000) == rows_of_others
    change(warehouse, "insert into marts.fct_big values ('k1', 1), ('k1', -1)")
    (failing, _) = run_gates(warehouse, [batch], "r", "ann", suites).suites
    assert [(c.what, c.found) for c in failing.failed] == [("One of each.", "3"), ("Nothing is negative.", "1")]


def test_the_gates_let_go_of_the_warehouse(warehouse: Warehouse) -> None:
    run_gates(warehouse, BOTH, "r", "ann")
    change(warehouse, "update marts.fct_receipts set unapplied_amount = 10")
    assert run_gates(warehouse, BOTH, "r", "ann").ok


def test_details_hold_counts_and_words_only(warehouse: Warehouse) -> None:
    change(warehouse, "update marts.fct_receipts set unapplied_amount = 11")
    run_gates(warehouse, BOTH, "r", "ann")
    with warehouse.reading() as tx:
        details = json.loads(tx.scalar("select details from ops.gate_verdict where suite = 'fct_receipts'"))
    assert details["owner"] == "team:receivables"
    assert [(f["found"], f["error"]) for f in details["failed"]] == [("1", "")]


def test_unexpected_rows_are_counted_all_of_them_by_one_query(warehouse: Warehouse) -> None:
    change(warehouse, "create table marts.fct_big as select range - 700 as amount from range(1000)")
    kwargs = {"unexpected_rows_query": "select amount from {batch} where amount < 0"}
    none = {"type": "unexpected_rows_expectation", "kwargs": kwargs, "description": "Nothing is negative."}
    suite = Suite("fct_big", "marts", "block", "team:controllership", None, (), (Expectation.model_validate(none),))
    asked: list[str] = []

    def heard(*told: Any) -> None:
        asked.append(str(told[2]))

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        (failing,) = run_gates(warehouse, [], "r", "ann", [suite]).suites
    finally:
        event.remove(Engine, "before_cursor_execute", heard)
    assert [(c.what, c.found) for c in failing.failed] == [("Nothing is negative.", "700")]
    assert len([one for one in asked if "amount < 0" in one]) == 1
