"""Whole passes over three simulated companies, which change with the date, against what these know to be true.

Every open item, every customer's aging, every control account, to the cent, today and on days gone by; the bad rows
that were planted and no others set aside; days later, what was pending is posted, once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.simulation.world import truth
from connectors.simulation.world.world import World
from otc_pipelines.audit import verify
from otc_pipelines.demo.start import Demo, DemoOptions, running
from otc_pipelines.demo.summary import summarise
from otc_pipelines.flow.run import RunReport
from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import asking, passed, rows
from tests.pipeline.world_truth import differences
from tests.seeds import WORLD_SEED

TODAY = datetime.now(UTC).date()
DAYS_BACK = (0, 37, 111)
DAYS_ON = 9
SEEDS = [pytest.param(n, marks=pytest.mark.xdist_group(f"world-{n}"), id=f"seed-{n}") for n in range(3)]


@dataclass
class Played:
    """A company after a pass."""

    demo: Demo
    report: RunReport
    config: Path

    @property
    def world(self) -> World:
        return self.demo.world


@pytest.fixture(scope="module", params=SEEDS)
def first(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared: Prepared
) -> Iterator[Played]:
    seed = WORLD_SEED + int(request.param)
    folder = tmp_path_factory.mktemp("world")
    as_of = TODAY - timedelta(days=1 + DAYS_ON)
    with running(
        DemoOptions(folder=folder / "demo", seed=seed, customers=120, invoices=1200, months=12, as_of=as_of)
    ) as demo:
        config = prepared(demo.config_path)
        yield Played(demo, passed(config), config)


@pytest.fixture(scope="module")
def later(first: Played) -> Played:
    """Some days on: yesterday."""
    demo = first.demo.advance(DAYS_ON)
    return Played(demo, passed(first.config), first.config)


def aged(config: Path, day: date) -> dict[truth.Account, dict[str, Decimal]]:
    """What the product says of each customer."""
    report = aging_report(load(config), AgingQuestion(day))
    found: dict[truth.Account, dict[str, Decimal]] = {}
    for row in report.rows:
        account = truth.Account(row["legal_entity"], row["party_id"], row["currency"])
        assert account not in found
        names = ("not_due", "d1_30", "d31_60", "d61_90", "d91_plus", "unapplied", "total")
        found[account] = {name: Decimal(row[name]) for name in names}
    return found


def true_aging(world: World, day: date) -> dict[truth.Account, dict[str, Decimal]]:
    return dict(truth.aging(truth.open_items(world, day), day))


def marts_differ(config: Path, world: World, day: date) -> list[str]:
    """Each open item as the mart sums it up, against the truth."""
    found = {
        (r["item_type"], r["item_id"], r["part"]): (r["amount"], r["currency"])
        for r in rows(
            config,
            """select item_type, item_id, coalesce(installment_no, 0) as part, currency, sum(amount) as amount
            from marts.fct_ar_ledger where effective_date <= :day and posting_state = 'posted'
            group by 1, 2, 3, 4 having sum(amount) <> 0""",
            day=day,
        )
    }
    wanted = {(i.item_type, i.item_id, i.installment_no): (i.amount, i.currency) for i in truth.open_items(world, day)}
    return sorted(
        str((k, found.get(k), wanted.get(k))) for k in found.keys() | wanted.keys() if found.get(k) != wanted.get(k)
    )


def applied(config: Path) -> list[dict[str, Any]]:
    return rows(
        config,
        """select bank_source, bank_line_id, document_id, installment_no, receipt_id, amount from ops.match_decision
        where superseded_at is null and outcome = 'applied' and document_id is not null""",
    )


def test_the_pass_did_everything(first: Played) -> None:
    assert first.report.code == 0, first.report.error
    assert {s.status for s in first.report.steps} <= {"done", "warned"}
    assert first.report.facts["tie_out"]["status"] == "tied"
    assert {s.step for s in first.report.steps} == {
        "extract", "transform", "post", "match", "publish", "gate", "deliver"
    }  # fmt: skip


@pytest.mark.parametrize("back", DAYS_BACK)
def test_every_open_item_is_the_truths(first: Played, back: int) -> None:
    day = first.world.as_of - timedelta(days=back)
    assert truth.open_items(first.world, day)
    assert differences(load(first.config), first.world, day) == []
    assert marts_differ(first.config, first.world, day) == []


@pytest.mark.parametrize("back", DAYS_BACK)
def test_every_customers_aging_is_the_truths(first: Played, back: int) -> None:
    day = first.world.as_of - timedelta(days=back)
    wanted = true_aging(first.world, day)
    assert wanted
    assert aged(first.config, day) == wanted


def test_what_each_receipt_and_credit_memo_has_left_is_the_truths(first: Played) -> None:
    wanted = {i.item_id: i.amount for i in truth.open_items(first.world) if i.item_type != "installment"}
    found = rows(
        first.config,
        """select item_id, sum(amount) as amount from marts.fct_ar_ledger
        where item_type <> 'installment' and effective_date <= :day and posting_state = 'posted'
        group by item_id having sum(amount) <> 0""",
        day=first.world.as_of,
    )
    assert {r["item_id"]: r["amount"] for r in found} == wanted
    assert wanted


def test_exactly_the_planted_bad_rows_are_set_aside(first: Played) -> None:
    found = rows(first.config, "select * from ops.quarantine")
    planted = {(b.entity, b.key): b.wrong for b in first.demo.drop.bad}
    erp = [r for r in found if r["source_system"] == "erp"]
    assert len(erp) == len(planted) == 6
    for bad in first.demo.drop.bad:
        (row,) = [r for r in erp if r["entity"] == bad.entity and bad.key in f"{r['row_key']} {r['row_json']}"]
        assert bad.wrong.lower() in row["reason"].lower()
        assert row["file"] and row["line"]
    (statement,) = [r for r in found if r["source_system"] != "erp"]
    assert (statement["entity"], statement["source_system"]) == ("bank_statements", "bank")
    assert first.demo.statements.broken is not None
    assert first.demo.statements.broken.name == statement["file"]
    assert "difference" in statement["reason"]


def test_the_control_accounts_tie_to_the_cent(first: Played) -> None:
    numbers = summarise(load(first.config), first.world, 6, 0)
    assert numbers.ties
    assert [t for t in numbers.ties if not t.ties] == []
    assert {(t.legal_entity, t.gl_account, t.currency) for t in numbers.ties} == set(
        truth.control_accounts(first.world)
    )


def test_all_that_the_erp_and_the_bank_gave_is_there(first: Played) -> None:
    came_in = summarise(load(first.config), first.world, 6, 0).came_in
    landed = {(r["source_system"], r["entity"]): r["rows_new"] for r in came_in}
    for name, written in first.demo.drop.rows.items():
        assert landed["erp", name] == written, name
    assert landed["bank", "bank_lines"] == first.demo.statements.lines


@pytest.mark.parametrize(("back", "ago"), [(0, 20), (45, 45), (90, 10)])
def test_what_was_known_then_is_what_was_true_as_known_then(first: Played, back: int, ago: int) -> None:
    day, known = first.world.as_of - timedelta(days=back), first.world.now - timedelta(days=ago)
    assert differences(load(first.config), first.world, day, known) == []


def test_what_was_applied_is_what_payers_meant(first: Played) -> None:
    """A mistyped reference may hit another open invoice of the same amount: that only the payer can know."""
    score = summarise(load(first.config), first.world, 6, 0).matches
    assert score.pending == len(truth.pending_lines(first.world))
    assert score.rate is not None and score.rate >= Decimal("0.75")
    assert len(score.wrong) <= 2, score.wrong
    assert score.right > 10


def test_what_the_crm_shows_is_the_truths(first: Played) -> None:
    """The fields in the CRM itself, of each customer that it names without doubt: gross, in the books' currency."""
    open_: defaultdict[str, Decimal] = defaultdict(Decimal)
    past_due: defaultdict[str, Decimal] = defaultdict(Decimal)
    late: dict[str, int] = {}
    for item in truth.open_items(first.world, TODAY):
        if item.due_date is None:
            continue
        days = (TODAY - item.due_date).days
        open_[item.party_id] += item.base_amount
        if days > 0:
            past_due[item.party_id] += item.base_amount
            late[item.party_id] = max(days, late.get(item.party_id, 0))
    told = {r["key"] for r in rows(first.config, "select key from ops.outbox where object = 'account_ar_status'")}
    records = [r for r in first.demo.salesforce.records("Account") if r["OTC_Customer_Key__c"] in told]
    assert len(records) == len(told) > 50
    shown = {str(r["OTC_Customer_Key__c"]).rpartition(":")[2]: r for r in records}
    found = {
        party: (
            Decimal(str(r["OTC_AR_Open__c"])),
            Decimal(str(r["OTC_AR_Past_Due__c"])),
            r["OTC_AR_Oldest_Days_Late__c"],
        )
        for party, r in shown.items()
    }
    assert found == {party: (open_[party], past_due[party], late.get(party, 0)) for party in shown}
    assert all(r["OTC_AR_On_Hold__c"] is (late.get(party, 0) > 90) for party, r in shown.items())


