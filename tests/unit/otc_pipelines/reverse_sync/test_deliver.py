"""Delivering: verdicts, limits, approvals, partial failures, unknown outcomes, a person's edits, nothing sent twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.contract import Intent, Outcome, OutcomeStatus
from connectors.kit.errors import ConfigError, FatalError, RetriableError
from otc_pipelines.audit import audited, verify
from otc_pipelines.reverse_sync import (
    Policy,
    SyncError,
    approve,
    deliver,
    deliver_approved,
    plan_sync,
    planned_rows,
)
from otc_pipelines.settings import Limits
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse
from tests.unit.otc_pipelines.reverse_sync.house import DELIVER, QUICK, batch, judge, send
from tests.unit.otc_pipelines.reverse_sync.target import OBJECT, FileTarget

FOUR = {"A1": "10", "A2": "20", "A3": "30", "A4": "40"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=20)


@pytest.fixture
def target(tmp_path: Path) -> FileTarget:
    return FileTarget(tmp_path / "target.json")


def events(warehouse: Warehouse, kind: str) -> list[dict[str, Any]]:
    assert verify(warehouse).ok
    with warehouse.reading() as tx:
        return [
            json.loads(r["details"])
            for r in tx.rows("select details from ops.audit_event where kind = :kind order by seq", kind=kind)
        ]


def statuses(warehouse: Warehouse) -> Counter[str]:
    with warehouse.reading() as tx:
        return Counter(str(r["status"]) for r in tx.rows("select status from ops.outbox"))


def test_what_changed_is_delivered_and_a_second_sync_makes_no_writing_call(
    warehouse: Warehouse, target: FileTarget
) -> None:
    first = send(warehouse, FOUR, target)
    assert (first.ok, first.count("delivered")) == (True, 4)
    assert target.state()["records"]["A1"] == {
        "open_amount": "10.00",
        "currency": "USD",
        "on_hold": False,
        "as_of": "2026-01-31",
    }
    again = send(warehouse, FOUR, target, as_of="2026-02-01")  # as_of alone is no reason to write
    assert {r.action for r in again.rows} == {"skip"}
    changed = send(warehouse, {**FOUR, "A2": "21"}, target)
    assert [(r.key, r.action, r.status) for r in changed.rows if r.action != "skip"] == [("A2", "update", "delivered")]
    assert target.writes() == [("A1", 1), ("A2", 1), ("A3", 1), ("A4", 1), ("A2", 2)]
    with warehouse.reading() as tx:
        recorded = tx.scalar("select count(*) from ops.audit_event")
    send(warehouse, {**FOUR, "A2": "21"}, target)
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.audit_event") == recorded  # nothing happened, nothing is recorded


def test_a_dry_run_target_is_refused_and_a_plan_writes_nothing(warehouse: Warehouse, target: FileTarget) -> None:
    judged = judge(warehouse, batch(FOUR))
    with pytest.raises(SyncError, match="dry_run"):
        deliver(warehouse, judged, target, "ann", Policy(), QUICK)
    with warehouse.reading() as tx:
        rows = planned_rows(plan_sync(tx, judged, Policy()))
        making = planned_rows(plan_sync(tx, judged, Policy(creates=frozenset({OBJECT}))))
        assert tx.scalar("select count(*) from ops.outbox") == 0
    assert {(r.action, r.status) for r in rows} == {("update", "planned")}, "the record is there, nothing was sent yet"
    assert {(r.action, r.status) for r in making} == {("create", "planned")}, "the delivery makes the record"
    assert target.writes() == []


@pytest.mark.parametrize("verdict", ["none", "failed", "other rows", "failed after it passed"])
def test_without_a_passing_verdict_for_exactly_this_batch_nothing_is_written(
    warehouse: Warehouse, target: FileTarget, verdict: str
) -> None:
    asked = batch(FOUR)
    if verdict == "failed":
        judge(warehouse, asked, passed=False)
    if verdict == "other rows":
        judge(warehouse, batch({**FOUR, "A1": "10.01"}))
    if verdict == "failed after it passed":
        judge(warehouse, asked)
        judge(warehouse, asked, passed=False)
    report = deliver(warehouse, asked, target, "ann", DELIVER, QUICK)
    assert (report.ok, report.count("blocked"), target.writes()) == (False, 4, [])
    assert "gate" in report.refused
    assert events(warehouse, "blocked")[0]["rows"] == 4
    judge(warehouse, asked)
    assert deliver(warehouse, asked, target, "ann", DELIVER, QUICK).count("delivered") == 4


def test_a_verdict_that_turns_between_two_claims_stops_the_rest(warehouse: Warehouse, target: FileTarget) -> None:
    asked = judge(warehouse, batch(FOUR))
    target.before_write = lambda intents: judge(warehouse, asked, passed=False) and None
    from dataclasses import replace

    report = deliver(warehouse, asked, target, "ann", DELIVER, replace(QUICK, chunk=2))
    assert (report.count("delivered"), report.count("blocked"), report.ok) == (2, 2, False)


@pytest.mark.parametrize(
    "limits", [Limits(max_changes=3), Limits(max_share=0.5), Limits(max_amount="99.99")], ids=lambda x: str(x)
)
def test_beyond_a_limit_all_of_it_is_held_until_somebody_else_approves(
    warehouse: Warehouse, target: FileTarget, limits: Limits
) -> None:
    policy = Policy(mode="deliver", limits=limits)
    report = send(warehouse, FOUR, target, policy)
    assert (report.ok, report.count("held"), target.writes()) == (True, 4, [])
    again = send(warehouse, FOUR, target, policy)
    assert (again.count("held"), len(events(warehouse, "hold"))) == (4, 1)
    with audited(warehouse) as tx, pytest.raises(SyncError, match="somebody else"):
        approve(tx, report.batch_hash, "ann")
    with audited(warehouse) as tx, pytest.raises(SyncError, match="not held"):
        approve(tx, "0" * 12, "bob")
    with audited(warehouse) as tx:
        (released,) = approve(tx, report.batch_hash[:12], "bob")
    assert (released.rows, released.planned_by) == (4, "ann")
    assert deliver_approved(warehouse, released, target, "ann", policy, QUICK).count("delivered") == 4
    assert events(warehouse, "approval")[0]["approved_by"] == "bob"


def test_an_approval_is_for_exactly_that_batch(warehouse: Warehouse, target: FileTarget) -> None:
    policy = Policy(mode="deliver", limits=Limits(max_changes=3))
    held = send(warehouse, FOUR, target, policy)
    with audited(warehouse) as tx:
        (released,) = approve(tx, held.batch_hash, "bob")
    grown = send(warehouse, {**FOUR, "A5": "50"}, target, policy)  # other rows: nobody has approved these
    assert (grown.count("held"), target.writes()) == (5, [])
    assert deliver_approved(warehouse, released, target, "ann", policy, QUICK).rows == ()
    assert target.writes() == []
    back = send(warehouse, FOUR, target, policy)
    assert (back.count("held"), target.writes()) == (4, [])


def test_an_approved_batch_is_delivered_by_the_next_run_too(warehouse: Warehouse, target: FileTarget) -> None:
    policy = Policy(mode="deliver", limits=Limits(max_changes=3))
    held = send(warehouse, FOUR, target, policy)
    with audited(warehouse) as tx:
        approve(tx, held.batch_hash, "bob")
    assert send(warehouse, FOUR, target, policy).count("delivered") == 4


def test_seven_of_two_hundred_fail_and_exactly_the_seven_are_sent_again(
    warehouse: Warehouse, target: FileTarget
) -> None:
    rows = {f"A{n:03d}": f"{n + 1}" for n in range(200)}
    bad = {f"A{n:03d}" for n in range(0, 200, 29)}
    assert len(bad) == 7

    def fault(intent: Intent, nth: int) -> Outcome | None:
        refused = intent.key in bad and nth == 1
        return Outcome(intent.key, OutcomeStatus.FAILED, "FIELD_INTEGRITY_EXCEPTION") if refused else None

    target.fault = fault
    first = send(warehouse, rows, target)
    assert (first.ok, first.count("delivered"), first.count("failed")) == (False, 193, 7)
    second = send(warehouse, rows, target)
    assert (second.ok, second.count("delivered")) == (True, 7)
    assert Counter(key for key, _ in target.writes()) == {key: 2 if key in bad else 1 for key in rows}


def test_what_may_be_sent_again_is_retried_within_bounds(warehouse: Warehouse, target: FileTarget) -> None:
    def fault(intent: Intent, nth: int) -> Outcome | None:
        locked = (intent.key == "A1" and nth < 3) or intent.key == "A2"
        return Outcome(intent.key, OutcomeStatus.RETRY, "UNABLE_TO_LOCK_ROW") if locked else None

    target.fault = fault
    report = send(warehouse, FOUR, target)
    assert {r.key: r.status for r in report.rows} == {
        "A1": "delivered",
        "A2": "failed",
        "A3": "delivered",
        "A4": "delivered",
    }
    assert Counter(key for key, _ in target.writes()) == {"A1": 3, "A2": 3, "A3": 1, "A4": 1}
    with warehouse.reading() as tx:
        attempts = tx.rows(
            "select o.key, a.attempt, a.outcome from ops.sync_attempt a join ops.outbox o on o.outbox_id = a.outbox_id"
            " where o.key in ('A1', 'A2') order by 1, 2"
        )
    assert [(r["key"], r["attempt"], r["outcome"]) for r in attempts] == [
        *(("A1", n, "delivered") for n in (1, 2, 3)),
        *(("A2", n, "failed") for n in (1, 2, 3)),
    ]


@pytest.mark.parametrize("applied", [True, False])
def test_a_time_out_is_read_back_and_has_one_effect(warehouse: Warehouse, target: FileTarget, applied: bool) -> None:
    def fault(intent: Intent, nth: int) -> Exception | None:
        return RetriableError("read timed out") if intent.key == "A2" and nth == 1 else None

    target.fault, target.apply_first = fault, applied
    report = send(warehouse, FOUR, target)
    assert (report.ok, report.count("delivered")) == (True, 4)
    assert Counter(key for key, _ in target.writes())["A2"] == (1 if applied else 2)
    assert Counter(key for key, _ in target.state()["effects"]) == Counter(list(FOUR))


def test_an_unknown_outcome_that_cannot_be_read_back_is_not_sent_again_before_it_is(
    warehouse: Warehouse, target: FileTarget
) -> None:
    def down() -> None:
        raise RetriableError("503")

    def fault(intent: Intent, nth: int) -> Outcome | None:
        return Outcome(intent.key, OutcomeStatus.UNKNOWN, "no answer") if intent.key == "A1" and nth == 1 else None

    target.fault, target.apply_first, target.reading = fault, True, down
    first = send(warehouse, FOUR, target)
    assert (first.ok, first.count("unknown"), first.count("delivered")) == (False, 1, 3)
    assert first.unreachable == "503"
    target.reading = lambda: None
    second = send(warehouse, FOUR, target)
    assert (second.ok, second.recovered) == (True, 1)
    assert Counter(key for key, _ in target.writes()) == Counter(list(FOUR))


def test_an_answer_that_never_comes_is_unknown_and_read_back(warehouse: Warehouse, target: FileTarget) -> None:
    class Silent(FileTarget):
        def write(self, object_name: str, intents: Any) -> Any:
            return [o for o in super().write(object_name, intents) if o.key != "A3"]

    silent = Silent(target.path)
    assert send(warehouse, FOUR, silent).count("delivered") == 4
    assert Counter(key for key, _ in silent.writes()) == Counter(list(FOUR))


def test_wrong_credentials_are_told_and_nothing_is_lost(warehouse: Warehouse, target: FileTarget) -> None:
    target.fault = lambda intent, nth: ConfigError("client secret is wrong")
    with pytest.raises(ConfigError, match="client secret"):
        send(warehouse, FOUR, target)
    assert len(target.writes()) == 1  # it is not tried again
    target.fault = None
    assert send(warehouse, FOUR, target).count("delivered") == 4


def test_an_unreachable_target_is_said(warehouse: Warehouse, target: FileTarget) -> None:
    def down() -> None:
        raise FatalError("host is not there")

    target.fault, target.reading = lambda intent, nth: FatalError("host is not there"), down
    report = send(warehouse, FOUR, target)
    assert (report.ok, report.unreachable, report.count("unknown")) == (False, "host is not there", 4)


def test_a_bug_in_a_writer_leaves_rows_that_the_next_run_resolves(warehouse: Warehouse, target: FileTarget) -> None:
    target.fault = lambda intent, nth: KeyError("bug") if intent.key == "A3" else None
    with pytest.raises(KeyError):
        send(warehouse, FOUR, target)
    target.fault = None
    assert send(warehouse, FOUR, target).ok
    assert Counter(key for key, _ in target.state()["effects"]) == Counter(list(FOUR))


@pytest.mark.parametrize(
    ("policy", "status", "held"),
    [("overwrite", "delivered", "11.00"), ("keep", "conflict", "99.00"), ("hold", "held", "99.00")],
)
def test_a_persons_edit_meets_the_policy_and_is_audited(
    warehouse: Warehouse, target: FileTarget, policy: Any, status: str, held: str
) -> None:
    send(warehouse, FOUR, target)
    target.edit("A1", open_amount="99.00")
    ours = Policy(mode="deliver", on_conflict=policy)
    report = send(warehouse, {**FOUR, "A1": "11", "A2": "21"}, target, ours)
    became = {r.key: r.status for r in report.rows if r.action != "skip"}
    assert became == {"A1": status, "A2": "delivered"}
    assert target.state()["records"]["A1"]["open_amount"] == held
    (conflict,) = events(warehouse, "conflict")
    assert (conflict["key"], conflict["policy"], conflict["fields"]) == ("A1", policy, ["open_amount"])
    if policy == "hold":
        with audited(warehouse) as tx:
            (released,) = approve(tx, report.batch_hash, "bob")
        assert deliver_approved(warehouse, released, target, "ann", ours, QUICK).ok
        assert target.state()["records"]["A1"]["open_amount"] == "11.00"


def test_a_target_that_already_has_it_is_not_written(warehouse: Warehouse, target: FileTarget) -> None:
    send(warehouse, FOUR, target)
    target.edit("A1", open_amount=11.0)
    assert send(warehouse, {**FOUR, "A1": "11"}, target).ok
    assert len(target.writes()) == 4


def test_a_plan_that_is_replaced_before_it_was_sent_is_never_sent(warehouse: Warehouse, target: FileTarget) -> None:
    asked = batch({**FOUR, "A1": "999"})
    deliver(warehouse, asked, target, "ann", DELIVER, QUICK)  # no verdict: blocked
    send(warehouse, {k: v for k, v in FOUR.items() if k != "A4"}, target)
    judge(warehouse, asked)
    from otc_pipelines.reverse_sync.approval import Approved

    stale = Approved("crm", asked.object_name, asked.batch_hash, 1, "ann")
    deliver_approved(warehouse, stale, target, "ann", DELIVER, QUICK)
    assert target.state()["records"]["A1"]["open_amount"] == "10.00"
    assert "A4" not in target.state()["records"]
    assert statuses(warehouse) == {"delivered": 3, "superseded": 2}
