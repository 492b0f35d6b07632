"""The ledger over a live ERP: equal, to the cent, to what that ERP itself answers; also after its books moved on."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from connectors.erp.tryton.client import TrytonClient
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract
from otc_pipelines.settings import load
from tests.live.postgres import Server, postgres
from tests.live.tryton import COMPANY, PASSWORD, missing, running, truth
from tests.live.tryton_clerk import Clerk, work_for_some_days
from tests.pipeline.house import otc
from tests.pipeline.tryton_instance import Instance

__all__ = ["postgres"]
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
RECEIVABLE = """from account_move_line l join account_move m on m.id = l.move
    join account_account a on a.id = l.account join account_account_type t on t.id = a.type
    where t.receivable and m.state = 'posted'"""


@pytest.fixture(scope="module")
def instance(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("tryton_ledger")
    with running(postgres, folder) as erp:
        source = {**erp.options(), "name": "erp", "connector": "tryton", "password": "${TRYTON_PASSWORD}"}
        config = {
            "company": {"name": "Bench", "base_currency": "USD", "timezone": "UTC"},
            "data_dir": "./data",
            "warehouse": "duckdb",
            "sources": [source],
        }
        (folder / "otc.yaml").write_text(yaml.safe_dump(config))
        before = os.environ.get("TRYTON_PASSWORD")
        os.environ["TRYTON_PASSWORD"] = PASSWORD
        try:
            found = Instance(folder / "otc.yaml", erp)
            found.run()
            yield found
        finally:
            os.environ.pop("TRYTON_PASSWORD")
            if before is not None:
                os.environ["TRYTON_PASSWORD"] = before


def ledger_by_party(instance: Instance, *days: date) -> list[dict[str, Decimal]]:
    """Each party's balance in the ledger on each of these days; without those that have none."""
    rows = instance.rows(
        """select party_id, effective_date, sum(base_amount) as base from marts.fct_ar_ledger
        where posting_state = 'posted' group by party_id, effective_date"""
    )
    return _balances([(r["party_id"], r["effective_date"], r["base"]) for r in rows], days)


def erp_by_party(instance: Instance, *days: date) -> list[dict[str, Decimal]]:
    """The same in the ERP: debit less credit of posted receivable lines."""
    said = instance.erp.execute(
        f"select l.party::text, m.date, sum(l.debit - l.credit) {RECEIVABLE} group by l.party, m.date"
    )
    return _balances(said, days)


def _balances(moved: Sequence[tuple[Any, ...]], days: Sequence[date]) -> list[dict[str, Decimal]]:
    found = []
    for day in days:
        balances: dict[str, Decimal] = defaultdict(Decimal)
        for party, on, amount in moved:
            balances[party] += amount if on <= day else 0
        found.append({party: balance for party, balance in balances.items() if balance})
    return found


def open_by_document(instance: Instance) -> dict[str, Decimal]:
    rows = instance.rows(
        """select item_id, sum(amount) as amount from marts.fct_ar_ledger
        where posting_state = 'posted' and item_type in ('installment', 'credit_memo') group by item_id"""
    )
    return {r["item_id"]: r["amount"] for r in rows}


def realised(instance: Instance) -> dict[tuple[str, date], Decimal]:
    """What allocations realised, by customer and day."""
    rows = instance.rows(
        """select party_id, effective_date, sum(realised_fx) as realised from marts.fct_fx_realised
        group by party_id, effective_date having sum(realised_fx) <> 0"""
    )
    return {(r["party_id"], r["effective_date"]): r["realised"] for r in rows}


def booked_differences(instance: Instance) -> dict[tuple[str, date], Decimal]:
    """The ERP's exchange differences: receivable lines without second currency, reconciled with lines that have one.

    A gain is debited to the receivable, a loss credited.
    """
    said = instance.erp.execute(
        f"""select l.party::text, m.date, sum(l.debit - l.credit) {RECEIVABLE} and l.second_currency is null
        and l.reconciliation in (select reconciliation from account_move_line where second_currency is not null)
        group by l.party, m.date having sum(l.debit - l.credit) <> 0"""
    )
    return {(party, day): amount for party, day, amount in said}


