"""Receipts delivered to a live Tryton when things go wrong: one bank line, one posted statement, whatever happened.

The oracle is Tryton's own database, and what Tryton's own calls answer about the invoices.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.writer import TrytonWriter
from connectors.kit.contract import Intent, OutcomeStatus
from connectors.simulation.faults import Fault
from connectors.simulation.server import LoopbackServer
from otc_pipelines.audit import verify
from otc_pipelines.reverse_sync import DeliveryReport
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.live.peers import ROOT
from tests.live.postgres import Server, postgres
from tests.live.tryton import Tryton, keep_euros, missing, running
from tests.live.tryton_courier import ACCOUNT, receipt, send
from tests.live.tryton_world import proxied

__all__ = ["postgres"]
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
RECEIVABLE = """from account_move_line l join account_move m on m.id = l.move join account_account a on a.id = l.account
    join account_account_type t on t.id = a.type where t.receivable and m.state = 'posted'"""
EUROS, EURO = "DE89370400440532013000", 43  # an invoice in EUR that nothing was paid on
BIG = 39  # an invoice over 18,038.92 USD that nothing was paid on
PARTY = 11
JOURNAL = "Bench Bank USD"


@dataclass
class Books:
    """A live Tryton behind a proxy, and what it says."""

    erp: Tryton
    proxy: LoopbackServer
    ends: dict[str, int]  #: a call, and the process that ends once Tryton has applied it
    folder: Path
    keys: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def options(self, **more: Any) -> dict[str, Any]:
        return self.erp.options(url=self.proxy.url, receipt_journals={ACCOUNT: JOURNAL}, attempts=1, **more)

    def key(self) -> str:
        return f"L-{next(self.keys):03d}"

    def path(self, key: str) -> Path:
        return self.folder / key / "warehouse.duckdb"

    def send(self, *rows: dict[str, str], **more: Any) -> DeliveryReport:
        return send(self.path(rows[0]["key"]), self.options(**more), *rows)

    def sent_and_killed(self, row: dict[str, str], *, point: str = "", call: str = "") -> int:
        """Deliver in a process of its own that is killed at a point of ours, or once Tryton has applied a call."""
        arguments = [str(self.path(row["key"])), json.dumps(self.options())]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.tryton_courier", *arguments],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OTC_KILL_AT": point},
            cwd=ROOT,
            text=True,
        )
        if call:
            self.ends[call] = process.pid
        process.communicate(json.dumps([row]), timeout=120)
        self.ends.clear()
        return process.returncode

    def statements(self, key: str) -> list[tuple[str, Decimal]]:
        """State and sum of every statement that has a line of this number."""
        return self.erp.execute(
            f"""select s.state, sum(l.amount) from account_statement s join account_statement_line l
            on l.statement = s.id where l.number = '{key}' group by s.id, s.state"""
        )

    def to_pay(self, invoice: int = BIG) -> Decimal:
        with TrytonClient(self.erp.settings()) as client:
            [found] = client.call("account.invoice", "read", [invoice], ["amount_to_pay"])
        amount: Decimal = found["amount_to_pay"]
        return amount

    def owed(self, party: int) -> Decimal:
        """The balance of a party in posted moves, in the company's currency."""
        [(balance,)] = self.erp.execute(f"select sum(l.debit - l.credit) {RECEIVABLE} and l.party = {party}")
        return Decimal(balance)

    def booked(self, invoice: int) -> Decimal:
        """What an invoice was booked at, in the company's currency."""
        [(amount,)] = self.erp.execute(
            f"select sum(l.debit - l.credit) {RECEIVABLE} and m.origin = 'account.invoice,{invoice}'"
        )
        return Decimal(amount)

    def drafts(self) -> list[Any]:
        """Exchange differences of this test's statements that are still drafts."""
        return self.erp.execute(
            """select m.id from account_move m join account_journal j on j.id = m.journal
            where m.state = 'draft' and j.code = 'EXC'"""
        )

    def calls(self, method: str) -> int:
        return sum(1 for line in self.proxy.log() if line.get("call", "").endswith(method))


