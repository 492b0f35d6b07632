"""A published copy that is made from the last one: of each table only the rows that differ are written.

Belongs here: what differs, and when a table is written anew instead. Not here: files, and who may read them.
Rows are told apart by DuckDB's hash of a whole row; at the end the number of rows and the sum of their hashes must be
those of what was built, as ``Tx.content`` has them, or the table is written anew. What is deleted from a table keeps
its place until DuckDB merges blocks, and so does a table that was written anew: both are bounded here.
"""

from __future__ import annotations

from dataclasses import dataclass

from otc_pipelines.warehouse.door import Tx

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


def tables(tx: Tx, database: str) -> list[Table]:
    """The tables and views of ``marts`` in an attached database, by name."""
    columns: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for c in tx.rows(
        """select table_name, table_type = 'VIEW' as is_view, column_name, data_type
        from information_schema.columns join information_schema.tables using (table_catalog, table_schema, table_name)
        where table_schema = 'marts' and table_catalog = :database order by table_name, ordinal_position""",
        database=database,
    ):
        columns.setdefault((c["table_name"], c["is_view"]), []).append((c["column_name"], c["data_type"]))
    return [Table(name, view, tuple(listed)) for (name, view), listed in columns.items()]


def roomy(tx: Tx, database: str) -> bool:
    """Whether an attached file is so much larger than what it holds that it should be written anew."""
    (size,) = tx.rows(
        "select total_blocks, used_blocks from pragma_database_size() where database_name = :database",
        database=database,
    )
    return bool(size["total_blocks"] > ROOM * size["used_blocks"] + SPARE)


def renew(tx: Tx, table: Table, known: Table | None) -> int:
    """Make ``published.marts`` hold what ``marts`` holds of a table, and return how many rows.

    ``known`` is what the copy has of the table so far, None where it has nothing.
    """
    fresh, copied = f'marts."{table.name}"', f'published.marts."{table.name}"'
    if table.view:  # computed once, whatever is asked of it below
        tx.execute(f"create or replace temp table otc_view as select * from {fresh}")  # noqa: S608
        fresh = "otc_view"
    rows = _counted(tx, fresh)
    if known is not None and known.columns == table.columns and rows >= SMALL and _changed(tx, fresh, copied, rows):
        return rows
    tx.execute(f"create or replace table {copied} as select * from {fresh}")  # noqa: S608
    return rows


def _changed(tx: Tx, fresh: str, copied: str, rows: int) -> bool:
    """Write what differs, and whether the copy holds what is wanted now; False also where too much differs."""
    for name, relation in (("otc_fresh", fresh), ("otc_copied", copied)):
        hashes = f"select rowid as place, hash(otc_row) as row_hash from {relation} as otc_row"  # noqa: S608
        tx.execute(f"create or replace temp table {name} as {hashes}")
    for name, of, other in (("otc_gone", "otc_copied", "otc_fresh"), ("otc_come", "otc_fresh", "otc_copied")):
        differs = f"select place from {of} anti join {other} using (row_hash)"  # noqa: S608
        tx.execute(f"create or replace temp table {name} as {differs}")
    room = tx.scalar("select coalesce(max(place), 0) + 1 from otc_copied")
    if _counted(tx, "otc_gone") + _counted(tx, "otc_come") > MOST * rows or room > ROOM * rows:
        return False
    tx.execute(f"delete from {copied} where rowid in (select place from otc_gone)")  # noqa: S608
    come = f"select * from {fresh} where rowid in (select place from otc_come)"  # noqa: S608
    tx.execute(f"insert into {copied} {come}")
    return tx.content(copied) == tx.content(fresh)


def _counted(tx: Tx, relation: str) -> int:
    return int(tx.scalar(f"select count(*) from {relation}"))  # noqa: S608