def exchanged(instance: Instance) -> dict[tuple[str, date], Decimal]:
    """The ERP's exchange differences of what was paid.

    It books a write-off at the rate of its day. Here one takes off the document what that was booked at (ledger.md), so
    that what lies between the two is in no allocation's difference.
    """
    written_off = instance.erp.execute(
        f"""select l.party::text, m.date, sum(l.debit - l.credit - round((
            select l.amount_second_currency * sum(x.debit - x.credit) / sum(x.amount_second_currency)
            from account_move_line x join account_invoice owed on owed.move = x.move
            where x.reconciliation = l.reconciliation), 2))
        {RECEIVABLE} and l.reconciliation is not null and l.second_currency is not null
        and m.journal in (select id from account_journal where type = 'write-off')
        group by l.party, m.date"""
    )
    found = defaultdict(Decimal, booked_differences(instance))
    for party, day, difference in written_off:
        found[party, day] += difference
    return {key: amount for key, amount in found.items() if amount}


def test_each_party_s_balance_is_the_erp_s_aged_balance(instance):
    said = truth()
    expected = {str(row["party"]): Decimal(row["balance"]) for row in said["aged_balance"]["days_30_60_90"]}
    assert len(expected) == 13
    assert ledger_by_party(instance, date.fromisoformat(said["as_of"])) == [expected]


def test_each_party_s_receivable_and_limit_are_the_erp_s(instance):
    said = {str(p["id"]): p for p in truth()["party"]}
    [found] = ledger_by_party(instance, date.max)
    assert len(said) == 21
    assert {key: found.get(key, Decimal(0)) for key in said} == {k: Decimal(p["receivable"]) for k, p in said.items()}
    limits = instance.rows("select party_id, credit_limit from conformed.int_parties__current")
    assert {r["party_id"]: r["credit_limit"] for r in limits} == {
        key: None if p["credit_limit_amount"] is None else Decimal(p["credit_limit_amount"]) for key, p in said.items()
    }
    assert sum(r["credit_limit"] is not None for r in limits) == 5


def test_the_aging_that_people_ask_for_comes_to_the_same(instance):
    said = truth()
    shown = otc("aging", "--as-of", said["as_of"], "--format", "json", config=instance.config)
    assert shown.code == 0, shown.err
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in json.loads(shown.out)["rows"]:
        found[row["party_id"]] += Decimal(row["base_total"])
    assert found == {str(r["party"]): Decimal(r["balance"]) for r in said["aged_balance"]["days_30_60_90"]}


def test_an_edit_is_read_by_the_next_run_and_nothing_else(instance):
    """Many records of these books were never modified: their write_date is empty."""
    [(never,)] = instance.erp.execute("select count(*) from account_move_line where write_date is null")
    assert never
    assert landed(instance) == {}
    with TrytonClient(instance.erp.settings()) as erp:
        erp.call("account.invoice", "write", [2], {"reference": "PO 4711"}, writing=True)
        made = erp.call("party.party", "create", [{"name": "Nova Ltd"}], writing=True)
    assert landed(instance) == {"invoices": 1, "parties": 1}
    with TrytonClient(instance.erp.settings()) as erp:
        erp.call("party.party", "delete", made, writing=True)
    assert landed(instance) == {"parties": 1}
    gone = instance.rows(f"select deleted from raw_tryton.parties where id = {made[0]} order by _loaded_at")
    assert [r["deleted"] for r in gone] == [False, True]
    assert landed(instance) == {}


def landed(instance: Instance) -> dict[str, int]:
    """Extract once more; how many new rows of which entity that wrote."""
    flow = Flow(load(instance.config))
    report = extract(flow, flow.instance.source("erp"))
    assert report.status == "done", report.message
    return {name: said["rows_new"] for name, said in report.facts["entities"].items() if said["rows_new"]}


def test_each_invoice_s_open_amount_is_its_amount_to_pay(instance):
    found = open_by_document(instance)
    said = {str(i["id"]): Decimal(i["amount_to_pay"]) for i in truth()["invoices"]}
    assert len(said) == 69
    assert {key: found.get(key, Decimal(0)) for key in said} == said


def test_the_balances_of_every_day_on_which_the_books_moved_are_the_erp_s(instance):
    days = [row[0] for row in instance.erp.execute(f"select distinct m.date {RECEIVABLE} order by m.date")]
    assert len(days) > 60
    assert ledger_by_party(instance, *days) == erp_by_party(instance, *days)