@pytest.fixture(scope="module")
def books(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("tryton_delivery")
    ends: dict[str, int] = {}

    def applied(call: str) -> None:
        found = next((name for name in ends if call.endswith(name)), None)
        if found is not None:
            os.kill(ends.pop(found), signal.SIGKILL)

    with running(postgres, folder) as erp, proxied(erp, folder / "proxy", applied) as proxy:
        yield Books(erp, proxy, ends, folder)


@pytest.fixture(autouse=True)
def _no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    request.getfixturevalue("books").proxy.faults.clear()


def one_effect(books: Books, row: dict[str, str], before: Decimal) -> None:
    """One posted statement, the invoice paid once, the outbox and the audit chain say so."""
    assert books.statements(row["key"]) == [("posted", Decimal(row["amount"]))]
    assert books.to_pay() == before - Decimal(row["amount"])
    warehouse = EmbeddedWarehouse(books.path(row["key"]))
    with warehouse.reading() as tx:
        assert {r["status"] for r in tx.rows("select status from ops.outbox")} == {"delivered"}
    assert verify(warehouse).ok


def test_sent_twice_it_is_one_receipt(books):
    before, row = books.to_pay(), receipt(books.key(), "10.00", PARTY, {BIG: "10.00"})
    assert books.send(row).count("delivered") == 1
    made = books.calls("statement.create")
    assert books.send(row).ok
    one_effect(books, row, before)
    lost = send(books.folder / "another" / "warehouse.duckdb", books.options(), row)
    assert lost.count("delivered") == 1, "an outbox that was lost: Tryton itself knows the line"
    one_effect(books, row, before)
    assert books.calls("statement.create") == made


@pytest.mark.parametrize("call", ["statement.create", "statement.validate_statement", "statement.post"])
def test_an_answer_that_is_lost_after_it_was_applied_leaves_one_receipt(books, call):
    before, row = books.to_pay(), receipt(books.key(), "11.00", PARTY, {BIG: "11.00"})
    made = {name: books.calls(name) for name in ("statement.create", "statement.post")}
    books.proxy.faults.add(Fault("lose_answer", path=f"{call}$"))
    report = books.send(row)
    assert report.ok, report.rows
    one_effect(books, row, before)
    assert {name: books.calls(name) - n for name, n in made.items()} == dict.fromkeys(made, 1)


def test_a_posting_that_is_applied_after_we_have_stopped_waiting_leaves_one_receipt(books):
    before, row = books.to_pay(), receipt(books.key(), "12.00", PARTY, {BIG: "12.00"})
    books.proxy.faults.add(Fault("lose_answer", path="statement.post$", seconds=6))
    assert books.send(row, read_timeout_seconds=3).ok
    one_effect(books, row, before)
    with EmbeddedWarehouse(books.path(row["key"])).reading() as tx:
        [found] = tx.rows("select reason from ops.outbox")
    assert "read back" in found["reason"]


@pytest.mark.parametrize("point", ["sync.after_intent", "sync.after_send", "sync.after_result"])
def test_killed_at_a_point_of_delivery_the_next_run_leaves_one_receipt(books, point):
    before, row = books.to_pay(), receipt(books.key(), "13.00", PARTY, {BIG: "13.00"})
    assert books.sent_and_killed(row, point=point) == -signal.SIGKILL
    there = [] if point == "sync.after_intent" else [("posted", Decimal("13.00"))]
    assert books.statements(row["key"]) == there
    assert books.send(row).ok
    one_effect(books, row, before)


@pytest.mark.parametrize(
    ("call", "left"), [("create", "draft"), ("validate_statement", "validated"), ("post", "posted")]
)
def test_killed_between_two_calls_the_next_run_leaves_one_receipt(books, call, left):
    before, row = books.to_pay(), receipt(books.key(), "14.00", PARTY, {BIG: "14.00"})
    assert books.sent_and_killed(row, call=f"statement.{call}") == -signal.SIGKILL
    assert books.statements(row["key"]) == [(left, Decimal("14.00"))]
    assert books.send(row).ok
    one_effect(books, row, before)


def test_killed_before_the_exchange_difference_is_posted_the_next_run_posts_it(books):
    with TrytonClient(books.erp.settings()) as client:
        keep_euros(client, EUROS)
        [invoice] = client.call("account.invoice", "read", [EURO], ["amount_to_pay", "party"])
    total, party = f"{invoice['amount_to_pay']:f}", invoice["party"]
    row = receipt(books.key(), total, party, {EURO: total}, currency="EUR", bank_account=EUROS)
    before = books.owed(party)
    assert books.sent_and_killed(row, call="statement.post") == -signal.SIGKILL
    assert books.statements(row["key"]) == [("posted", Decimal(total))]
    assert len(books.drafts()) == 1
    posted = books.calls("statement.post")
    assert books.send(row).ok
    assert books.drafts() == []
    assert books.calls("statement.post") == posted, "what was posted is not posted again"
    assert books.statements(row["key"]) == [("posted", Decimal(total))]
    assert books.to_pay(EURO) == 0
    assert books.owed(party) == before - books.booked(EURO)


def test_what_tryton_refuses_is_one_line_and_stops_nothing_else(books):
    before = books.to_pay()
    good = receipt(books.key(), "15.00", PARTY, {BIG: "15.00"})
    bad = {
        "create a period": receipt(books.key(), "1.00", PARTY, {BIG: "1.00"}, value_date="2029-01-01"),
        "receipt_journals": receipt(books.key(), "1.00", PARTY, {BIG: "1.00"}, bank_account="DE02"),
        "left to pay": receipt(books.key(), "99999.00", PARTY, {BIG: "99999.00"}),
        "no customer invoice": receipt(books.key(), "1.00", PARTY, {9999: "1.00"}),
        "is in EUR, not USD": receipt(books.key(), "1.00", 14, {43: "1.00"}),
    }
    report = books.send(good, *bad.values())
    assert not report.ok
    said = {r.key: (r.status, r.reason) for r in report.rows}
    for words, row in bad.items():
        status, reason = said[row["key"]]
        assert status == "failed"
        assert words in reason
        assert "\n" not in reason
        assert books.statements(row["key"]) == []
    assert said[good["key"]][0] == "delivered"
    assert books.statements(good["key"]) == [("posted", Decimal("15.00"))]
    assert books.to_pay() == before - Decimal("15.00")


def test_a_period_that_is_closed_refuses_and_is_posted_once_it_is_open(books):
    before, row = books.to_pay(), receipt(books.key(), "16.00", PARTY, {BIG: "16.00"}, value_date="2025-12-10")
    with TrytonClient(books.erp.settings()) as client:
        [period] = client.search_read("account.period", [("start_date", "=", "2025-12-01")], ["id"])
        client.call("account.period", "close", [period["id"]], writing=True)
        report = books.send(row)
        assert [r.status for r in report.rows] == ["failed"]
        assert "period" in report.rows[0].reason
        assert books.statements(row["key"]) == []
        client.call("account.period", "reopen", [period["id"]], writing=True)
    assert books.send(row).ok
    one_effect(books, row, before)


def test_money_without_an_invoice_is_on_account(books):
    row = receipt(books.key(), "17.00", PARTY, {})
    assert books.send(row).ok
    assert books.statements(row["key"]) == [("posted", Decimal("17.00"))]
    with TrytonClient(books.erp.settings()) as client:
        [line] = client.search_read(
            "account.move.line",
            [("party", "=", PARTY), ("credit", "=", Decimal("17.00"))],
            ["account.type.receivable", "move.state", "invoice_payment", "reconciliation"],
        )
    assert line["account."]["type."]["receivable"]
    assert (line["move."]["state"], line["invoice_payment"], line["reconciliation"]) == ("posted", None, None)


def test_a_limit_and_a_note_are_what_tryton_s_own_calls_answer(books):
    writer = TrytonWriter(books.erp.settings())
    status = {"open_amount": "10.00", "on_hold": True, "currency": "USD"}
    put = [
        *writer.write("credit_limit", [Intent("5", {"credit_limit_amount": "1500.50", "currency": "USD"}, "i", 1)]),
        *writer.write("party_ar_status", [Intent("5", status, "i", 1)]),
        *writer.write("party_ar_status", [Intent("5", {**status, "open_amount": "9.00"}, "j", 2)]),
    ]
    assert [o.status for o in put] == [OutcomeStatus.DELIVERED] * 3
    with TrytonClient(books.erp.settings()) as client:
        [party] = client.call("party.party", "read", [5], ["credit_limit_amount"])
        assert party["credit_limit_amount"] == Decimal("1500.50")
        client.call("ir.note", "create", [{"resource": "party.party,5", "message": "Rang them."}], writing=True)
        notes = client.search_read("ir.note", [("resource", "=", "party.party,5")], ["message"])
    [*writer.write("party_ar_status", [Intent("5", {**status, "open_amount": "8.00"}, "k", 3)])]
    with TrytonClient(books.erp.settings()) as client:
        later = client.search_read("ir.note", [("resource", "=", "party.party,5")], ["message"])
    told = "Receivables status\nCurrency: USD\nOpen amount: {}\nOn hold: yes"
    assert sorted(n["message"] for n in notes) == ["Rang them.", told.format("9.00")]
    assert sorted(n["message"] for n in later) == ["Rang them.", told.format("8.00")]
