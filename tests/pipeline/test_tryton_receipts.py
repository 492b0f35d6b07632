"""Money that a bank has, through to a live ERP and back: matched, approved, posted, read back, tied out each time.

What Tryton itself answers is the oracle: its balances, what is left to pay, its statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.bank.bank_files.simulator import BankEntry, write_camt053
from connectors.erp.tryton.client import TrytonClient
from otc_pipelines.audit import verify
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.run import RunReport
from otc_pipelines.flow.sync import approve_batch, plan_targets
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.live.postgres import Server, postgres
from tests.live.tryton import COMPANY, PASSWORD, Tryton, keep_euros, missing, running
from tests.pipeline.house import configure, passed, rows, step

__all__ = ["postgres"]
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
DOLLARS, EUROS = "4400123456", "DE89370400440532013000"
DAY, CLOSED = date(2026, 11, 20), date(2025, 12, 10)
#: What came to the bank: its reference, the amount, what the payer wrote, the day.
PAID = {
    "whole": ("7679.77", "INV2026-00053", DAY),
    "in part": ("1000.00", "your INV2026-00024", DAY),
    "several": ("3551.01", "INV2026-00009 INV2026-00014", DAY),
    "closed": ("4946.19", "INV2026-00052", CLOSED),
    "unknown": ("123.45", "thank you", DAY),
}
PAID_IN_EUROS = {"euros": ("4752.73", "INV2026-00042", DAY), "part of euros": ("1000.00", "INV2026-00007", DAY)}
OPEN_BEFORE = {"53": "7679.77", "24": "6943.95", "9": "602.97", "14": "2948.04", "51": "4946.19", "43": "4752.73"}
RECEIVABLE = """from account_move_line l join account_move m on m.id = l.move join account_account a on a.id = l.account
    join account_account_type t on t.id = a.type where t.receivable and m.state = 'posted'"""


@dataclass
class Seen:
    """What stood after a pass, on both sides."""

    report: RunReport
    pending: dict[str, Decimal]
    ledger: dict[str, Decimal]
    erp: dict[str, Decimal]
    ties: set[str]
    open: dict[str, Decimal]
    to_pay: dict[str, Decimal]
    statements: list[tuple[str, str]]
    lines: dict[str, str]


@dataclass
class Story:
    """Everything that happened, in order."""

    config: Path
    planned: list[dict[str, Any]] = field(default_factory=list)
    released: list[StepReport] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    passes: list[Seen] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("tryton_receipts")
    with running(postgres, folder) as erp, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRYTON_PASSWORD", PASSWORD)
        config = instance(folder / "house", erp)
        with TrytonClient(erp.settings()) as tryton:
            keep_euros(tryton, EUROS)
            [period] = tryton.search_read("account.period", [("start_date", "=", "2025-12-01")], ["id"])
            tryton.call("account.period", "close", [period["id"]], writing=True)
            bank(folder / "house" / "bank")
            found = Story(config)
            found.passes.append(seen(config, erp, tryton))
            found.planned = plan_targets(Flow(load(config)), "books")
            held = step(found.passes[0].report, "deliver", "books")
            found.released, found.told = approve_batch(Flow(load(config), actor="bob"), held.facts["batch"])
            tryton.call("account.period", "reopen", [period["id"]], writing=True)
            found.passes.append(seen(config, erp, tryton))
            for post in (keyed_by_hand, posted_by_hand):
                post(tryton)
                found.passes.append(seen(config, erp, tryton))
        yield found


def instance(folder: Path, erp: Tryton) -> Path:
    """One company, its live ERP, its bank; receipts are held for approval beyond three, notes are not."""
    options = {**erp.options(), "password": "${TRYTON_PASSWORD}", "receipt_journals": {DOLLARS: "Bench Bank USD"}}
    return configure(
        folder,
        [
            {"name": "erp", "connector": "tryton", **options},
            {"name": "bank", "connector": "bank_files", "path": "./bank"},
        ],
        bank_accounts={
            DOLLARS: {"legal_entity": COMPANY, "gl_account": "1.1.1"},
            EUROS: {"legal_entity": COMPANY, "gl_account": "1.1.1"},
        },
        legal_entities={COMPANY: {"base_currency": "USD"}},
        targets=[
            {"name": "books", "source": "erp", "objects": ["receipt"], "mode": "deliver", "limits": {"max_changes": 3}},
            {"name": "notes", "source": "erp", "objects": ["party_ar_status"], "mode": "deliver"},
        ],
    )


def keyed_by_hand(tryton: TrytonClient) -> None:
    """A person keys a statement that pays what is left of a euro invoice: Tryton leaves its difference a draft."""
    [journal] = tryton.search_read("account.statement.journal", [("name", "=", "Bench Bank EUR")], ["last_amount"])
    [invoice] = tryton.call("account.invoice", "read", [37], ["party", "account", "amount_to_pay"])
    paid, before = invoice["amount_to_pay"], journal["last_amount"]
    line = {"date": DAY, "amount": paid, "party": invoice["party"], "account": invoice["account"]}
    values = {"name": "By hand", "journal": journal["id"], "start_balance": before, "end_balance": before + paid}
    lines = [["create", [{**line, "related_to": "account.invoice,37"}]]]
    [key] = tryton.call("account.statement", "create", [{**values, "date": DAY, "lines": lines}], writing=True)
    for button in ("validate_statement", "post"):
        tryton.call("account.statement", button, [key], writing=True)


def posted_by_hand(tryton: TrytonClient) -> None:
    drafts = tryton.search_read("account.move", [("state", "=", "draft"), ("journal.code", "=", "EXC")], ["id"])
    assert len(drafts) == 1, "of the person's statement; those of ours were posted with it"
    tryton.call("account.move", "post", [drafts[0]["id"]], writing=True)


def bank(folder: Path) -> None:
    for account, currency, paid in ((DOLLARS, "USD", PAID), (EUROS, "EUR", PAID_IN_EUROS)):
        entries = [
            BankEntry(
                Decimal(amount), day, DAY, bank_reference=f"B {name}".upper().replace(" ", "-"), remittance_text=said
            )
            for name, (amount, said, day) in paid.items()
        ]
        write_camt053(folder / f"{currency}.xml", account, currency, 1, DAY, Decimal(0), entries)


def seen(config: Path, erp: Tryton, tryton: TrytonClient) -> Seen:
    """Run a pass, and look at both sides."""
    report = passed(config)
    pending = rows(config, "select bank_line_id, amount from marts.fct_pending_receipts")
    ledger = rows(
        config,
        """select party_id, sum(base_amount) as base from marts.fct_ar_ledger where posting_state = 'posted'
        group by party_id""",
    )
    said = erp.execute(f"select l.party, sum(l.debit - l.credit) {RECEIVABLE} group by l.party")
    documents = rows(
        config,
        """select item_id, sum(amount) as amount from marts.fct_ar_ledger where posting_state = 'posted'
        and item_type in ('installment', 'credit_memo') group by item_id""",
    )
    invoices = tryton.search_read(
        "account.invoice", [("type", "=", "out"), ("state", "in", ["posted", "paid"])], ["amount_to_pay"]
    )
    left = {r["item_id"]: r["amount"] for r in documents}
    names = {
        r["bank_line_id"]: r["bank_reference"] for r in rows(config, "select * from conformed.int_bank_credit_lines")
    }
    status = rows(config, "select bank_line_id, match_status from marts.fct_bank_lines")
    return Seen(
        report,
        {names[r["bank_line_id"]]: r["amount"] for r in pending},
        {str(r["party_id"]): r["base"] for r in ledger if r["base"]},
        {str(party): balance for party, balance in said if balance},
        {r["status"] for r in rows(config, "select status from marts.fct_tie_out")},
        {str(i["id"]): left.get(str(i["id"]), Decimal(0)) for i in invoices},
        {str(i["id"]): i["amount_to_pay"] for i in invoices},
        erp.execute("select name, state from account_statement where name like 'OTC %' order by id"),
        {names[r["bank_line_id"]]: r["match_status"] for r in status},
    )


def amounts(*names: str) -> dict[str, Decimal]:
    paid = {f"B-{n}".upper().replace(" ", "-"): Decimal(a) for n, (a, *_) in {**PAID, **PAID_IN_EUROS}.items()}
    return {f"B-{n}".upper().replace(" ", "-"): paid[f"B-{n}".upper().replace(" ", "-")] for n in names}


MATCHED = ("whole", "in part", "several", "closed", "euros", "part of euros")


def test_the_ledger_is_the_erp_s_before_and_after(story):
    assert [(one.report.code, one.report.error) for one in story.passes] == [(0, "")] * 4
    late = Decimal("4946.19")  # posted by the second pass, after it had read
    for nth, one in enumerate(story.passes):
        assert one.ties == {"tied"}, nth
        behind = {"2": late} if nth == 1 else {}
        assert one.ledger == {**one.erp, **{party: one.erp.get(party, Decimal(0)) + a for party, a in behind.items()}}
        assert one.open == ({**one.to_pay, "51": late} if nth == 1 else one.to_pay), nth


def test_matched_cash_waits_and_nothing_is_written_before_somebody_approves(story):
    first = story.passes[0]
    assert first.report.code == 0, first.report.error
    assert first.pending == amounts(*MATCHED)
    assert step(first.report, "deliver", "books").status == "held"
    assert first.statements == []
    assert {key: first.to_pay[key] for key in OPEN_BEFORE} == {k: Decimal(v) for k, v in OPEN_BEFORE.items()}
    assert {(r["action"], r["status"]) for r in story.planned} == {("create", "held")}
    assert len(story.planned) == len(MATCHED)


def test_what_is_approved_is_posted_and_what_the_erp_refuses_is_one_line(story):
    said = {r["key"]: (r["status"], r["reason"]) for r in story.told}
    assert sorted(status for status, _ in said.values()) == ["delivered"] * 5 + ["failed"]
    [reason] = [r for status, r in said.values() if status == "failed"]
    assert "period" in reason
    assert "\n" not in reason
    assert [r.status for r in story.released] == ["failed"]


def test_what_is_read_back_turns_from_pending_to_posted(story):
    second, third = story.passes[1:3]
    assert second.pending == amounts("closed"), "the refused one still waits; it was not lost"
    assert step(second.report, "deliver", "books").rows_new == 1, "its period is open again"
    assert third.pending == {}
    assert step(third.report, "deliver", "books").rows_new == 0
    assert {name: third.lines[name] for name in amounts(*MATCHED)} == dict.fromkeys(amounts(*MATCHED), "posted")
    assert rows(story.config, "select * from marts.fct_ar_ledger where posting_state = 'pending'") == []
    assert third.statements == [(name, "posted") for name, _ in third.statements]
    assert len(third.statements) == len({name for name, _ in third.statements}) == len(MATCHED)


def test_a_difference_that_a_person_left_a_draft_stays_in_the_balance_until_it_is_posted(story):
    before, keyed, posted = story.passes[1:]
    assert (before.to_pay["37"], keyed.to_pay["37"]) == (Decimal("1916.73"), 0)
    assert len({one.ledger.get("3", Decimal(0)) for one in (before, keyed, posted)}) == 3
    assert [step(one.report, "deliver", "books").rows_new for one in (keyed, posted)] == [0, 0]


def test_the_erp_has_settled_what_was_paid(story):
    last = story.passes[-1].to_pay
    expected = {"53": "0", "24": "5943.95", "9": "0", "14": "0", "51": "0", "43": "0", "7": "5041.88"}
    assert {key: last[key] for key in expected} == {key: Decimal(value) for key, value in expected.items()}


def test_a_payment_of_several_invoices_is_one_line_of_the_bank_and_one_move_of_the_erp(story):
    decisions = rows(
        story.config,
        """select distinct d.receipt_id, d.document_id from ops.match_decision as d
        join conformed.int_bank_credit_lines as l on l.bank_line_id = d.bank_line_id
        where l.bank_reference = 'B-SEVERAL' and d.superseded_at is null order by d.document_id""",
    )
    assert sorted(d["document_id"] for d in decisions) == ["14", "9"]
    assert len({d["receipt_id"] for d in decisions}) == 2


def test_money_that_nobody_is_known_for_stays_with_people(story):
    assert story.passes[-1].lines["B-UNKNOWN"] not in ("pending", "posted")
    assert rows(story.config, "select * from ops.quarantine where status = 'open'") == []


def test_everything_that_was_done_is_in_the_chain(story):
    assert verify(Warehouse.of(load(story.config))).ok
    sent = rows(story.config, "select status, count(*) as n from ops.outbox where object = 'receipt' group by status")
    assert {r["status"]: r["n"] for r in sent}["delivered"] == len(MATCHED)
