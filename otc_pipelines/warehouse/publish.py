"""What BI reads. On DuckDB a copy of the marts in a file of its own, swapped in whole; on a server: ``server_marts``.

A reader in another process is never locked out and never sees half a build: it keeps the file that it opened, and the
next one to open finds the new one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from otc_pipelines.warehouse.door import Published, Tx, Warehouse, WarehouseError, first_line
from otc_pipelines.warehouse.embedded import EmbeddedTx, EmbeddedWarehouse, opened
from otc_pipelines.warehouse.killpoint import killpoint
from otc_pipelines.warehouse.renewing import Table, renew, roomy, tables
from otc_pipelines.warehouse.replacing import replace


def publish(warehouse: Warehouse) -> Published:
    """Make the marts that were built the ones that people read, all of them at once."""
    if isinstance(warehouse, EmbeddedWarehouse):
        return _publish_file(warehouse)
    from otc_pipelines.warehouse.server_marts import publish_schema

    return publish_schema(warehouse)


def standing_copy(warehouse: Warehouse) -> Published | None:
    """Return what is published, where it holds table for table what was built; None where anything is another."""
    if isinstance(warehouse, EmbeddedWarehouse):
        return _standing_file(warehouse)
    from otc_pipelines.warehouse.server_marts import standing_schema

    return standing_schema(warehouse)


@contextlib.contextmanager
def published(warehouse: Warehouse) -> Iterator[Tx]:
    """Read the published marts. WarehouseError when nothing was published yet, or by a version that had other marts."""
    reading: contextlib.AbstractContextManager[Tx]
    absent: tuple[type[Exception], ...]
    if isinstance(warehouse, EmbeddedWarehouse):
        reading, absent = _reading_file(warehouse), (duckdb.CatalogException, duckdb.BinderException)
    else:
        from otc_pipelines.warehouse import server_marts

        reading, absent = server_marts.published_schema(warehouse), server_marts.ABSENT
    try:
        with reading as tx:
            yield tx
    except absent as problem:
        raise WarehouseError(
            f"what is published has not all that this version asks for ({first_line(problem)}); run `otc run`, which "
            "builds and publishes it"
        ) from problem


def published_path(warehouse: EmbeddedWarehouse) -> Path:
    """Where the published marts of this warehouse are."""
    return warehouse.path.parent / "published" / "bi.duckdb"


def _publish_file(warehouse: EmbeddedWarehouse) -> Published:
    """Bring a copy of the last file up to date beside it and swap it in atomically."""
    target = published_path(warehouse)
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_suffix(f".{os.getpid()}.building")
    rows = 0
    try:
        with warehouse.writing():
            for left in target.parent.glob("*.building*"):
                left.unlink(missing_ok=True)  # of a process that was killed: only one writes at a time
            with contextlib.closing(opened(warehouse.path, read_only=False)) as connection:
                tx = EmbeddedTx(connection)
                built = _tables(tx)
                known = _begun(tx, target, building)
                for gone in known.keys() - {table.name for table in built}:
                    tx.execute(f'drop table published.marts."{gone}"')
                for table in built:
                    rows += renew(tx, table, known.get(table.name))
                    killpoint("publish.table")
                tx.execute("checkpoint published")
                tx.execute("detach published")
            killpoint("publish.before_swap")
            replace(building, target)
    except (duckdb.IOException, OSError) as problem:
        raise WarehouseError(f"marts cannot be published to {target}: {first_line(problem)}") from None
    finally:
        building.unlink(missing_ok=True)
    return Published(target.name, len(built), rows, target.stat().st_size)


def _begun(tx: Tx, target: Path, building: Path) -> dict[str, Table]:
    """Attach as ``published`` a copy of the last file, or an empty one where it cannot serve; returns what it holds."""
    place = str(building).replace("'", "''")
    if target.exists():
        try:
            shutil.copyfile(target, building)
            tx.execute(f"attach '{place}' as published")
            if not roomy(tx, "published"):
                return {table.name: table for table in tables(tx, "published")}
            tx.execute("detach published")
        except duckdb.Error:  # no file of DuckDB, or one of another version of it
            tx.execute("detach database if exists published")
        building.unlink()
    tx.execute(f"attach '{place}' as published")
    tx.execute("create schema published.marts")
    return {}


def _standing_file(warehouse: EmbeddedWarehouse) -> Published | None:
    """Compare table by table; the first one that is another ends it."""
    rows = 0
    try:
        with warehouse.reading() as built, _reading_file(warehouse) as copied:
            columns = {table.name: table.columns for table in _tables(built)}
            if not columns or columns != {table.name: table.columns for table in _tables(copied)}:
                return None
            for name in columns:
                held = built.content(f'marts."{name}"')
                if held != copied.content(f'marts."{name}"'):
                    return None
                rows += int(held.partition(":")[0])
    except (WarehouseError, duckdb.Error):  # there is none, or none that can be read: another is made
        return None
    target = published_path(warehouse)
    return Published(target.name, len(columns), rows, target.stat().st_size)


def _tables(tx: Tx) -> list[Table]:
    """What ``marts`` has in the file that was opened."""
    return tables(tx, str(tx.scalar("select current_database()")))


@contextlib.contextmanager
def _reading_file(warehouse: EmbeddedWarehouse) -> Iterator[Tx]:
    path = published_path(warehouse)
    if not path.exists():
        raise WarehouseError(f"no marts are published at {path} yet; run `otc run` first")
    with contextlib.closing(opened(path, read_only=True)) as connection:
        yield EmbeddedTx(connection)
