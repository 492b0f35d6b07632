"""A URL in otc.yaml becomes an address, its password is never shown, and a database that will not do is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from connectors.kit.errors import ConfigError
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse, WarehouseError
from otc_pipelines.warehouse.fitness import Facts
from otc_pipelines.warehouse.parameters import bound
from otc_pipelines.warehouse.server import ServerWarehouse
from otc_pipelines.warehouse.session import address, connect

ODD = "p@ss:w/o?r#d %25'\""
COMPANY = "company: {name: A, base_currency: USD, timezone: UTC}\n"


def configured(folder: Path, warehouse: str) -> Path:
    path = folder / "otc.yaml"
    path.write_text(f"{COMPANY}warehouse: {warehouse}\n")
    return path


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_a_password_may_hold_any_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("SECRET", ODD)
    instance = load(configured(tmp_path, f"{scheme}://otc:${{SECRET}}@db.example:6543/books?sslmode=verify-full"))
    warehouse = Warehouse.of(instance)
    assert isinstance(warehouse, ServerWarehouse)
    where = warehouse.address
    assert (where.host, where.port, where.database, where.user, where.password, where.options) == (
        *("db.example", 6543, "books", "otc", ODD),
        (("sslmode", "verify-full"),),
    )
    for shown in (repr(instance), repr(where), where.shown, warehouse.shown):
        assert ODD not in shown
        assert "p%40ss" not in shown


def test_a_whole_url_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "postgresql://otc:secret@db.example/books")
    warehouse = Warehouse.of(load(configured(tmp_path, "${URL}")))
    assert warehouse.shown == "db.example:5432/books"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("postgresql://otc:hunter2@db/books", "a secret and is written out"),
        ("mysql://otc@db/books", "'mysql' is not supported"),
        ("${NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE"),
    ],
)
def test_what_is_no_warehouse_is_named_without_its_password(tmp_path: Path, written: str, why: str) -> None:
    with pytest.raises(ConfigError) as told:
        load(configured(tmp_path, written))
    assert why in str(told.value)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "lacks"),
    [("postgresql://db/books", "user"), ("postgresql://otc@/books", "host"), ("postgresql://otc@db", "database")],
)
def test_a_url_that_lacks_something_says_what(url: str, lacks: str) -> None:
    with pytest.raises(ConfigError, match=f"names no {lacks}"):
        address(url)


@pytest.mark.parametrize(
    ("facts", "error", "why"),
    [
        (Facts("13.4", 13, "UTF8", "C"), ConfigError, "15 is the oldest"),
        (Facts("16.1", 16, "SQL_ASCII", "C"), ConfigError, "encoding SQL_ASCII and needs UTF8"),
        (Facts("16.1", 16, "UTF8", "en_US.UTF-8"), ConfigError, "collation en_US.UTF-8; it must be C"),
        (Facts("16.1", 16, "UTF8", "of ICU (en-US)"), ConfigError, "collation of ICU"),
        (Facts("16.1", 16, "UTF8", "C", "it is a standby"), WarehouseError, "cannot be written: it is a standby"),
    ],
)
def test_a_database_that_will_not_do_is_refused(facts: Facts, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=f"db:5432/books .*{why}"):
        facts.require("db:5432/books")


@pytest.mark.parametrize("collation", ["C", "C.UTF-8", "POSIX"])
def test_a_database_that_orders_by_bytes_will_do(collation: str) -> None:
    Facts("17.2", 17, "UTF8", collation).require("db:5432/books")


def test_a_colon_in_a_literal_or_a_cast_is_no_parameter() -> None:
    text, used = bound(
        "select ':a', x::text, '100%', :a, y % 2 from t where b = :b and c = ':b'",
        {"a": 1, "b": 2, "c": 3},
        lambda name: f"%({name})s",
        lambda part: part.replace("%", "%%"),
    )
    assert text == "select ':a', x::text, '100%%', %(a)s, y %% 2 from t where b = %(b)s and c = ':b'"
    assert used == {"a": 1, "b": 2}
    plain = "select '100%', ':a'"
    assert bound(plain, {"a": 1}, lambda name: name, lambda part: part.replace("%", "%%")) == (plain, {})


def test_options_of_the_url_reach_dbt_too() -> None:
    where = ServerWarehouse(
        "postgresql://otc:x@db/books?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/me.pem&sslkey=/me.key", Path()
    )
    told = where.dbt_environment(connects=False)
    assert {
        k: told[k] for k in ("OTC_PG_SSLMODE", "OTC_PG_SSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "OTC_PG_DATABASE")
    } == {
        "OTC_PG_SSLMODE": "verify-full",
        "OTC_PG_SSLROOTCERT": "/ca.pem",
        "PGSSLCERT": "/me.pem",
        "PGSSLKEY": "/me.key",
        "OTC_PG_DATABASE": "books",
    }
    assert [k for k, v in told.items() if v == "x"] == ["DBT_ENV_SECRET_OTC_PG_PASSWORD"]


@pytest.mark.parametrize("option", ["application_name=mine", "client_encoding=LATIN1", "connect_timeout=2"])
def test_an_option_that_is_ours_too_is_no_clash(option: str) -> None:
    with pytest.raises(WarehouseError, match="cannot be reached"):
        connect(address(f"postgresql://otc:x@127.0.0.1:1/books?{option}"))


def test_an_option_that_libpq_does_not_know_is_named() -> None:
    with pytest.raises(ConfigError, match="colour"):
        connect(address("postgresql://otc:x@127.0.0.1:1/books?colour=red"))


def test_without_the_driver_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "otc_pipelines.warehouse.server")
    monkeypatch.delitem(sys.modules, "otc_pipelines.warehouse.session")
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    instance = load(configured(tmp_path, "postgresql://otc@db/books"))
    with pytest.raises(ConfigError, match=r"psycopg2 is not installed; install otc-pipelines\[postgres\]"):
        Warehouse.of(instance)