def test_the_control_account_ties_out_and_nothing_is_held(instance):
    report = instance.report
    assert report is not None
    assert report.code == 0
    ties = instance.rows("select currency, status, difference, control_balance from marts.fct_tie_out")
    used = {r["currency"]: r for r in ties if r["control_balance"]}
    assert set(used) == {"USD", "EUR"}
    assert {r["status"] for r in ties} == {"tied"}
    base = instance.rows(
        """select sum(base_control_balance) as c, sum(base_ledger_balance) as l
        from marts.fct_tie_out where is_latest"""
    )
    assert base[0]["c"] == base[0]["l"] == instance.erp.execute(f"select sum(l.debit - l.credit) {RECEIVABLE}")[0][0]
    assert instance.rows("select * from ops.quarantine where status = 'open'") == []


def test_what_was_realised_is_what_the_erp_booked_as_exchange_difference(instance):
    """Invoices that are reconciled; one that is paid in part has no difference in the ERP yet, and none here."""
    assert realised(instance) == exchanged(instance)
    statuses = instance.rows("select distinct status from marts.fct_fx_realised")
    assert [r["status"] for r in statuses] == ["realised"]


def test_a_cancelled_invoice_and_its_credit_note_pay_each_other(instance):
    found = open_by_document(instance)
    cancelled = instance.erp.execute("select id::text from account_invoice where state = 'cancelled'")
    assert cancelled
    assert {found[key] for (key,) in cancelled} == {Decimal(0)}


def test_the_lines_of_each_invoice_come_to_what_the_erp_says_it_is_before_tax(instance):
    said, lines = truth(), instance.current("invoice_lines")
    found: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line["invoice"]] += line["amount"]
        assert line["amount"] == round(line["quantity"] * line["unit_price"], 2)
    assert len(lines) == said["counts"]["model.account.invoice.line"]
    assert found == {i["id"]: Decimal(i["untaxed_amount"]) for i in said["invoices"]}


def test_the_lines_of_a_statement_carry_its_balance_to_the_next(instance):
    counts, lines = truth()["counts"], instance.current("statement_lines")
    heads = sorted(instance.current("statements"), key=lambda s: s["date"])
    assert len(heads) == counts["model.account.statement"]
    assert len(lines) == counts["model.account.statement.line"]
    balance = Decimal(0)
    for head in heads:
        assert (head["start_balance"], head["state"]) == (balance, "posted")
        balance += sum(line["amount"] for line in lines if line["statement"] == head["id"])
        assert head["end_balance"] == balance


def test_what_statements_and_payments_say_came_in_is_in_the_ledger_and_on_the_same_invoices(instance):
    """Whom the money came from, when, for what: as the ERP's clerks keyed it, and as its postings became receipts."""
    payments = instance.current("payments")
    assert len(payments) == truth()["counts"]["model.account.payment"]
    expected, paid = {}, {}
    for line in instance.current("statement_lines"):
        origin = f"account.statement.line,{line['id']}"
        expected[origin] = (str(line["party"]), line["currency"], line["amount"], "bank", line["number"])
        if line["related_to"]:
            paid[origin] = {line["related_to"].removeprefix("account.invoice,"): line["amount"]}
    owed = {m["line"]: str(m["invoice"]) for m in instance.current("invoice_maturities")}
    for payment in payments:
        assert payment["state"] == "succeeded"
        origin = f"account.payment,{payment['id']}"
        said = (str(payment["party"]), payment["currency"], payment["amount"], "direct_debit", payment["number"])
        expected[origin], paid[origin] = said, {owed[payment["line"]]: payment["amount"]}
    booked = {f"line-{r['id']}": r["origin"] for r in instance.current("receivable_lines") if r["origin"] in expected}
    receipts = [r for r in instance.rows("select * from conformed.int_receipts__current") if r["receipt_id"] in booked]
    told = ("party_id", "currency", "amount", "method", "bank_line_ref")
    assert {booked[r["receipt_id"]]: tuple(r[n] for n in told) for r in receipts} == expected
    put: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in instance.rows(
        "select source_id, document_id, sum(posted_amount) as amount from marts.fct_allocations group by 1, 2"
    ):
        if row["amount"] and row["source_id"] in booked:
            put[booked[row["source_id"]]][row["document_id"]] = row["amount"]
    assert put == paid


