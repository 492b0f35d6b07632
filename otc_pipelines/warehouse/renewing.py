"""A published copy that is made from the last one: of each table only the rows that differ are written.

Belongs here: what differs, and when a table is written anew instead. Not here: files, and who may read them.
Rows are told apart by DuckDB's hash of a whole row; at the end the number of rows and the sum of their hashes must be
those of what was built, as ``Tx.content`` has them, or the table is written anew. What is deleted from a table keeps
its place until DuckDB merges blocks, and so does a table that was written anew: both are bounded here.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

SMALL = 20_000
"""Rows below which a table is written anew: that takes no longer than to find what differs."""
MOST = 0.2
"""Share of rows that may differ: above it a table is written anew."""
ROOM = 1.5
"""How many times the room of its rows a table may take, and a file that of its tables, before it is written anew."""
SPARE = 16
"""Blocks that a file may have free beside: the smallest ones hardly have any."""


@dataclass(frozen=True)
class Table:
    """A table or view of ``marts`` with its columns and their types, in order."""

    name: str
    view: bool
    columns: tuple[tuple[str, str], ...]


def tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[Table]:
    """The tables and views of ``marts`` in an attached database, by name."""
    columns: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for table, view, column, kind in connection.execute(
        """select table_name, table_type = 'VIEW', column_name, data_type
        from information_schema.columns join information_schema.tables using (table_catalog, table_schema, table_name)
        where table_schema = 'marts' and table_catalog = ? order by table_name, ordinal_position""",
        [database],
    ).fetchall():
        columns.setdefault((table, view), []).append((column, kind))
    return [Table(name, view, tuple(listed)) for (name, view), listed in columns.items()]


def roomy(connection: duckdb.DuckDBPyConnection, database: str) -> bool:
    """Whether an attached file is so much larger than what it holds that it should be written anew."""
    found = connection.execute(
        "select total_blocks, used_blocks from pragma_database_size() where database_name = ?", [database]
    ).fetchone()
    return found is None or int(found[0]) > ROOM * int(found[1]) + SPARE


def renew(connection: duckdb.DuckDBPyConnection, table: Table, known: Table | None) -> int:
    """Make ``published.marts`` hold what ``marts`` holds of a table, and return how many rows.

    ``known`` is what the copy has of the table so far, None where it has nothing.
    """
    fresh, copied = f'marts."{table.name}"', f'published.marts."{table.name}"'
    if table.view:  # computed once, whatever is asked of it below
        connection.execute(f"create or replace temp table otc_view as select * from {fresh}")  # noqa: S608
        fresh = "otc_view"
    rows = _counted(connection, fresh)
    if known is not None and known.columns == table.columns and rows >= SMALL and _changed(connection, fresh, copied):
        return rows
    connection.execute(f"create or replace table {copied} as select * from {fresh}")  # noqa: S608
    return rows


def _changed(connection: duckdb.DuckDBPyConnection, fresh: str, copied: str) -> bool:
    """Write what differs, and whether the copy holds what is wanted now; False also where too much differs."""
    _hashed(connection, "otc_fresh", fresh, "0")
    _hashed(connection, "otc_copied", copied, "rowid")
    wanted = _sums(connection, "otc_fresh")
    if _sums(connection, "otc_copied") == wanted:
        return True
    for name, of, other in (("otc_gone", "otc_copied", "otc_fresh"), ("otc_come", "otc_fresh", "otc_copied")):
        differs = f"select * from {of} anti join {other} using (row_hash)"  # noqa: S608
        connection.execute(f"create or replace temp table {name} as {differs}")
    differing = _counted(connection, "otc_gone") + _counted(connection, "otc_come")
    (room,) = connection.execute("select coalesce(max(place), 0) + 1 from otc_copied").fetchone() or (0,)
    if differing > MOST * wanted[0] or room > ROOM * wanted[0]:
        return False
    connection.execute(f"delete from {copied} where rowid in (select place from otc_gone)")  # noqa: S608
    come = f"select * from {fresh} as otc_row where hash(otc_row) in (select row_hash from otc_come)"  # noqa: S608
    connection.execute(f"insert into {copied} {come}")
    _hashed(connection, "otc_copied", copied, "0")
    return _sums(connection, "otc_copied") == wanted


def _hashed(connection: duckdb.DuckDBPyConnection, name: str, relation: str, place: str) -> None:
    """Keep the hash of every row of a relation, with its place, for this connection alone."""
    hashes = f"select {place} as place, hash(otc_row) as row_hash from {relation} as otc_row"  # noqa: S608
    connection.execute(f"create or replace temp table {name} as {hashes}")


def _sums(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int]:
    """How many rows there are, and the sum of their hashes."""
    (total,) = connection.execute(f"select coalesce(sum(row_hash), 0) from {name}").fetchone() or (0,)  # noqa: S608
    return _counted(connection, name), int(total)


def _counted(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    (rows,) = connection.execute(f"select count(*) from {relation}").fetchone() or (0,)  # noqa: S608
    return int(rows)
