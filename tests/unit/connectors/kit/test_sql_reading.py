"""Reading databases: exact values, one line for each way it can fail, nothing secret in any of them."""

from __future__ import annotations

import sqlite3
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.kit.contract import FieldType
from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.kit.sql import Database, Read
from connectors.kit.text_table import Writing

SECRET = "s3cret-pass"


@pytest.fixture
def sqlite_url(tmp_path):
    with sqlite3.connect(tmp_path / "erp.db") as db:
        db.execute('create table "Order Lines" (id integer, "limit" text, at text)')
        db.executemany(
            'insert into "Order Lines" values (?, ?, ?)',
            [(i, f"v{i}", f"2026-01-01 00:00:{i % 60:02d}") for i in range(100)],
        )
    db.close()
    return f"sqlite:///{tmp_path / 'erp.db'}"


@pytest.fixture
def duckdb_url(tmp_path):
    url = f"duckdb:///{tmp_path / 'erp.duckdb'}"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "create table t as select 1 as id, 100.50::decimal(18,2) as amount, 1.1::double as floating, "
                "date '2026-01-05' as day, timestamp '2026-07-01 10:00:00.000001' as local_at, "
                "timestamptz '2026-07-01 10:00:00+02' as at, true as flag, "
                "1e-7::decimal(20,10) as rate, null as nothing"
            )
        )
    engine.dispose()
    return url


def rows(database, view, **options):
    columns = list(view.columns)
    return [r for page in database.read(Read(view, columns, columns[:1], **options)) for r in page.rows.to_pylist()]


def test_typed_values_are_written_exactly(duckdb_url):
    with Database(duckdb_url) as database:
        (row,) = rows(database, database.view("t"), writing=Writing("Europe/Berlin"))
    assert row == {
        "id": "1",
        "amount": "100.50",
        "floating": "1.1",
        "day": "2026-01-05",
        "local_at": "2026-07-01T08:00:00.000001+00:00",
        "at": "2026-07-01T08:00:00+00:00",
        "flag": "true",
        "rate": "0.0000001000",
        "nothing": None,
    }


def test_money_in_a_binary_float_is_refused_unless_allowed(duckdb_url):
    with Database(duckdb_url) as database:
        view = database.view("t")
        kinds = {"floating": FieldType.DECIMAL}
        with pytest.raises(ConfigError, match="view t: floating is a binary float, which does not hold cents exactly"):
            rows(database, view, kinds=kinds)
        assert rows(database, view, kinds=kinds, writing=Writing(floats=True))[0]["floating"] == "1.1"


def test_names_that_need_quotes_and_pages_that_are_bounded(sqlite_url):
    with Database(sqlite_url) as database:
        view = database.view("Order Lines")
        pages = list(database.read(Read(view, ["id", "limit", "at"], ["id"], cursor="at", rows=30)))
    assert [p.rows.num_rows for p in pages] == [30, 30, 30, 10]
    found = [r for p in pages for r in p.rows.to_pylist()]
    assert sorted(int(r["id"]) for r in found) == list(range(100))
    assert [r["at"] for r in found] == sorted(r["at"] for r in found)
    assert (pages[-1].last.literal, pages[-1].last.key) == ("2026-01-01 00:00:59", "59")


@pytest.mark.parametrize(
    ("since", "overlap", "first"),
    [("2026-01-01 00:00:59", 0, None), ("2026-01-01 01:00:50", 0, 50), ("2026-01-01 01:00:50", 10, 40)],
)
def test_a_lower_bound_is_inclusive_less_the_overlap(sqlite_url, since, overlap, first):
    """A time without an offset goes back another hour: the clock may have been set back."""
    with Database(sqlite_url) as database:
        read = Read(
            database.view("Order Lines"),
            ["id", "at"],
            ["id"],
            cursor="at",
            since=since,
            overlap=timedelta(seconds=overlap),
        )
        seconds = {int(r["at"][-2:]) for p in database.read(read) for r in p.rows.to_pylist()}
    assert min(seconds) == (first or 0)


def test_typed_times_are_bounded_in_their_own_frame(duckdb_url):
    with Database(duckdb_url) as database:
        view = database.view("t")
        for cursor, inside, outside in (
            ("at", "2026-07-01T08:00:00+00:00", "2026-07-01T08:00:01+00:00"),
            ("local_at", "2026-07-01T11:00:00", "2026-07-01T11:00:01"),
        ):
            for since, count in ((inside, 1), (outside, 0)):
                read = Read(view, list(view.columns), ["id"], cursor=cursor, since=since)
                assert sum(p.rows.num_rows for p in database.read(read)) == count, (cursor, since)


def test_a_view_or_column_that_is_not_there_is_named_with_those_that_are(sqlite_url):
    with Database(sqlite_url) as database:
        with pytest.raises(ConfigError, match=r"view 'v' is not in database .*; there are: Order Lines"):
            database.view("v")
        with pytest.raises(ConfigError, match="has no column 'x\"; drop table t'; it has id, limit, at"):
            list(database.read(Read(database.view("Order Lines"), ["id"], ['x"; drop table t'])))


def test_a_broken_view_says_so(sqlite_url, tmp_path):
    with sqlite3.connect(tmp_path / "erp.db") as db:
        db.execute("create view v as select id from gone")
    db.close()
    with Database(sqlite_url) as database, pytest.raises(FatalError, match=r"no such table: main.gone; mend the view"):
        list(database.read(Read(database.view("v"), ["id"], ["id"])))


def test_a_database_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FatalError, match=r"database file .*none\.db is not there"):
        Database(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", [f"nonsense {SECRET}", f"postgresql://u:{SECRET}@h:port/db"])
def test_a_url_that_is_none_is_not_repeated(url):
    with pytest.raises(ConfigError, match="not a database URL") as caught:
        Database(url)
    assert SECRET not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(ConfigError, match=r"no driver for 'postgresql\+psycopg2' is installed") as caught:
        Database(f"postgresql://u:{SECRET}@127.0.0.1:1/db")
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigError, match="no driver for 'nosuch'"):
        Database(f"nosuch://u:{SECRET}@h/db")


class DriverError(Exception):
    """What a driver raises."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.pgcode = code


@pytest.mark.parametrize(
    ("wrapped", "driver", "kind", "said"),
    [
        (
            sa.exc.OperationalError,
            DriverError('FATAL: password authentication failed for user "u"'),
            ConfigError,
            "refuses the login",
        ),
        (
            sa.exc.OperationalError,
            DriverError("(1045, \"Access denied for user 'u'@'h'\")"),
            ConfigError,
            "check user, password",
        ),
        (sa.exc.OperationalError, DriverError("nope", "28P01"), ConfigError, "refuses the login"),
        (sa.exc.ProgrammingError, DriverError("permission denied for view v", "42501"), ConfigError, "grant SELECT"),
        (sa.exc.OperationalError, DriverError("connection refused"), RetriableError, "cannot be reached or read"),
        (sa.exc.InterfaceError, DriverError(f"timeout {SECRET}\nmore"), RetriableError, "timeout *** more"),
        (sa.exc.DataError, DriverError("bad number"), FatalError, "bad number"),
    ],
)
def test_what_a_driver_says_becomes_what_to_do(sqlite_url, wrapped, driver, kind, said, monkeypatch):
    database = Database(sqlite_url)
    database._url = database._url.set(password=SECRET)

    def fail(*_):
        raise wrapped("select secret_column", {"p": SECRET}, driver)

    monkeypatch.setattr(sa, "inspect", fail)
    with pytest.raises(kind) as caught:
        database.names(None)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind
