"""Opening the warehouse and speaking to it: transactions, bound parameters, Arrow in and out.

SQL that passes here is portable; what one database alone understands is written in this package.
``:name`` binds a parameter.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from connectors.kit.errors import FatalError
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import schema

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)", re.IGNORECASE)
_MANY = 50  # rows above which a bulk insert is faster than one statement a row
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_HELD = re.compile(r"held in (\S+) \(PID (\d+)\)")


class WarehouseError(FatalError):
    """The warehouse could not be opened or written: locked, full, read-only, damaged. Exit code 3."""


class Tx:
    """One transaction. Everything done through it becomes visible together, or not at all."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, **parameters: Any) -> None:
        """Run a statement."""
        self._run(sql, parameters)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return all rows as dictionaries; decimals are Decimal, timestamps carry their offset (UTC)."""
        result = self._run(sql, parameters)
        names = [d[0] for d in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self._run(sql, parameters).fetchone()
        return row[0] if row else None

    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self._run(sql, parameters).to_arrow_table()

    def arrow_batches(self, sql: str, size: int = 100_000, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """Yield the rows in Arrow batches of at most about ``size`` rows."""
        yield from self._run(sql, parameters).to_arrow_reader(size)

    def insert_arrow(self, table: str, rows: pa.Table) -> int:
        """Append rows to ``schema.table``, columns by name; return how many."""
        if rows.num_rows:
            self._connection.register("otc_incoming", rows)
            self._connection.execute(f"insert into {table} by name select * from otc_incoming")  # noqa: S608
            self._connection.unregister("otc_incoming")
        return int(rows.num_rows)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """Append dictionaries that all have the same keys; return how many."""
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
        """Make a temporary table of a query's rows, replacing one of that name."""
        self._run(f"create or replace temp table {name} as {select}", parameters)

    def stage_parquet(self, name: str, files: Sequence[Path]) -> None:
        """Make a temporary table of the rows of Parquet files, replacing one of that name."""
        listed = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
        self._connection.execute(
            f"create or replace temp table {name} as select * from read_parquet([{listed}], union_by_name = true)"  # noqa: S608
        )

    def _run(self, sql: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        used: set[str] = set()

        def slot(match: re.Match[str]) -> str:
            if match.group(1) not in parameters:
                return match.group(0)
            used.add(match.group(1))
            return "$" + match.group(1)

        parts = _LITERAL.split(sql)
        bound = "".join(p if i % 2 else _PARAMETER.sub(slot, p) for i, p in enumerate(parts))
        if not used:
            return self._connection.execute(bound)
        return self._connection.execute(bound, {k: v for k, v in parameters.items() if k in used})


class Warehouse:
    """The embedded warehouse of an instance: one DuckDB file, one writing process at a time.

    A connection lives as long as a transaction, so that dbt, the gates and other processes get their turn.
    """

    def __init__(self, path: Path, wait: float | None = None) -> None:
        self.path = path
        self._wait = float(os.environ.get("OTC_LOCK_WAIT", "60")) if wait is None else wait
        self._ready = False

    @classmethod
    def of(cls, instance: Instance) -> Warehouse:
        """Return the warehouse of an instance; nothing is opened yet."""
        return cls(instance.data_dir / "warehouse.duckdb")

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(self.path.with_suffix(".lock"), thread_local=False)

    @property
    def _holder(self) -> Path:
        return self.path.with_suffix(".holder.json")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one process that writes, for a whole pass; may be nested. WarehouseError says who holds it."""
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
    def transaction(self) -> Iterator[Tx]:
        """Open, begin, and commit at the end; any exception rolls all of it back."""
        with self.writing():
            connection = self._connect(read_only=False)
            try:
                if not self._ready:
                    schema.migrate(connection)
                    self._ready = True
                connection.execute("begin")
                try:
                    yield Tx(connection)
                    connection.execute("commit")
                except BaseException:
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("rollback")
                    raise
            except (duckdb.IOException, duckdb.FatalException, OSError) as problem:
                raise WarehouseError(f"warehouse {self.path} cannot be written: {_first_line(problem)}") from None
            finally:
                with contextlib.suppress(duckdb.Error):
                    connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Tx]:
        """Read without writing. WarehouseError when there is none yet, or another process keeps it."""
        if not self.path.exists():
            raise WarehouseError(f"warehouse {self.path} does not exist yet; run `otc run` first")
        connection = self._connect(read_only=True)
        try:
            yield Tx(connection)
        finally:
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                connection = duckdb.connect(str(self.path), read_only=read_only)
                connection.execute("set TimeZone = 'UTC'")
                connection.execute("set enable_progress_bar = false")
                return connection
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
                    raise WarehouseError(f"warehouse {self.path} cannot be opened: {_first_line(problem)}") from None
                if time.monotonic() > deadline:
                    who = self._who(str(problem))
                    raise WarehouseError(f"warehouse {self.path} is in use by {who}; wait for it or stop it") from None
                time.sleep(0.05)
            except duckdb.Error as problem:
                raise WarehouseError(
                    f"warehouse {self.path} is not a readable DuckDB file ({_first_line(problem)}); "
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


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
