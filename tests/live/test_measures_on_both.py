"""The measures of generated histories on DuckDB and on PostgreSQL: the same rows, to the last digit and note."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import duckdb
import psycopg2
import pytest

from otc_pipelines.transform.measures_sql import measures_sql
from tests.live.postgres import Server
from tests.reference.generate import LOADS, START, Maker
from tests.unit.otc_pipelines.transform.test_measures_sql import INPUTS, LEDGER, Company, load, promises

PARTIES = "source_system text, party_id text, country text, payment_terms text, currency text"
TABLES = {"fct_ar_ledger": LEDGER, "fct_measure_inputs": INPUTS, "dim_party": PARTIES}


@pytest.fixture(scope="module")
def here() -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'; create schema marts")
        for name, columns in TABLES.items():
            connection.execute(f"create table marts.{name} ({columns})")
        connection.execute(
            "insert into marts.dim_party values ('one', 'P1', 'US', null, null), ('two', 'P1', 'DE', null, null)"
        )
        yield connection


@pytest.fixture(scope="module")
def there(postgres: Server) -> Iterable[Any]:
    database = postgres.fresh()
    connection = psycopg2.connect(postgres.url(database), options="-c TimeZone=UTC")
    cursor = connection.cursor()
    cursor.execute("create schema marts")
    for name, columns in TABLES.items():
        cursor.execute(f"create table marts.{name} ({columns})")
    yield cursor
    connection.close()
    postgres.drop(database)


def rows(cursor: Any, **how: Any) -> list[dict[str, Any]]:
    cursor.execute(measures_sql(**how))
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_measures_are_the_same_on_both(here: duckdb.DuckDBPyConnection, there: Any) -> None:
    answered = valued = 0
    for seed in range(12):
        histories = [Maker(2 * seed, False).history(), Maker(2 * seed + 1, False).history()]
        load(here, [Company(n, n, h, promises(h)) for n, h in zip(("one", "two"), histories, strict=True)])
        for name in TABLES:
            there.execute(f"delete from marts.{name}")
            kept = here.execute(f"select * from marts.{name}").fetchall()
            for row in kept:
                there.execute(f"insert into marts.{name} values ({', '.join(['%s'] * len(row))})", row)
        days = [START + timedelta(days=n) for n in (3, 9, 30, 58)]
        for group_by in ("legal_entity", "segment", "party"):
            for loaded_at in (None, LOADS[1]):
                how: dict[str, Any] = {"as_of": days, "days": 20, "group_by": group_by, "loaded_at": loaded_at}
                found = rows(here, **how)
                assert found == rows(there, **how), (seed, group_by, loaded_at)
                answered += len(found)
                valued += sum(r["dso"] is not None for r in found)
    assert answered > 200
    assert valued > 50
