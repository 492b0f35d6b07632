"""Two workers on one outbox, and processes that die at each named point: one effect, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.kit.contract import Intent
from otc_pipelines.audit import verify
from otc_pipelines.reverse_sync import DeliveryReport, claims, lease, ledger
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.unit.otc_pipelines.reverse_sync.house import QUICK, batch, judge, send
from tests.unit.otc_pipelines.reverse_sync.target import OBJECT, FileTarget

ROOT = Path(__file__).parents[4]


def sent(target: FileTarget) -> Counter[tuple[str, int]]:
    return Counter(target.writes())


def test_two_workers_send_each_key_and_version_once(tmp_path: Path) -> None:
    rows = {f"A{n:03d}": f"{n + 1}" for n in range(60)}
    reports: list[DeliveryReport] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            reports.append(
                send(
                    EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=60),
                    rows,
                    FileTarget(tmp_path / "target.json"),
                    delivery=replace(QUICK, chunk=7),
                )
            )
        except BaseException as problem:  # a thread's failure must fail the test
            failures.append(problem)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not failures
    target = FileTarget(tmp_path / "target.json")
    assert sent(target) == {(key, 1): 1 for key in rows}
    assert all(r.count("failed") == 0 for r in reports)
    assert verify(EmbeddedWarehouse(tmp_path / "warehouse.duckdb")).ok


def test_a_second_worker_with_newer_rows_never_loses_to_the_first(tmp_path: Path) -> None:
    """While one worker sends version 1, another plans version 2: it waits, and the target ends at version 2."""
    slow, other = FileTarget(tmp_path / "target.json"), FileTarget(tmp_path / "target.json")
    seen: list[DeliveryReport] = []

    def meanwhile(intents: Sequence[Intent]) -> None:
        slow.before_write = lambda intents: None
        seen.append(send(EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=20), {"A1": "20"}, other))

    slow.before_write = meanwhile
    send(EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=20), {"A1": "10"}, slow)
    assert [(r.key, r.status) for r in seen[0].rows] == [("A1", "planned")]  # under way elsewhere: not sent
    assert other.writes() == [("A1", 1)]
    final = send(EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=20), {"A1": "20"}, other)
    assert final.ok
    assert other.writes() == [("A1", 1), ("A1", 2)]
    assert other.state()["records"]["A1"]["open_amount"] == "20.00"


def test_a_result_is_stored_only_by_who_still_holds_the_row(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    one = batch({"A1": "10"})
    with warehouse.transaction() as tx:
        queued = [ledger.Queued("A1", "create", one.rows["A1"])]
        ledger.enqueue(tx, "crm", OBJECT, one.batch_hash, queued, "planned", "", "ann")
        (entry,) = claims.claim(tx, "crm", OBJECT, one.batch_hash, "elsewhere:1:x:first", -1, 10)
        assert claims.claim(tx, "crm", OBJECT, one.batch_hash, "elsewhere:1:x:second", 60, 10) == []
        (taken,) = claims.claim_unresolved(tx, "crm", OBJECT, "elsewhere:1:x:third", 60)  # the first's time is over
        assert taken.outbox_id == entry.outbox_id
        assert claims.claim_unresolved(tx, "crm", OBJECT, "elsewhere:1:x:fourth", 60) == []
        assert claims.finish(tx, "elsewhere:1:x:first", {entry.outbox_id: ("failed", "late")}) == []
        assert len(claims.finish(tx, "elsewhere:1:x:third", {entry.outbox_id: ("delivered", "")})) == 1
        assert ledger.delivered(tx, "crm", OBJECT) == {"A1": one.rows["A1"]}


def test_a_claim_ends_with_its_process() -> None:
    mine = lease.claim()
    host, pid, token, number = mine.split(":")
    assert not lease.is_dead(mine)
    assert lease.is_dead(f"{host}:{pid}:another start:{number}")
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    assert lease.is_dead(f"{host}:{ended.stdout.strip()}:{token}:{number}")
    assert not lease.is_dead(f"another-host:{ended.stdout.strip()}:{token}:{number}")
    assert not lease.is_dead("")


def run(folder: Path, count: int, amount: str, kill_at: str = "") -> int:
    environment = {**os.environ, "OTC_KILL_AT": kill_at}
    command = [sys.executable, "-m", "tests.unit.otc_pipelines.reverse_sync.house", str(folder), str(count), amount]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@pytest.mark.parametrize("point", ["sync.after_intent", "sync.after_send", "sync.after_result"])
@pytest.mark.parametrize("first", [True, False], ids=["create", "update"])
def test_killed_at_a_named_point_the_next_run_leaves_one_effect(tmp_path: Path, point: str, first: bool) -> None:
    count, expected = 3, 1
    if not first:
        assert run(tmp_path, count, "5.00") == 0
        expected = 2
    assert run(tmp_path, count, "7.00", point) == -signal.SIGKILL
    assert run(tmp_path, count, "7.00") == 0
    target = FileTarget(tmp_path / "target.json")
    keys = [f"A{n:04d}" for n in range(count)]
    assert Counter(key for key, _ in target.state()["effects"]) == dict.fromkeys(keys, expected)
    assert Counter(key for key, _ in target.writes()) == dict.fromkeys(keys, expected)  # nothing was sent twice
    assert {r["open_amount"] for r in target.state()["records"].values()} == {"7.00"}
    warehouse = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    with warehouse.reading() as tx:
        assert {r["status"] for r in tx.rows("select status from ops.outbox")} == {"delivered"}
    assert verify(warehouse).ok
    before = target.writes()
    assert run(tmp_path, count, "7.00") == 0
    assert target.writes() == before


def test_a_live_workers_rows_are_left_to_it(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    one = judge(warehouse, batch({"A1": "10"}))
    with warehouse.transaction() as tx:
        queued = [ledger.Queued("A1", "create", one.rows["A1"])]
        ledger.enqueue(tx, "crm", OBJECT, one.batch_hash, queued, "planned", "", "ann")
        (entry,) = claims.claim(tx, "crm", OBJECT, one.batch_hash, lease.claim(), 60, 10)
        assert entry.lease_until is not None and entry.lease_until > datetime.now(UTC) + timedelta(seconds=30)
    target = FileTarget(tmp_path / "target.json")
    report = send(warehouse, {"A1": "10"}, target)
    assert ([r.status for r in report.rows], target.writes()) == (["sending"], [])