def test_drafts_are_known_and_count_nothing(instance):
    drafts = {
        r[0] for r in instance.erp.execute("select id::text from account_invoice where state in ('draft', 'validated')")
    }
    rows = instance.rows("select document_id, status from marts.fct_documents")
    assert {r["document_id"] for r in rows if r["status"] == "draft"} >= drafts
    assert not drafts & set(open_by_document(instance))


def test_the_company_is_the_legal_entity(instance):
    assert {r["legal_entity"] for r in instance.rows("select distinct legal_entity from marts.fct_ar_ledger")} == {
        COMPANY
    }


def test_what_the_erp_does_next_is_followed_to_the_cent(instance):
    """Paid in part, too much, too little, at other rates; taken back, cancelled, rescheduled; undone, bounced."""
    now = "start_date <= current_date and end_date >= current_date and type = 'standard' and state = 'open'"
    if not instance.erp.execute(f"select id from account_period where {now}"):
        pytest.skip("these books have no open period for today: nothing can be posted in them")
    with TrytonClient(instance.erp.settings()) as erp:
        clerk = Clerk(erp)
        work_for_some_days(clerk)
        settled = erp.search_read(
            "account.move.reconciliation", [("lines.origin", "=", "account.statement.line,1")], ["id"]
        )
        erp.call("account.move.reconciliation", "delete", [settled[0]["id"]], writing=True)
        erp.call("account.payment", "fail", [1], writing=True)
        [cancelling] = erp.search_read("account.move", [("origin", "=", "account.move,233")], ["state"])
        assert cancelling["state"] == "draft"
        erp.call("account.move", "post", [cancelling["id"]], writing=True)
        erp.call("party.party", "write", [2], {"name": "Zenith & Daughters"}, writing=True)
    report = instance.run()
    assert report.code == 0, [s.message for s in report.steps if s.status != "done"]
    assert instance.rows("select * from ops.quarantine where status = 'open'") == []
    days = [row[0] for row in instance.erp.execute(f"select distinct m.date {RECEIVABLE} order by m.date")]
    assert sum(day > date(2026, 11, 9) for day in days) > 5
    assert ledger_by_party(instance, *days) == erp_by_party(instance, *days)
    differences = booked_differences(instance)
    assert any(day == date(2026, 11, 22) for _, day in differences)
    assert exchanged(instance) != differences, "this clerk wrote off two cents more at the rate of the day"
    assert realised(instance) == exchanged(instance)
    with TrytonClient(instance.erp.settings()) as erp:
        said = erp.search_read("account.invoice", [("type", "=", "out")], ["amount_to_pay"])
    found = open_by_document(instance)
    assert len(said) > 75
    assert {str(i["id"]): found.get(str(i["id"]), Decimal(0)) for i in said} == {
        str(i["id"]): i["amount_to_pay"] for i in said
    }
    events = instance.rows("select receipt_id, event_type, amount from conformed.int_receipt_events__current")
    assert events == [{"receipt_id": "line-805", "event_type": "bounced", "amount": Decimal("30278.50")}]
    names = instance.rows("select name from conformed.int_parties__current where party_id = '2'")
    assert names == [{"name": "Zenith & Daughters"}]
    again = instance.run()
    assert next(s for s in again.steps if s.step == "post").rows_new == 0


def by_kind(rows: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row["kind"]] += 1
    return dict(found)


def test_every_line_has_the_kind_that_the_books_gave_it(instance):
    kinds = by_kind(instance.current("receivable_lines"))
    [(written_off, exchanged)] = instance.erp.execute(
        """select count(*) filter (where o.id is null or l.second_currency is not null),
            count(*) filter (where o.id is not null and l.second_currency is null)
        from account_move_line l join account_move m on m.id = l.move join account_journal j on j.id = m.journal
        left join lateral (select id from account_move_line x
            where x.reconciliation = l.reconciliation and x.second_currency is not null limit 1) o on true
        where j.type = 'write-off' and l.reconciliation is not null"""
    )
    assert (kinds["write_off"], kinds["exchange"]) == (written_off, exchanged)
    assert min(written_off, exchanged) > 2
    assert {"invoice", "receipt", "exchange", "write_off", "reversal", "invoice_cancel"} == set(kinds)
