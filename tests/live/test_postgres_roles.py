"""``otc init --warehouse`` makes three roles; each is logged in as, and may do what it is for and nothing else.

Also: what is said when the server, the login, the database or a role is not what is needed.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from otc_pipelines.audit import verify
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.live.postgres import PASSWORD, Server, free_port, postgres
from tests.live.test_postgres_landing import HOLD
from tests.pipeline.house import ROOT, Said, configure, otc

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]

SECRET, ADMIN_URL = "OTC_TEST_WAREHOUSE_PASSWORD", "OTC_WAREHOUSE_ADMIN_URL"
COLUMNS = "document_id,document_type,party_id,legal_entity,document_date,currency,amount\n"


@dataclass(frozen=True)
class House:
    """An instance on a server of its own database, and the logins made for the tests."""

    config: Path
    server: Server
    database: str
    login: str

    @contextlib.contextmanager
    def session(self, user: str, password: str = PASSWORD) -> Iterator[Any]:
        """Sign in and run statements by themselves."""
        connection = psycopg2.connect(self.server.url(self.database, user, password))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def instance(folder: Path, server: Server, database: str, user: str) -> Path:
    url = server.url(database, user, f"${{{SECRET}}}")
    return configure(folder, warehouse=url)


def said(made: Said) -> str:
    """What a command has written; it must have succeeded."""
    assert made.code == 0, made.err
    return made.out


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, PASSWORD)
        patch.setenv("OTC_LOCK_WAIT", "0.3")
        patch.delenv(ADMIN_URL, raising=False)
        yield patch


@pytest.fixture(scope="module")
def house(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch
) -> Iterator[House]:
    """Set up by an administrator, who makes the database too; then one pass over one customer."""
    folder = tmp_path_factory.mktemp("roles")
    name = f"house_{free_port()}"
    config = instance(folder, postgres, name, f"otc_{name}")
    (folder / "drop" / "documents.csv").write_text(COLUMNS + "D1,invoice,P1,US,2026-01-05,USD,100.00\n")
    (folder / "drop" / "parties.csv").write_text("party_id,name,country\nP1,Private Person,US\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADMIN_URL, postgres.url())
        first = said(otc("init", "--warehouse", "--format", "csv", config=config))
        again = said(otc("init", "--warehouse", "--format", "csv", config=config))
    assert f"database {name},made" in first
    assert "role loader," in first
    assert ",made" not in again
    assert PASSWORD not in first + again
    run = otc("run", config=config)
    assert run.code == 0, run.err
    for login, role in (("reads", "bi_reader"), ("models", "transformer"), ("loads", "loader")):
        postgres.execute(f"create role {login}_{name} login password '{PASSWORD}' in role {role}")
    yield House(config, postgres, name, f"otc_{name}")
    postgres.drop(name)


def denied(cursor: Any, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)


def every(cursor: Any, kind: str = "") -> list[tuple[str, str]]:
    """All tables and views of the house, whoever may read them."""
    cursor.execute(
        """select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'v') and n.nspname !~ '^(pg_|information_schema)' order by 1, 2"""
    )
    return [(schema, name) for schema, name in cursor.fetchall() if kind in name]


def may(cursor: Any, role: str, schema: str, name: str, right: str) -> bool:
    cursor.execute(
        "select has_schema_privilege(%(role)s, %(schema)s, 'usage') "
        "and has_table_privilege(%(role)s, format('%%I.%%I', %(schema)s, %(name)s), %(right)s)",
        {"role": role, "schema": schema, "name": name, "right": right},
    )
    return bool(cursor.fetchone()[0])


def test_the_bi_reader_reads_the_marts_and_nothing_else(house: House) -> None:
    with house.session(f"reads_{house.database}") as cursor:
        tables = every(cursor)
        readable = {schema for schema, name in tables if may(cursor, "bi_reader", schema, name, "select")}
        assert readable == {"marts"}
        assert {s for s, _ in tables} >= {"ops", "raw_files", "staging", "conformed", "marts_build"}
        assert not [t for t in tables if may(cursor, "bi_reader", *t, "insert")]
        cursor.execute("select count(*) from marts.fct_documents")
        assert cursor.fetchone() == (1,)
        for schema, name in tables:
            if schema == "marts":
                cursor.execute(f'select * from marts."{name}" limit 1')
        denied(
            cursor,
            "select * from raw_files.parties__personal",
            "select * from conformed.int_parties__personal",
            "select * from ops.audit_event",
            "delete from marts.fct_documents",
            "create table marts.mine (x integer)",
            "create schema mine",
            "create table public.mine (x integer)",
            "set role transformer",
        )


def test_a_personal_table_is_read_once_it_is_granted(house: House) -> None:
    with house.session(f"reads_{house.database}") as cursor:
        assert every(cursor, "__personal")
    house.server.execute("grant usage on schema raw_files to bi_reader", house.database)
    house.server.execute("grant select on raw_files.parties__personal to bi_reader", house.database)
    with house.session(f"reads_{house.database}") as cursor:
        cursor.execute("select name from raw_files.parties__personal")
        assert cursor.fetchall() == [("Private Person",)]
        denied(cursor, "select * from raw_files.parties")
    house.server.execute("revoke all on raw_files.parties__personal from bi_reader", house.database)
    house.server.execute("revoke all on schema raw_files from bi_reader", house.database)


def test_the_transformer_models_and_cannot_write_books_or_raw_rows(house: House) -> None:
    with house.session(f"models_{house.database}") as cursor:
        cursor.execute("select count(*) from raw_files.documents")
        assert cursor.fetchone() == (1,)
        cursor.execute("select count(*) from ops.ar_movement")
        assert cursor.fetchone() == (1,)
        cursor.execute("set role transformer")
        cursor.execute("create table marts_build.one_of_ours as select * from conformed.int_parties__current")
        cursor.execute("drop table marts_build.one_of_ours")
        writable = [t for t in every(cursor) if t[0] == "ops" and may(cursor, "transformer", *t, "insert")]
        assert writable == []
        denied(
            cursor,
            "insert into ops.outbox select * from ops.outbox",
            "update ops.ar_movement set amount = amount + 1",
            "delete from ops.audit_event",
            "update raw_files.documents set amount = amount + 1",
            "drop table raw_files.documents",
            "create table ops.mine (x integer)",
        )


def test_the_loader_lands_and_cannot_model_publish_or_decide(house: House) -> None:
    with house.session(f"loads_{house.database}") as cursor:
        cursor.execute("set role loader")
        cursor.execute("create schema raw_of_ours")
        cursor.execute("drop schema raw_of_ours")
        assert {t[1] for t in every(cursor) if t[0] == "ops" and may(cursor, "loader", *t, "insert")} == {
            *("load", "cursor", "quarantine", "unknown_column", "instance", "legal_entity", "bank_account"),
            "audit_event",
        }
        denied(
            cursor,
            "select * from marts.fct_documents",
            "select * from conformed.int_parties__current",
            "insert into ops.match_decision select * from ops.match_decision",
            "update ops.audit_event set actor = 'nobody'",
            "delete from ops.audit_event",
        )


def test_the_login_inherits_nothing_and_acts_as_each(house: House) -> None:
    with house.session(house.login) as cursor:
        denied(cursor, "update raw_files.documents set amount = 0", "delete from marts.fct_documents")
        denied(cursor, "create schema mine", "create table marts_build.mine (x integer)")
    assert verify(Warehouse.of(load(house.config))).ok


def test_each_table_belongs_to_who_makes_it(house: House) -> None:
    owners = house.server.execute(
        """select distinct regexp_replace(schemaname, '^raw_.*', 'raw'), tableowner from pg_tables
        where schemaname !~ '^(pg_|information_schema)' order by 1""",
        house.database,
    )
    assert dict(owners) == {
        "raw": "loader",
        "ops": house.login,
        "marts": "transformer",
        "marts_build": "transformer",
    }


def test_check_says_which_server_it_is_and_whether_its_roles_are_in_use(house: House) -> None:
    told = said(otc("check", "--format", "csv", config=house.config))
    (version,) = house.server.execute("show server_version")[0]
    assert f"PostgreSQL {version}" in told
    assert "encoding UTF8, collation C" in told
    assert "loader, transformer and bi_reader are in use" in told


def test_an_instance_of_one_login_is_taken_over_with_all_it_holds(
    house: House, postgres: Server, tmp_path: Path
) -> None:
    """A login that may make roles and owns the database, as deploy/ makes it, sets up what it has run without roles."""
    name = postgres.fresh()
    owner = f"otc_{name}"
    postgres.execute(f"create role {owner} login createrole password '{PASSWORD}'")
    postgres.execute(f"alter database {name} owner to {owner}")
    for role in ("loader", "transformer", "bi_reader"):  # a cluster where another warehouse has them already
        postgres.execute(f"grant {role} to {owner} with admin option")
    config = instance(tmp_path / "own", postgres, name, owner)
    (config.parent / "drop" / "documents.csv").write_text(COLUMNS + "D1,invoice,P1,US,2026-01-05,USD,100.00\n")
    run = otc("run", config=config)
    assert run.code == 0, run.err
    assert "none: all is done as" in said(otc("check", "--format", "csv", config=config))
    said(otc("init", "--warehouse", config=config))
    (config.parent / "drop" / "more.csv").write_text(COLUMNS + "D2,invoice,P1,US,2026-01-06,USD,50.00\n")
    (config.parent / "drop" / "more.csv").rename(config.parent / "drop" / "documents_more.csv")
    again = otc("run", config=config)
    assert again.code == 0, again.err
    assert "are in use" in said(otc("check", "--format", "csv", config=config))
    assert postgres.execute("select count(*) from marts.fct_documents", name) == [(2,)]
    assert postgres.execute(
        "select distinct tableowner from pg_tables where schemaname in ('marts', 'outbound')", name
    ) == [("transformer",)]
    assert verify(Warehouse.of(load(config))).ok
    postgres.drop(name)


def refused(code: int, *words: str, config: Path) -> str:
    """One line for a pass on stderr, or one row of a check; no password in it."""
    run, check = otc("run", config=config), otc("check", "--format", "csv", config=config)
    assert (run.code, check.code) == (code, code), (run.err, check.out)
    row = next(line for line in check.out.splitlines() if "warehouse: write" in line)
    for told in (run.line, row):
        for word in words:
            assert word in told, told
        assert PASSWORD not in told
    return run.line


def test_a_host_that_does_not_answer(tmp_path: Path, postgres: Server, environment: pytest.MonkeyPatch) -> None:
    port = free_port()
    config = configure(tmp_path / "x", warehouse=f"postgresql://otc:${{{SECRET}}}@127.0.0.1:{port}/otc")
    refused(3, f"127.0.0.1:{port}/otc cannot be reached", "Connection refused", config=config)


def test_a_host_that_is_none(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    config = configure(tmp_path / "x", warehouse=f"postgresql://otc:${{{SECRET}}}@nowhere.invalid/otc")
    refused(3, "nowhere.invalid:5432/otc cannot be reached", config=config)


def test_a_wrong_password(house: House, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    config = instance(tmp_path / "x", house.server, house.database, house.login)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "another:and/odd@one")
        line = refused(2, "does not let", house.login, "password authentication failed", config=config)
    assert "another" not in line


def test_a_database_that_is_not_there(house: House, tmp_path: Path) -> None:
    config = instance(tmp_path / "x", house.server, "not_there", house.login)
    refused(2, "not_there", "does not exist", "otc init --warehouse", config=config)


def test_a_role_that_was_taken_away(house: House) -> None:
    house.server.execute(f"revoke transformer from {house.login}")
    try:
        refused(2, "may not act as transformer", "run `otc init --warehouse`", config=house.config)
    finally:
        house.server.execute(f"grant transformer to {house.login} with inherit false, set true")
    assert otc("check", config=house.config).code == 0


def test_a_grant_that_was_taken_away(house: House) -> None:
    house.server.execute(f"revoke all on schema ops from {house.login}", house.database)
    try:
        line = otc("run", config=house.config)
        assert (line.code, "permission denied for schema ops" in line.line) == (2, True), line.err
    finally:
        house.server.execute(f"grant usage, create on schema ops to {house.login}", house.database)
    assert otc("check", config=house.config).code == 0


def test_a_server_that_is_read_only(house: House) -> None:
    house.server.execute(f"alter database {house.database} set default_transaction_read_only to on")
    try:
        refused(3, "cannot be written", "default_transaction_read_only is on", config=house.config)
        assert otc("aging", "--as-of", "2026-01-31", config=house.config).code == 0, "reading goes on"
    finally:
        house.server.execute(f"alter database {house.database} reset default_transaction_read_only")


def test_two_runs_at_once_one_waits_and_then_says_who_has_it(house: House) -> None:
    url = house.server.url(house.database, house.login)
    words = [sys.executable, "-c", HOLD, url, str(house.config.parent / "data")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        told = otc("run", config=house.config)
        assert (told.code, f"in use by otc pid {holder.pid}" in told.line) == (3, True), told.err
        assert otc("aging", "--as-of", "2026-01-31", config=house.config).code == 0, "who reads is not kept waiting"
        holder.communicate("go\n")
    assert otc("run", config=house.config).code == 0


def test_an_encoding_that_would_lose_letters(house: House, tmp_path: Path) -> None:
    name = f"latin_{free_port()}"
    house.server.execute(
        f"create database {name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' owner {house.login}"
    )
    config = instance(tmp_path / "x", house.server, name, house.login)
    refused(2, "encoding LATIN1", "needs UTF8", "create database", config=config)
    house.server.drop(name)


def test_who_may_not_make_roles_is_told_so(house: House, tmp_path: Path) -> None:
    plain = f"plain_{free_port()}"
    house.server.execute(f"create role {plain} login password '{PASSWORD}'")
    name = house.server.fresh()
    config = instance(tmp_path / "x", house.server, name, plain)
    told = otc("init", "--warehouse", config=config)
    assert (told.code, "may not set up its own warehouse" in told.line, ADMIN_URL in told.line) == (2, True, True)
    house.server.drop(name)


def test_a_file_needs_no_roles(tmp_path: Path) -> None:
    told = otc("init", "--warehouse", config=configure(tmp_path / "x"))
    assert (told.code, "duckdb needs no setting up" in told.line) == (2, True)
