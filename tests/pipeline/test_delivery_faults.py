"""Deliveries to the simulated Salesforce when things go wrong: what failed is retried alone, one effect each.

The oracle is the CRM's own request log and records; the outbox and the audit chain must agree with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from connectors.simulation.faults import Fault
from otc_pipelines.audit import verify
from otc_pipelines.reverse_sync import DeliveryReport
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.pipeline.courier import QUICK, keys, seed, send, settings
from tests.pipeline.house import ROOT

COUNT = 200
pytestmark = pytest.mark.xdist_group("courier")


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[SalesforceSimulator]:
    with serve(tmp_path / "crm") as simulator:
        seed(simulator, COUNT)
        yield simulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "house" / "warehouse.duckdb"


def sent(crm: SalesforceSimulator) -> list[list[str]]:
    """The keys of each writing call, sorted: a delivery may order them as it likes."""
    return [sorted(line["keys"]) for line in crm.writes()]


def amounts(crm: SalesforceSimulator) -> Counter[float | None]:
    return Counter(r["OTC_AR_Open__c"] for r in crm.records("Account"))


def holds(path: Path, statuses: dict[str, int]) -> None:
    """The outbox says so, and the chain is whole."""
    warehouse = EmbeddedWarehouse(path)
    with warehouse.reading() as tx:
        found = {r["status"]: r["n"] for r in tx.rows("select status, count(*) as n from ops.outbox group by status")}
    assert found == statuses
    assert verify(warehouse).ok


def test_of_200_rows_exactly_the_7_that_failed_are_sent_again(crm: SalesforceSimulator, path: Path) -> None:
    poor = frozenset(keys(COUNT)[n] for n in (0, 3, 50, 99, 100, 150, 199))
    crm.faults.add(Fault("row_error", path="/composite/sobjects", keys=poor, code="SERVER_UNAVAILABLE", times=1))
    report = send(path, settings(crm), COUNT, "7.25")
    assert report.ok and report.count("delivered") == COUNT
    assert sent(crm) == [keys(COUNT), sorted(poor)]
    assert amounts(crm) == {7.25: COUNT}
    holds(path, {"delivered": COUNT})
    send(path, settings(crm), COUNT, "7.25")
    assert len(sent(crm)) == 2


def test_7_that_fail_for_good_are_reported_and_the_193_are_never_sent_again(
    crm: SalesforceSimulator, path: Path
) -> None:
    poor = frozenset(keys(COUNT)[40:47])
    crm.faults.add(
        Fault("row_error", path="/composite/sobjects", keys=poor, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", times=1)
    )
    report = send(path, settings(crm), COUNT, "8.00")
    assert not report.ok
    assert {r.key for r in report.rows if r.status == "failed"} == poor
    assert all("FIELD_CUSTOM_VALIDATION_EXCEPTION" in r.reason for r in report.rows if r.status == "failed")
    assert sent(crm) == [keys(COUNT)]
    assert amounts(crm) == {8.0: 193, None: 7}
    again = send(path, settings(crm), COUNT, "8.00")
    assert again.ok
    assert sent(crm) == [keys(COUNT), sorted(poor)]
    assert amounts(crm) == {8.0: COUNT}


def test_an_answer_that_was_lost_after_the_write_is_read_back_and_not_sent_again(
    crm: SalesforceSimulator, path: Path
) -> None:
    crm.faults.add(Fault("lose_answer", path="/composite/sobjects", method="PATCH"))
    report = send(path, settings(crm), COUNT, "9.50")
    assert report.ok and report.count("delivered") == COUNT
    assert sent(crm) == [keys(COUNT)], "it was applied: it is not sent a second time"
    assert amounts(crm) == {9.5: COUNT}
    holds(path, {"delivered": COUNT})
    with EmbeddedWarehouse(path).reading() as tx:
        reasons = {r["reason"] for r in tx.rows("select distinct reason from ops.outbox")}
    assert any("read back" in str(reason) for reason in reasons)


def test_a_request_that_was_lost_before_the_write_is_sent_again(crm: SalesforceSimulator, path: Path) -> None:
    crm.faults.add(Fault("drop", path="/composite/sobjects", method="PATCH"))
    report = send(path, settings(crm), COUNT, "9.50")
    assert report.ok
    assert sent(crm) == [keys(COUNT)]
    assert amounts(crm) == {9.5: COUNT}


def test_two_workers_on_one_outbox_send_each_row_once(crm: SalesforceSimulator, path: Path) -> None:
    reports: list[DeliveryReport] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            reports.append(send(path, settings(crm), COUNT, "4.00", replace(QUICK, chunk=30)))
        except BaseException as problem:  # a thread's failure must fail the test
            failures.append(problem)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not failures
    assert len(reports) == 2
    assert Counter(k for call in sent(crm) for k in call) == dict.fromkeys(keys(COUNT), 1)
    assert amounts(crm) == {4.0: COUNT}
    holds(path, {"delivered": COUNT})


@pytest.mark.parametrize("point", ["sync.after_intent", "sync.after_send", "sync.after_result"])
def test_killed_in_mid_delivery_the_next_run_leaves_one_effect(
    crm: SalesforceSimulator, path: Path, point: str
) -> None:
    count = 20

    def run(kill_at: str) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "tests.pipeline.courier", str(path), str(count), "5.75"],
            input=json.dumps(settings(crm)),
            env={**os.environ, "OTC_KILL_AT": kill_at},
            cwd=ROOT,
            text=True,
            check=False,
        )
        return done.returncode

    assert run(point) == -signal.SIGKILL
    expected = [] if point == "sync.after_intent" else [keys(count)]
    assert sent(crm) == expected
    assert verify(EmbeddedWarehouse(path)).ok
    report = send(path, settings(crm), count, "5.75")
    assert report.ok
    assert sent(crm) == [keys(count)], "each row was sent once, over both runs"
    assert amounts(crm) == {5.75: count, None: COUNT - count}
    holds(path, {"delivered": count})
    send(path, settings(crm), count, "5.75")
    assert sent(crm) == [keys(count)]
