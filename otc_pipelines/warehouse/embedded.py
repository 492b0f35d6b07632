"""The embedded warehouse: one DuckDB file, one writing process at a time.

A connection lives as long as a transaction, so that dbt, the gates and other processes get their turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from otc_pipelines.warehouse import schema
from otc_pipelines.warehouse.door import Role, Tx, Warehouse, WarehouseError, first_line, lock_wait
from otc_pipelines.warehouse.parameters import bound

STORAGE = "v1.4.0"
"""DuckDB from this version on reads the file; what is published stays readable by older ones."""
_MANY = 50  # rows above which a bulk insert is faster than one statement a row
_HELD = re.compile(r"held in (\S+) \(PID (\d+)\)")


class EmbeddedTx(Tx):
    """A transaction of DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, **parameters: Any) -> None:
        """See Tx."""
        self._run(sql, parameters)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """See Tx."""
        result = self._run(sql, parameters)
        names = [d[0] for d in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """See Tx."""
        row = self._run(sql, parameters).fetchone()
        return row[0] if row else None

    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """See Tx."""
        return self._run(sql, parameters).to_arrow_table()

    def arrow_batches(self, sql: str, size: int = 100_000, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """See Tx."""
        yield from self._run(sql, parameters).to_arrow_reader(size)

    def insert_arrow(self, table: str, rows: pa.Table) -> int:
        """See Tx."""
        if rows.num_rows:
            self._connection.register("otc_incoming", rows)
            self._connection.execute(f"insert into {table} by name select * from otc_incoming")  # noqa: S608
            self._connection.unregister("otc_incoming")
        return int(rows.num_rows)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """See Tx."""
        if len(rows) > _MANY:
            return self.insert_arrow(table, pa.Table.from_pylist(list(rows)))
        if rows:
            names = list(rows[0])
            slots = ", ".join("?" for _ in names)
            self._connection.executemany(
                f"insert into {table} ({', '.join(names)}) values ({slots})",  # noqa: S608
                [[row[n] for n in names] for row in rows],
            )
        return len(rows)

    def temp(self, name: str, select: str, **parameters: Any) -> None:
        """See Tx."""
        self._run(f"create or replace temp table {name} as {select}", parameters)

    def stage_parquet(self, name: str, files: Sequence[Path]) -> None:
        """See Tx."""
        listed = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
        self._connection.execute(
            f"create or replace temp table {name} as select * from read_parquet([{listed}], union_by_name = true)"  # noqa: S608
        )

    def sha256(self, text: str) -> str:
        """See Tx."""
        return f"sha256({text})"

    def content(self, relation: str) -> str:
        """See Tx."""
        return str(self.scalar(f"select count(*) || ':' || coalesce(sum(hash(otc_row)), 0) from {relation} as otc_row"))  # noqa: S608

    def index(self, table: str, columns: Sequence[str]) -> None:
        """See Tx. DuckDB keeps the least and the greatest value of every block; an index would only cost memory."""

    def attempt(self) -> contextlib.AbstractContextManager[None]:
        """See Tx. A statement that does not bind leaves DuckDB's transaction as it was."""
        return contextlib.nullcontext()

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        text, used = bound(sql, parameters, lambda name: f"${name}")
        return self._connection.execute(text, used) if used else self._connection.execute(text)


def opened(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open a file of DuckDB: its times are UTC, and it prints nothing."""
    connection = duckdb.connect(str(path), read_only=read_only)
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection


def _create(path: Path) -> None:
    """Make the file with the present form of storage, which it keeps: whoever opens it says nothing of it.

    DuckDB's own default is one that its first releases read; in this one texts are compressed in a third less time.
    """
    duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE}).close()


class EmbeddedWarehouse(Warehouse):
    """One DuckDB file; ``wait`` is how many seconds to wait for whoever has it."""

    kind = "duckdb"

    def __init__(self, path: Path, wait: float | None = None) -> None:
        self.path = path
        self.folder = path.parent
        self._wait = lock_wait(wait)
        self._ready = False

    @property
    def shown(self) -> str:
        """See Warehouse."""
        return self.path.name

    def described(self) -> Mapping[str, str]:
        """See Warehouse. Of a file there is no more to say."""
        return {}

    def dbt_environment(self, *, connects: bool = True) -> Mapping[str, str]:
        """See Warehouse."""
        return {"OTC_DBT_TARGET": "duckdb", "OTC_WAREHOUSE_PATH": str(self.path), "OTC_MARTS_BUILT_IN": "marts"}

    def sqlalchemy(self) -> tuple[str, dict[str, Any]]:
        """See Warehouse."""
        from otc_pipelines.warehouse.buffered_dialect import buffered

        return f"duckdb+{buffered()}:///{self.path}", {"read_only": True}

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(self.path.with_suffix(".lock"), thread_local=False)

    @property
    def _holder(self) -> Path:
        return self.path.with_suffix(".holder.json")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """See Warehouse."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=self._wait)
        except Timeout:
            raise WarehouseError(f"warehouse {self.path} is in use by {self._who()}; wait for it or stop it") from None
        except OSError as problem:
            raise WarehouseError(f"warehouse {self.path} cannot be written: {problem.strerror or problem}") from None
        try:
            if self._lock.lock_counter == 1:
                with contextlib.suppress(OSError):
                    mine = {
                        "pid": os.getpid(),
                        "command": " ".join(sys.argv)[:200],
                        "since": datetime.now(UTC).isoformat(),
                    }
                    self._holder.write_text(json.dumps(mine))
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """See Warehouse. An open file is shared by all that this process opens; the last one to close writes it out."""
        with self.writing(), contextlib.ExitStack() as open_file:
            if self.path.exists():  # what is not there, or cannot be opened, is told to who asks for it
                with contextlib.suppress(duckdb.Error):
                    open_file.callback(opened(self.path, read_only=False).close)
            yield

    @contextlib.contextmanager
    def transaction(self, role: Role = "owner") -> Iterator[Tx]:
        """See Warehouse."""
        with self.writing():
            connection = self._connect(read_only=False)
            try:
                if not self._ready:
                    schema.migrate(connection)
                    self._ready = True
                connection.execute("begin")
                try:
                    yield EmbeddedTx(connection)
                    connection.execute("commit")
                except BaseException:
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("rollback")
                    raise
            except (duckdb.IOException, duckdb.FatalException, OSError) as problem:
                raise WarehouseError(f"warehouse {self.path} cannot be written: {first_line(problem)}") from None
            finally:
                with contextlib.suppress(duckdb.Error):
                    connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Tx]:
        """See Warehouse."""
        if not self.path.exists():
            raise WarehouseError(f"warehouse {self.path} does not exist yet; run `otc run` first")
        connection = self._connect(read_only=True)
        try:
            schema.require_current(schema.applied(connection))
            yield EmbeddedTx(connection)
        finally:
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                if not read_only and not self.path.exists():
                    _create(self.path)
                return opened(self.path, read_only=read_only)
            except duckdb.ConnectionException:  # this process has it open in the other way
                if read_only:
                    read_only = False
                elif time.monotonic() > deadline:
                    message = f"warehouse {self.path} is being read by another thread of this process; wait for it"
                    raise WarehouseError(message) from None
                else:
                    time.sleep(0.05)
            except duckdb.IOException as problem:
                if "lock" not in str(problem).lower():
                    raise WarehouseError(f"warehouse {self.path} cannot be opened: {first_line(problem)}") from None
                if time.monotonic() > deadline:
                    who = self._who(str(problem))
                    raise WarehouseError(f"warehouse {self.path} is in use by {who}; wait for it or stop it") from None
                time.sleep(0.05)
            except duckdb.Error as problem:
                raise WarehouseError(
                    f"warehouse {self.path} is not a readable DuckDB file ({first_line(problem)}); "
                    "restore it from a copy"
                ) from None

    def _who(self, said: str = "") -> str:
        """Who holds the warehouse: whom the database itself names, else the one that noted itself as writing."""
        held = _HELD.search(said)
        try:
            found = json.loads(self._holder.read_text())
            if held is None or str(found["pid"]) == held[2]:
                return f"process {found['pid']} ({found['command']}, since {found['since']})"
        except (OSError, ValueError, KeyError):
            pass
        return f"process {held[2]} ({held[1]})" if held else "another process"
