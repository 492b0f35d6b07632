"""The published marts of a server: tables in ``marts``, filled from where dbt builds, all of them in one transaction.

A reader is never locked out and never sees half a build: rows are replaced under the snapshot that it reads, and the
tables stay, with what others built upon them. Why: ``docs/decisions/0010-postgresql.md``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import psycopg2

from otc_pipelines.warehouse.door import Published, Tx, Warehouse, WarehouseError
from otc_pipelines.warehouse.killpoint import killpoint
from otc_pipelines.warehouse.parameters import quoted
from otc_pipelines.warehouse.server import ServerWarehouse

_SCHEMA = "marts"
_OURS = "Published by otc: replaced at each pass."
ABSENT = (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn)
"""What a question meets that asks for a table or a column that is not published."""

Column = tuple[str, str]


def publish_schema(warehouse: Warehouse) -> Published:
    """Replace the rows of every table of ``marts`` by those that were built; tables that are built no more go."""
    assert isinstance(warehouse, ServerWarehouse)
    rows = size = 0
    with warehouse.transaction("transformer") as tx:
        tx.execute(f"create schema if not exists {_SCHEMA}")
        built = _columns(tx, warehouse.marts_built_in)
        there = _columns(tx, _SCHEMA, _OURS)
        for name in sorted(there.keys() - built.keys()):
            _drop(tx, name)
        for name, columns in sorted(built.items()):
            if there.get(name) not in (None, columns):
                _drop(tx, name)
            if there.get(name) == columns:
                tx.execute(f"delete from {_named(name)}")  # noqa: S608
            else:
                listed = ", ".join(f"{quoted(c)} {kind}" for c, kind in columns)
                tx.execute(f"create table {_named(name)} ({listed})")
                tx.execute(f"comment on table {_named(name)} is '{_OURS}'")
            tx.execute(f"insert into {_named(name)} select * from {warehouse.marts_built_in}.{quoted(name)}")  # noqa: S608
            rows += int(tx.scalar(f"select count(*) from {_named(name)}"))  # noqa: S608
            tx.execute(f"analyze {_named(name)}")
            killpoint("publish.table")
        size = _bytes(tx)
        killpoint("publish.before_swap")
    return Published(f"{_SCHEMA} of {warehouse.shown}", len(built), rows, size)


def standing_schema(warehouse: Warehouse) -> Published | None:
    """Return what is published, where it holds table for table what was built; None where anything is another."""
    with warehouse.reading() as tx:
        built = _columns(tx, warehouse.marts_built_in)
        if not built or built != _columns(tx, _SCHEMA, _OURS):
            return None
        rows = 0
        for name in built:
            held = tx.content(f"{warehouse.marts_built_in}.{quoted(name)}")
            if held != tx.content(_named(name)):
                return None
            rows += int(held.partition(":")[0])
        return Published(f"{_SCHEMA} of {warehouse.shown}", len(built), rows, _bytes(tx))


def _bytes(tx: Tx) -> int:
    return int(
        tx.scalar(
            """select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class as c
            where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r'"""
        )
    )


@contextlib.contextmanager
def published_schema(warehouse: Warehouse) -> Iterator[Tx]:
    """Read the published marts as BI does. WarehouseError when nothing was published yet."""
    assert isinstance(warehouse, ServerWarehouse)
    with warehouse.snapshot("bi_reader") as tx:
        if not tx.scalar("select count(*) from information_schema.tables where table_schema = 'marts'"):
            raise WarehouseError(f"no marts are published in {warehouse.shown} yet; run `otc run` first")
        yield tx


def _columns(tx: Tx, schema: str, comment: str | None = None) -> dict[str, Sequence[Column]]:
    """Tables (views too) of a schema, each with its columns and their types in order; of a comment, where one is given.

    What dbt makes on its way (``__dbt_tmp``, ``__dbt_backup``) is left out.
    """
    found: dict[str, list[Column]] = {}
    for r in tx.rows(
        """select c.relname as name, a.attname as column_name, format_type(a.atttypid, a.atttypmod) as kind
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = to_regnamespace(:schema) and c.relkind in ('r', 'v', 'm', 'p')
            and c.relname not like '%\\_\\_dbt\\_%'
            and (cast(:comment as text) is null or obj_description(c.oid, 'pg_class') = :comment)
        order by c.relname, a.attnum""",
        schema=schema,
        comment=comment,
    ):
        found.setdefault(r["name"], []).append((r["column_name"], r["kind"]))
    return dict(found)


def _drop(tx: Tx, name: str) -> None:
    """Remove a published table whose columns changed. What others built upon it is theirs: it is not removed along."""
    try:
        tx.execute(f"drop table {_named(name)}")
    except psycopg2.errors.DependentObjectsStillExist as problem:
        upon = (problem.diag.message_detail or "something").splitlines()[0]
        raise WarehouseError(
            f"marts cannot be published: the columns of {_SCHEMA}.{name} changed, and {upon}; drop that and run again"
        ) from None


def _named(name: str) -> str:
    return f"{_SCHEMA}.{quoted(name)}"
