"""Asking for what is not published: one line that says what is missing and what to do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from otc_pipelines.warehouse import EmbeddedWarehouse, WarehouseError
from otc_pipelines.warehouse.publish import publish, published, published_path, standing_copy


@pytest.fixture
def warehouse(tmp_path: Path) -> EmbeddedWarehouse:
    made = EmbeddedWarehouse(tmp_path / "warehouse.duckdb")
    with made.writing(), made.transaction() as tx:
        tx.execute("create schema marts")
        tx.execute("create table marts.fct_items as select 'A' as id, 1 as amount")
        tx.execute("create view marts.fct_named as select id from marts.fct_items")
    return made


def test_nothing_was_published_yet(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(WarehouseError, match="no marts are published"), published(warehouse):
        pass
    assert standing_copy(warehouse) is None


@pytest.mark.parametrize("asked", ["select * from marts.fct_of_later", "select of_later from marts.fct_items"])
def test_what_an_earlier_version_did_not_publish_is_said_to_be_missing(
    warehouse: EmbeddedWarehouse, asked: str
) -> None:
    publish(warehouse)
    with pytest.raises(WarehouseError, match=r"of_later.*run `otc run`"), published(warehouse) as tx:
        tx.rows(asked)


@pytest.mark.parametrize(
    "change",
    [
        "update marts.fct_items set amount = 2",
        "insert into marts.fct_items values ('B', 1)",
        "alter table marts.fct_items add column more text",
        "drop view marts.fct_named",
        "create or replace view marts.fct_named as select id || 'x' as id from marts.fct_items",
    ],
)
def test_a_copy_stands_while_every_table_holds_what_was_built(warehouse: EmbeddedWarehouse, change: str) -> None:
    done = publish(warehouse)
    found = standing_copy(warehouse)
    assert found is not None and (found.tables, found.rows) == (done.tables, done.rows) == (2, 2)
    with warehouse.writing(), warehouse.transaction() as tx:
        tx.execute(change)
    assert standing_copy(warehouse) is None


def test_what_is_published_is_readable_by_older_ones_than_the_warehouse(warehouse: EmbeddedWarehouse) -> None:
    """A BI tool brings its own DuckDB; the warehouse's file is opened by this project alone."""
    publish(warehouse)

    def form(path: Path) -> str:
        with duckdb.connect(str(path), read_only=True) as connection:
            (found,) = connection.execute(
                "select tags['storage_version'] from duckdb_databases() where not internal"
            ).fetchone() or ("",)
        return str(found)

    assert form(warehouse.path) == "v1.4.0+"
    assert form(published_path(warehouse)).startswith("v1.0.0")
