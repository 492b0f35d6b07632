"""A copy made from the last one holds what was built, whatever differed, and does not grow by being renewed."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otc_pipelines.warehouse import EmbeddedWarehouse, renewing
from otc_pipelines.warehouse.embedded import EmbeddedTx
from otc_pipelines.warehouse.publish import publish, published_path

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "", None]),
        st.one_of(st.none(), st.decimals(min_value=-5, max_value=5, places=2)),
    ),
    max_size=8,
)
COUNT = 1_000


@contextlib.contextmanager
def attached(built: str, copied: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a built table ``marts.t`` (or view) and its copy in ``published``."""
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute("create schema marts; attach ':memory:' as published; create schema published.marts")
        connection.execute(built)
        connection.execute(copied)
        yield connection


def renewed(connection: duckdb.DuckDBPyConnection) -> int:
    """Renew the one table."""
    tx = EmbeddedTx(connection)
    (table,) = renewing.tables(tx, "memory")
    known = {found.name: found for found in renewing.tables(tx, "published")}
    return renewing.renew(tx, table, known.get("t"))


def held(connection: duckdb.DuckDBPyConnection, relation: str) -> Counter[tuple[Any, ...]]:
    """Its rows, each as often as it is there."""
    return Counter(connection.execute(f"select * from {relation}").fetchall())


@given(built=ROWS, copied=ROWS, view=st.booleans(), most=st.sampled_from([0.2, 100.0]))
@settings(deadline=None)
def test_a_copy_holds_what_was_built_row_for_row(
    built: list[tuple[Any, ...]], copied: list[tuple[Any, ...]], view: bool, most: float
) -> None:
    """Duplicates, nulls and empty texts included, whether rows are changed or the table is written anew."""
    with (
        pytest.MonkeyPatch.context() as patch,
        attached(
            "create table main.rows (id text, amount decimal(18, 4)); create view marts.t as from main.rows"
            if view
            else "create table marts.t (id text, amount decimal(18, 4))",
            "create table published.marts.t (id text, amount decimal(18, 4))",
        ) as connection,
    ):
        patch.setattr(renewing, "SMALL", 0)
        patch.setattr(renewing, "MOST", most)
        for into, rows in (("main.rows" if view else "marts.t", built), ("published.marts.t", copied)):
            for row in rows:
                connection.execute(f"insert into {into} values (?, ?)", row)
        assert renewed(connection) == len(built)
        assert held(connection, "published.marts.t") == Counter(built)


@pytest.mark.parametrize(
    "known",
    [
        "create table published.marts.t (id text)",
        "create table published.marts.t (id bigint, amount decimal(18, 2))",
        "create table published.marts.t (amount decimal(18, 4), id bigint)",
        "select 1",
    ],
)
def test_a_table_with_other_columns_or_none_is_written_anew(known: str) -> None:
    built = "create table marts.t as select 1::bigint as id, 2.5::decimal(18, 4) as amount"
    with attached(built, known) as connection:
        assert renewed(connection) == 1
        tx = EmbeddedTx(connection)
        assert renewing.tables(tx, "published") == renewing.tables(tx, "memory")
        assert held(connection, "published.marts.t") == held(connection, "marts.t")


def test_only_what_differs_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are the same keep their places."""
    monkeypatch.setattr(renewing, "SMALL", 0)
    rows = f"select range as id, 'x' as name from range({COUNT})"
    with attached(f"create table marts.t as {rows}", f"create table published.marts.t as {rows}") as connection:
        connection.execute("update marts.t set name = 'y' where id % 100 = 0")
        connection.execute("delete from marts.t where id = 7; insert into marts.t values (5000, 'z')")
        assert renewed(connection) == COUNT
        assert held(connection, "published.marts.t") == held(connection, "marts.t")
        stayed = connection.execute("select count(*) from published.marts.t where rowid = id").fetchone()
        assert stayed == (COUNT - 11,)


def test_what_differs_and_cannot_be_told_by_hashes_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same row twice where it was once: no hash is new, the count is."""
    monkeypatch.setattr(renewing, "SMALL", 0)
    rows = f"select range as id from range({COUNT})"
    with attached(f"create table marts.t as {rows}", f"create table published.marts.t as {rows}") as connection:
        connection.execute("insert into marts.t values (3)")
        assert renewed(connection) == COUNT + 1
        assert held(connection, "published.marts.t") == held(connection, "marts.t")


def test_a_file_that_is_renewed_again_and_again_stays_in_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "SPARE", 0)
    warehouse = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    rows = 3 * renewing.SMALL

    def published_after(change: str) -> int:
        with warehouse.writing(), warehouse.transaction() as tx:
            tx.execute(change)
        done = publish(warehouse)
        assert (done.tables, done.rows) == (1, rows)
        with duckdb.connect(str(published_path(warehouse)), read_only=True) as reader:
            total = reader.execute("select count(*), sum(amount) from marts.t").fetchone()
        with warehouse.reading() as tx:
            assert total == (rows, tx.scalar("select sum(amount) from marts.t"))
        return done.bytes

    with warehouse.writing(), warehouse.transaction() as tx:
        tx.execute("create schema marts")
        tx.execute("create table marts.t as select 0 as id, 0 as amount, '' as name limit 0")
    first = published_after(f"insert into marts.t select range, 0, md5(range::text) from range({rows})")
    sizes = [published_after(f"update marts.t set amount = amount + 1 where id % 10 = {n % 10}") for n in range(25)]
    assert max(sizes) < 4 * first


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_a_file_that_cannot_serve_is_written_anew(tmp_path: Path, damage: bytes | None) -> None:
    warehouse = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    with warehouse.writing(), warehouse.transaction() as tx:
        tx.execute("create schema marts")
        tx.execute("create table marts.t as select 1 as id")
        tx.execute("create table marts.gone as select 1 as id")
    publish(warehouse)
    path = published_path(warehouse)
    if damage is not None:
        path.write_bytes(damage)
    with warehouse.writing(), warehouse.transaction() as tx:
        tx.execute("drop table marts.gone")
    assert publish(warehouse).tables == 1
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.execute("select table_name from information_schema.tables").fetchall() == [("t",)]
