"""The measures of generated histories on DuckDB and on PostgreSQL: the same rows, to the last digit and note."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import Any

import duckdb
import psycopg2
import pytest

from otc_pipelines.transform.behaviour_sql import behaviour_sql
from otc_pipelines.transform.measures_sql import measures_sql
from otc_pipelines.transform.rendering import macros
from tests.live.postgres import Server
from tests.reference.generate import LOADS, START, Maker
from tests.reference.payers import payers
from tests.unit.otc_pipelines.transform.measured_books import (
    INPUTS,
    LEDGER,
    Company,
    load,
    promises,
    stated_methods,
)

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


def rows(cursor: Any, sql: str) -> list[dict[str, Any]]:
    cursor.execute(sql)
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def copied(here: duckdb.DuckDBPyConnection, there: Any) -> None:
    """The same rows in both."""
    for name in TABLES:
        there.execute(f"delete from marts.{name}")
        for row in here.execute(f"select * from marts.{name}").fetchall():
            there.execute(f"insert into marts.{name} values ({', '.join(['%s'] * len(row))})", row)


def test_measures_are_the_same_on_both(here: duckdb.DuckDBPyConnection, there: Any) -> None:
    answered = valued = 0
    for seed in range(12):
        histories = [Maker(2 * seed, False).history(), Maker(2 * seed + 1, False).history()]
        load(here, [Company(n, n, h, promises(h)) for n, h in zip(("one", "two"), histories, strict=True)])
        copied(here, there)
        days = [START + timedelta(days=n) for n in (3, 9, 30, 58)]
        for group_by in ("legal_entity", "segment", "party"):
            for loaded_at in (None, LOADS[1]):
                how: dict[str, Any] = {"as_of": days, "days": 20, "group_by": group_by, "loaded_at": loaded_at}
                found = rows(here, measures_sql(**how))
                assert found == rows(there, measures_sql(**how)), (seed, group_by, loaded_at)
                answered += len(found)
                valued += sum(r["dso"] is not None for r in found)
    assert answered > 200
    assert valued > 50


def test_how_customers_pay_is_the_same_on_both(here: duckdb.DuckDBPyConnection, there: Any) -> None:
    """Every column, of many payments, bounced and undone ones, foreign ones without a rate, and of few."""
    found: list[dict[str, Any]] = []
    for seed in range(14):
        load(here, [Company("one", "one", payers(seed), ()), Company("two", "two", payers(seed + 50), ())])
        stated_methods(here)
        copied(here, there)
        for days, loaded_at in ((4, None), (14, None), (7, LOADS[0])):
            asked = [START + timedelta(days=n) for n in (16, 24, 30)]
            sql = behaviour_sql(as_of=asked, days=days, alarm_rate="0.05", loaded_at=loaded_at)
            own = rows(here, sql)
            assert own == rows(there, sql), (seed, days)
            found += own
    assert len(found) > 150
    for name in ("days_late_deviation", "days_late_median", "preferred_method_pct", "change_later_pct", "overdue"):
        assert len({r[name] for r in found}) > 5, name


def test_the_change_flag_is_the_same_on_both(here: duckdb.DuckDBPyConnection, there: Any) -> None:
    """Samples with ties and without, alike, shifted up and shifted down."""
    random = Random(3)
    observed = [
        f"({nth}, '{period}', cast({random.randint(0, spread) + shift * (period == 'recent')} as decimal(38, 4)))"
        for nth in range(120)
        for spread, shift in [random.choice(((3, 0), (12, 0), (900, 0), (12, 9), (900, -700)))]
        for period, most in (("recent", 12), ("earlier", 30))
        for _ in range(random.randint(1, most))
    ]
    flag = macros("quotient.sql", "payment_change.sql").payment_change("observed", "nth", "0.05")
    given = f"observed (nth, period, value) as (values {', '.join(observed)})"
    sql = f"with {given}, {flag} select * from changed order by nth"
    found = rows(here, sql)
    assert found == rows(there, sql)
    assert {r["change"] for r in found} == {"slower", "faster", "none", "too few"}
