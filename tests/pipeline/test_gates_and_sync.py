"""A second pass writes nothing, one wrong row stops every delivery, a limit holds until somebody else approves.

The oracle of "nothing was sent" is the simulated CRM's own request log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorError
from otc_pipelines.audit import verify
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.gates import judge
from otc_pipelines.flow.sync import approve_batch, deliver_targets
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline.conftest import Settled
from tests.pipeline.house import change, counts, grown, passed, rows, step

pytestmark = pytest.mark.xdist_group("settled")
NOTHING_SENT_YET = ("delete from ops.outbox", "delete from ops.sync_attempt")


def calls(settled: Settled) -> int:
    """How many writing calls the CRM has seen so far."""
    return len(settled.demo.salesforce.writes())


def unsent(settled: Settled, **changes: object) -> Path:
    """A copy that has not told the CRM anything yet."""
    config = settled.copy(**changes)
    for sql in NOTHING_SENT_YET:
        change(config, sql)
    return config


def test_the_second_pass_reads_back_its_own_writes_and_nothing_more(settled: Settled) -> None:
    assert settled.first.code == settled.second.code == 0, (settled.first.error, settled.second.error)
    assert step(settled.second, "extract", "erp").rows_new == 0
    assert step(settled.second, "extract", "bank").rows_new == 0
    delivered = sum(s.rows_new for s in settled.first.steps if s.step == "deliver")
    assert step(settled.second, "extract", "salesforce_main").rows_new == delivered > 0
    assert step(settled.second, "post").rows_new == 0
    assert step(settled.second, "match").rows_new == 0
    assert sum(s.rows_new for s in settled.second.steps if s.step == "deliver") == 0


def test_a_pass_with_nothing_new_writes_no_row_and_calls_no_write(settled: Settled) -> None:
    config = settled.copy()
    before, written = counts(config), calls(settled)
    report = passed(config)
    assert report.code == 0, report.error
    assert grown(before, counts(config)) == {}
    assert calls(settled) == written > 0
    assert verify(Warehouse.of(load(config))).ok


CORRUPTIONS = {
    "a movement's amount": """update marts.fct_ar_ledger set amount = amount + 0.01 where movement_id = (
        select min(movement_id) from marts.fct_ar_ledger where item_type = 'installment')""",
    "a movement lost": """delete from marts.fct_ar_ledger where movement_id = (
        select max(movement_id) from marts.fct_ar_ledger where item_type = 'receipt')""",
    "an amount that would leave": """update outbound.sync_salesforce__account_ar_status
        set open_amount = open_amount + 0.01 where target_key = (
            select min(target_key) from outbound.sync_salesforce__account_ar_status where open_amount > 0)""",
    "a key that is another's": """update outbound.sync_salesforce__account_ar_status
        set target_key = target_key || 'x' where target_key = (
            select min(target_key) from outbound.sync_salesforce__account_ar_status)""",
}


@pytest.mark.parametrize("sql", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_one_wrong_row_and_the_crm_sees_no_write(settled: Settled, sql: str) -> None:
    config = unsent(settled)
    change(config, sql)
    written = calls(settled)
    flow = Flow(load(config), actor="ann")
    verdicts = judge(flow)
    assert any(s.code == 1 and s.status == "failed" for s in verdicts), [(s.name, s.message) for s in verdicts]
    reports, _ = deliver_targets(flow)
    refused = [r for r in reports if r.name == "crm/account_ar_status"]
    assert [(r.status, r.code, r.rows_new) for r in refused] == [("failed", 1, 0)]
    assert "gates failed" in refused[0].message
    if "fct_ar_ledger" in sql:
        assert {r.status for r in reports} == {"failed"}, "the ledger guards every batch"
        assert calls(settled) == written
    touched = [line for line in settled.demo.salesforce.writes()[written:] if "/Account" in line["path"]]
    assert touched == []
    statuses = rows(config, "select distinct status from ops.outbox where object = 'account_ar_status'")
    assert statuses == [{"status": "blocked"}]


def test_delivery_alone_refuses_what_no_gate_has_judged(settled: Settled) -> None:
    config = unsent(settled)
    change(config, CORRUPTIONS["an amount that would leave"])
    written = calls(settled)
    flow = Flow(load(config), actor="ann")
    reports, _ = deliver_targets(flow)
    accounts = next(r for r in reports if r.name == "crm/account_ar_status")
    assert (accounts.status, accounts.code) == ("failed", 1)
    assert "no gate has judged" in accounts.message
    assert [line for line in settled.demo.salesforce.writes()[written:] if "/Account" in line["path"]] == []


def test_without_the_wrong_row_the_same_delivery_goes_out(settled: Settled) -> None:
    config = unsent(settled)
    written = calls(settled)
    flow = Flow(load(config), actor="ann")
    assert all(s.code == 0 for s in judge(flow))
    reports, _ = deliver_targets(flow)
    assert {(r.status, r.code) for r in reports} == {("done", 0)}
    assert all(r.rows_new for r in reports)
    assert calls(settled) > written


def test_what_a_limit_holds_is_released_by_somebody_else(settled: Settled) -> None:
    config = unsent(settled, limits={"max_changes": 3}, objects=["account_ar_status"])
    written = calls(settled)
    (held,), told = deliver_targets(Flow(load(config), actor="ann"))
    assert (held.status, held.code, held.rows_new) == ("held", 0, 0)
    assert {r["status"] for r in told} == {"held"}
    assert all("max_changes" in r["reason"] for r in told)
    assert calls(settled) == written
    batch = held.facts["batch"]
    again = passed(config)
    assert step(again, "deliver").status == "held", "another pass does not release it"
    with pytest.raises(ConnectorError, match="somebody else"):
        approve_batch(Flow(load(config), actor="ann"), batch[:12])
    with pytest.raises(ConnectorError, match="not held"):
        approve_batch(Flow(load(config), actor="bob"), "0" * 12)
    assert calls(settled) == written
    (released,), _ = approve_batch(Flow(load(config), actor="bob"), batch[:12])
    assert (released.status, released.code) == ("done", 0)
    assert released.rows_new == held.rows_in
    assert calls(settled) == written + 1
    sent = rows(config, "select status, created_by, approved_by, count(*) as n from ops.outbox group by 1, 2, 3")
    assert sent == [{"status": "delivered", "created_by": "ann", "approved_by": "bob", "n": held.rows_in}]
    kinds = [r["kind"] for r in rows(config, "select kind from ops.audit_event order by seq")]
    assert kinds.index("hold") < kinds.index("approval")
    assert verify(Warehouse.of(load(config))).ok


def edited(text: str) -> str:
    details = json.loads(text)
    details["rows"] = int(details.get("rows", 0)) + 1
    return json.dumps(details).replace("'", "''")


@pytest.mark.parametrize("tamper", ["edit", "remove", "truncate"])
def test_an_audit_row_that_was_tampered_with_is_named(settled: Settled, tamper: str) -> None:
    config = settled.copy()
    events = rows(config, "select seq, details from ops.audit_event order by seq")
    middle = events[len(events) // 2]
    act: dict[str, Callable[[], str]] = {
        "edit": lambda: (
            f"update ops.audit_event set details = '{edited(middle['details'])}' where seq = {middle['seq']}"
        ),
        "remove": lambda: f"delete from ops.audit_event where seq = {middle['seq']}",
        "truncate": lambda: f"delete from ops.audit_event where seq > {middle['seq']}",
    }
    change(config, act[tamper]())
    found = verify(Warehouse.of(load(config)))
    assert not found.ok
    assert found.message
