"""A transaction of PostgreSQL: every statement and every COPY in one session.

Belongs here: statements, Arrow in and out. Not here: connecting, the lock, who may do what (``server``, ``roles``).
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq

from otc_pipelines.warehouse.copying import NUL, empty, read_csv, sql_type, together, write_csv
from otc_pipelines.warehouse.door import Tx
from otc_pipelines.warehouse.parameters import bound, quoted

_MANY = 50  # rows above which COPY is faster than one statement a row
_IN_MEMORY = 1 << 24  # bytes of a result above which it waits on disk


class ServerTx(Tx):
    """A transaction of PostgreSQL."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._names = count()

    def execute(self, sql: str, **parameters: Any) -> None:
        """See Tx."""
        self._run(sql, parameters).close()

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """See Tx."""
        with self._run(sql, parameters) as cursor:
            names = [d[0] for d in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """See Tx."""
        with self._run(sql, parameters) as cursor:
            row = cursor.fetchone()
            return row[0] if row else None

    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """See Tx."""
        described = self._described(sql, parameters)
        with self._copied(sql, parameters) as file:
            batches = list(read_csv(file, described, 1 << 20))
        return together(batches) if batches else empty(described)

    def arrow_batches(self, sql: str, size: int = 100_000, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """See Tx."""
        described = self._described(sql, parameters)
        with self._copied(sql, parameters) as file:
            yield from read_csv(file, described, size)

    def insert_arrow(self, table: str, rows: pa.Table) -> int:
        """See Tx."""
        if rows.num_rows:
            self._copy_in(table, rows.column_names, [rows])
        return int(rows.num_rows)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """See Tx."""
        if len(rows) > _MANY:
            return self.insert_arrow(table, pa.Table.from_pylist(list(rows)))
        if rows:
            names = list(rows[0])
            listed = ", ".join(quoted(n) for n in names)
            slots = ", ".join("%s" for _ in names)
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    f"insert into {table} ({listed}) values ({slots})",  # noqa: S608
                    [[_storable(row[n]) for n in names] for row in rows],
                )
        return len(rows)

    def temp(self, name: str, select: str, **parameters: Any) -> None:
        """See Tx. It is made under another name first: the query may read the one that it replaces."""
        fresh = f"{name}_{next(self._names)}"
        self.execute(f"create temp table {fresh} on commit drop as {select}", **parameters)
        self.execute(f"drop table if exists pg_temp.{name}")
        self.execute(f"alter table pg_temp.{fresh} rename to {name}")
        self.execute(f"analyze pg_temp.{name}")

    def stage_parquet(self, name: str, files: Sequence[Path]) -> None:
        """See Tx."""
        schema = pa.unify_schemas([pq.read_schema(f) for f in files])
        columns = ", ".join(f"{quoted(f.name)} {sql_type(f.type)}" for f in schema)
        self.execute(f"drop table if exists pg_temp.{name}")
        self.execute(f"create temp table {name} ({columns}) on commit drop")
        for file in files:
            opened = pq.ParquetFile(file)
            try:
                self._copy_in(f"pg_temp.{name}", opened.schema_arrow.names, opened.iter_batches(50_000))
            finally:
                opened.close()
        self.execute(f"analyze pg_temp.{name}")

    def sha256(self, text: str) -> str:
        """See Tx."""
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"

    def content(self, relation: str) -> str:
        """See Tx."""
        hashed = "sum(cast(hashtextextended(cast(otc_row as text), 0) as numeric))"
        return str(self.scalar(f"select count(*) || ':' || coalesce({hashed}, 0) from {relation} as otc_row"))  # noqa: S608

    def index(self, table: str, columns: Sequence[str]) -> None:
        """See Tx."""
        self.execute(f"create index on {table} ({', '.join(quoted(c) for c in columns)})")

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """See Tx."""
        name = f"otc_attempt_{next(self._names)}"
        self.execute(f"savepoint {name}")
        try:
            yield
        except Exception:
            with contextlib.suppress(psycopg2.Error):
                self.execute(f"rollback to savepoint {name}")
            raise
        self.execute(f"release savepoint {name}")

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        cursor = self._connection.cursor()
        try:
            text, used = _text(sql, parameters)
            cursor.execute(text, used or None)
        except BaseException:
            cursor.close()
            raise
        return cursor

    def _described(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        with self._run(f"select * from ({sql}) as otc_described limit 0", parameters) as cursor:  # noqa: S608
            return cast("Sequence[Any]", cursor.description)

    @contextlib.contextmanager
    def _copied(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[BinaryIO]:
        """What a query gives, as COPY writes it; a large result waits on disk, so that memory stays bounded."""
        text, used = _text(sql, parameters)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file, self._connection.cursor() as cursor:
            whole = cursor.mogrify(text, used).decode() if used else text
            cursor.copy_expert(f"copy ({whole}) to stdout with (format csv, force_quote *)", file)
            file.seek(0)
            yield cast("BinaryIO", file)

    def _copy_in(self, table: str, names: Sequence[str], batches: Any) -> None:
        listed = ", ".join(quoted(n) for n in names)
        statement = f"copy {table} ({listed}) from stdin with (format csv)"
        with self._connection.cursor() as cursor:
            for batch in batches:
                buffer = io.BytesIO()
                write_csv(batch, buffer)
                buffer.seek(0)
                cursor.copy_expert(statement, buffer)


def _text(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    text, used = bound(sql, parameters, lambda name: f"%({name})s", lambda part: part.replace("%", "%%"))
    return text, {name: _storable(value) for name, value in used.items()}


def _storable(value: Any) -> Any:
    return value.replace("\x00", NUL) if isinstance(value, str) else value