def test_the_audit_chain_is_whole(first: Played) -> None:
    found = verify(Warehouse.of(load(first.config)))
    assert found.ok, found.message
    assert found.events > 10


class TestDaysLater:
    """From here on the company has gone on."""

    def test_all_of_it_is_true_again(self, later: Played) -> None:
        assert later.report.code == 0, later.report.error
        for back in (0, DAYS_ON, 40):
            day = later.world.as_of - timedelta(days=back)
            assert differences(load(later.config), later.world, day) == []
            assert marts_differ(later.config, later.world, day) == []
            assert aged(later.config, day) == true_aging(later.world, day)
        assert [t for t in summarise(load(later.config), later.world, 6, 0).ties if not t.ties] == []

    def test_what_was_true_as_known_before_is_still_the_answer(self, first: Played, later: Played) -> None:
        assert differences(load(later.config), first.world, first.world.as_of, first.world.now) == []

    def test_what_was_pending_is_posted_once(self, first: Played, later: Played) -> None:
        pending_then = {
            (line.account, line.bank_reference)
            for line in truth.pending_lines(first.world)
            if line not in truth.pending_lines(later.world)
        }
        assert pending_then, "nine days on the ERP has posted some of what was pending"
        current = rows(
            later.config,
            """select d.bank_line_id, d.receipt_id, d.outcome, l.bank_reference, l.amount as line_amount, d.amount
            from ops.match_decision as d inner join marts.fct_bank_lines as l
                on d.bank_source = l.source_system and d.bank_line_id = l.bank_line_id
            where d.superseded_at is null""",
        )
        applied_to: Counter[str] = Counter()
        line_amount = {}
        for row in current:
            if row["outcome"] == "applied":
                applied_to[row["bank_line_id"]] += row["amount"]
                line_amount[row["bank_line_id"]] = row["line_amount"]
        assert applied_to
        for line, amount in applied_to.items():
            assert amount <= line_amount[line], "money is applied once, pending or posted"
        # what is posted is not pending as well
        pending = rows(
            later.config,
            """select count(*) as n from marts.fct_ar_ledger as p where p.posting_state = 'pending' and exists (
                select 1 from ops.match_decision as d where d.superseded_at is null and d.receipt_id is not null
                and d.bank_line_id = p.cause_id)""",
        )
        assert pending == [{"n": 0}]
        references = {reference for _, reference in pending_then}
        posted = {r["bank_reference"] for r in current if r["receipt_id"] is not None}
        assert references & posted

    def test_the_statement_that_was_mended_is_no_longer_set_aside(self, later: Played) -> None:
        found = rows(later.config, "select source_system, status from ops.quarantine")
        assert Counter(r["source_system"] for r in found)["erp"] == 6
        assert verify(Warehouse.of(load(later.config))).ok

    def test_only_what_changed_was_delivered_again(self, first: Played, later: Played) -> None:
        sent = rows(
            later.config, "select key, count(*) as n from ops.outbox where object = 'account_ar_status' group by key"
        )
        again = [r for r in sent if r["n"] > 1]
        assert 0 < len(again) < len(sent)
        assert all(r["n"] == 2 for r in again)
        with asking(later.config) as tx:
            assert tx.scalar("select count(*) from ops.outbox where status <> 'delivered'") == 0
