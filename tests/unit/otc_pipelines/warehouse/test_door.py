"""The door: bound parameters, all or nothing, readers and writers of one process, who holds the lock, kill points."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse, WarehouseError
from otc_pipelines.warehouse.schema import MIGRATIONS


@pytest.fixture
def warehouse(tmp_path: Path) -> EmbeddedWarehouse:
    return EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=5)


def put(warehouse: Warehouse, name: str, value: str) -> None:
    with warehouse.transaction() as tx:
        tx.insert("ops.instance", [{"name": name, "value": value}])


def test_parameters_are_bound_and_literals_left_alone(warehouse: Warehouse) -> None:
    put(warehouse, "quote", "it's :name; drop table x")
    with warehouse.reading() as tx:
        assert tx.rows("select value, ':name' as said from ops.instance where name = :name", name="quote", other=1) == [
            {"value": "it's :name; drop table x", "said": ":name"}
        ]


def test_an_error_rolls_all_of_it_back(warehouse: Warehouse) -> None:
    put(warehouse, "first", "1")
    with pytest.raises(RuntimeError), warehouse.transaction() as tx:
        tx.insert("ops.instance", [{"name": "second", "value": "2"}])
        raise RuntimeError
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.instance where name = 'second'") == 0


def test_what_is_opened_inside_a_held_warehouse_opens_no_file(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warehouse.held():
        assert not warehouse.path.exists()  # what is not there yet is said by who asks for it
        with pytest.raises(WarehouseError, match="does not exist yet"), warehouse.reading():
            pytest.fail("there is nothing to read")
    put(warehouse, "first", "1")
    opened: list[duckdb.DuckDBPyConnection] = []
    connect = duckdb.connect

    def counted(*told: Any, **more: Any) -> duckdb.DuckDBPyConnection:
        opened.append(connect(*told, **more))
        return opened[-1]

    monkeypatch.setattr(duckdb, "connect", counted)
    with warehouse.held():
        usual = opened[0].execute("select current_setting('memory_limit')").fetchone()
        opened[0].execute("set memory_limit = '123MiB'")  # of a file, not of a connection: who shares it has it too
        put(warehouse, "second", "2")
        with pytest.raises(RuntimeError), warehouse.transaction() as tx:
            tx.insert("ops.instance", [{"name": "third", "value": "3"}])
            raise RuntimeError
        with warehouse.reading() as tx:
            names = "select name from ops.instance where value in ('1', '2', '3') order by name"
            assert [r["name"] for r in tx.rows(names)] == ["first", "second"]
            assert tx.scalar("select current_setting('memory_limit')") == "123.0 MiB"
    assert len(opened) == 4
    with warehouse.reading() as tx:  # all of it was let go, and opened anew
        assert (tx.scalar("select current_setting('memory_limit')"),) == usual


def test_what_cannot_be_held_is_worked_on_all_the_same(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, "first", "1")
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("nothing is waited for"))
    count = "select count(*) from ops.instance"
    with warehouse.reading() as tx, warehouse.held(), warehouse.reading() as other:  # what is read cannot be written
        assert tx.scalar(count) == other.scalar(count)
    with warehouse.held():
        put(warehouse, "second", "2")
    warehouse.path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with warehouse.held(), pytest.raises(WarehouseError, match="cannot be opened"), warehouse.reading():
        pytest.fail("there is nothing to read")


def test_others_wait_only_as_long_as_it_is_held(warehouse: EmbeddedWarehouse) -> None:
    put(warehouse, "x", "y")
    ask = (
        "import sys; from pathlib import Path; from otc_pipelines.warehouse import EmbeddedWarehouse\n"
        "with EmbeddedWarehouse(Path(sys.argv[1]), wait=float(sys.argv[2])).reading() as tx:\n"
        "    print(tx.scalar('select 7'))"
    )

    def asked(wait: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", ask, str(warehouse.path), wait]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with warehouse.held():
        assert "is in use by" in asked("0").stderr
    assert asked("0").stdout == "7\n"


def test_many_rows_and_few_are_inserted_alike(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    row = {"load_id": "l", "source_system": "s", "connector": "c", "entity": "e", "started_at": now, "loaded_at": now}
    row |= {"rows_in": 1, "rows_new": 1, "quarantined": 0, "bytes": 9}
    with warehouse.transaction() as tx:
        tx.insert("ops.load", [row] * 3)
        tx.insert("ops.load", [row] * 300)
        assert tx.scalar("select count(*) from ops.load") == 303
        assert len(tx.rows("select distinct * from ops.load")) == 1


def test_money_comes_back_as_decimal_and_time_with_its_offset(warehouse: Warehouse) -> None:
    put(warehouse, "x", "y")
    with warehouse.reading() as tx:
        row = tx.rows(
            "select cast('0.1' as decimal(18,4)) as amount, cast('2026-01-01T00:00:00+02:00' as timestamptz) as at"
        )[0]
        assert row["amount"] == Decimal("0.1000")
        assert row["at"].utcoffset().total_seconds() == 0
        assert row["at"].hour == 22
        batches = list(tx.arrow_batches("select * from range(10) as r(n)", size=5))
        assert sum(b.num_rows for b in batches) == 10
        assert isinstance(tx.arrow("select 1 as one"), pa.Table)


def test_a_writer_waits_for_a_reader_of_its_own_process(warehouse: Warehouse) -> None:
    put(warehouse, "x", "y")
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with warehouse.reading() as tx:
            assert tx.scalar("select 1") == 1
            reading.set()
            time.sleep(0.3)
        done.set()

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait(5)
    put(warehouse, "z", "1")
    thread.join()
    assert done.is_set()
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.instance where name = 'z'") == 1


def test_another_process_that_holds_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    script = (
        "import sys, time; from pathlib import Path; from otc_pipelines.warehouse import EmbeddedWarehouse\n"
        "with EmbeddedWarehouse(Path(sys.argv[1])).writing():\n print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(WarehouseError, match=str(holder.pid)), EmbeddedWarehouse(path, wait=0.2).writing():
            pass
    finally:
        holder.kill()
        holder.communicate()
    with EmbeddedWarehouse(path, wait=5).writing():
        pass


def test_a_file_that_is_no_warehouse_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError) as told, EmbeddedWarehouse(path, wait=0.1).reading():
        pass
    assert "\n" not in str(told.value)
    assert path.name in str(told.value)


def test_migrations_are_applied_once_and_named_once(warehouse: Warehouse) -> None:
    put(warehouse, "x", "y")
    again = EmbeddedWarehouse(warehouse.path, wait=5)
    put(again, "z", "y")
    with again.reading() as tx:
        applied = [r["name"] for r in tx.rows("select name from ops.schema_version order by name")]
    assert applied == [name for name, _ in MIGRATIONS]
