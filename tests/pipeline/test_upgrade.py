"""The first release's warehouse under this version: nothing lost, the same balances, migrated once, never downwards."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.schema import MIGRATIONS
from tests.live import postgres as servers
from tests.live.postgres import postgres
from tests.pipeline.house import change, counts, grown, otc, passed, rows
from tests.pipeline.released import answer, frozen, instance_of, later, lost

__all__ = ["postgres"]
RELEASE = "0_1_0"
# What later work may change in a row, by its design: everything else stays as it was written.
CHANGING = {"ops.cursor", "ops.quarantine", "ops.match_decision", "ops.instance"}
GAINED = """select gl_account from raw_files.receipts order by "_loaded_at" """
KINDS = [
    "duckdb",
    pytest.param(
        "postgres",
        marks=[
            pytest.mark.live,
            pytest.mark.xdist_group("postgres"),
            pytest.mark.skipif(bool(servers.missing()), reason=servers.missing() or "-"),
        ],
    ),
]


@pytest.fixture(params=KINDS)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An instance whose warehouse the first release has written."""
    if request.param == "duckdb":
        yield instance_of(tmp_path, RELEASE, "duckdb")
        return
    server: servers.Server = request.getfixturevalue("postgres")
    database = server.fresh()
    yield instance_of(tmp_path, RELEASE, server.url(database))
    server.drop(database)


def applied(config: Path) -> list[str]:
    with Warehouse.of(load(config)).transaction() as tx:
        return [r["name"] for r in tx.rows("select name from ops.schema_version order by name")]


def aged(config: Path) -> Any:
    said = otc("aging", "--as-of", "2026-03-31", "--format", "json", config=config)
    assert said.code == 0, said.err
    return json.loads(said.out)


def export_again(config: Path) -> None:
    """The ERP gives its receipts and allocations once more, the receipts with a field that the release did not know."""
    drop = config.parent / "drop"
    for name, gained in (("receipts", ",gl_account"), ("allocations", "")):
        header, *lines = (drop / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        again = [header + gained, *(line + (",1200" if gained else "") for line in lines), ""]
        (drop / f"{name}_again.csv").write_text("\n".join(again) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_a_pass_over_it_loses_nothing_books_nothing_and_gives_the_same_balances(released: Path) -> None:
    old = frozen(RELEASE)
    assert "gl_account" not in old["raw_files.receipts"][0]
    assert otc("check", config=released).code == 0
    before = counts(released)
    export_again(released)
    report = passed(released)
    assert report.code == 0, report.error
    assert applied(released) == [name for name, _ in MIGRATIONS]
    for table, written in old.items():
        if table not in CHANGING:
            schema, _, name = table.partition(".")
            assert lost(written, rows(released, f'select * from {schema}."{name}"')) == [], table
    more = grown(before, counts(released))
    versions = {t.partition(".")[2].strip('"'): n for t, n in more.items() if t.startswith("raw_")}
    again = {"receipts": 1, "allocations": 1, "gl_balances": 1}  # the example states one day's balance anew since then
    assert versions == again, "what was read again, with what is known of it now"
    assert not {t for t in more if "ar_movement" in t or "match_decision" in t}, more
    assert [r["gl_account"] for r in rows(released, GAINED)] == [None, "1200"]
    assert aged(released)["rows"] == answer(RELEASE, "aging_2026-03-31")["rows"]
    with Warehouse.of(load(released)).reading() as tx:
        events = int(tx.scalar("select count(*) from ops.audit_event"))
    assert events >= len(old["ops.audit_event"])
    assert otc("audit", "verify", config=released).code == 0


def test_a_warehouse_of_a_newer_version_is_refused_and_left_as_it_is(released: Path) -> None:
    assert later(released).returncode == 0
    for words in (("run",), ("check", "--format", "csv"), ("quarantine",), ("audit", "verify")):
        said = otc(*words, config=released)
        assert said.code == 3, (words, said)
        assert "written by a newer version: its schema is at 9000_later" in said.err + said.out

    assert int(later(released).stdout) == len(frozen(RELEASE)["ops.load"]), "the newer version goes on as before"


def test_an_older_warehouse_is_not_read_before_it_is_upgraded(released: Path) -> None:
    change(released, f"delete from ops.schema_version where name = '{MIGRATIONS[-1][0]}'")
    said = otc("quarantine", config=released)
    assert said.code == 3
    assert "`otc check`, which upgrades it" in said.line


def upgrade(config: Path) -> None:
    """Bring a warehouse to this version's schema: whoever writes next would."""
    with Warehouse.of(load(config)).transaction():
        pass


def test_killed_in_the_middle_of_a_migration_the_next_start_completes_it(released: Path) -> None:
    upgrade(released)
    before = counts(released)
    died = later(released, kill_at="migration")
    assert died.returncode == -signal.SIGKILL
    assert grown(before, counts(released)) == {}
    assert not rows(
        released, "select 1 from information_schema.columns where table_name = 'load' and column_name = 'note'"
    )
    done = later(released)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(frozen(RELEASE)["ops.load"])
    again = later(released)
    assert (again.returncode, again.stdout) == (0, done.stdout)


def test_what_a_release_landed_has_the_types_that_are_landed_now(released: Path, tmp_path: Path) -> None:
    """A declared field that changes its type would need a migration of raw: there is none, so types stay."""
    from otc_pipelines.flow.context import Flow
    from otc_pipelines.landing.tables import SQL_TYPES, business_columns

    upgrade(released)

    def plain(kind: str) -> str:
        kind = kind.upper()
        return {"VARCHAR": "TEXT", "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(
            kind, kind.split("(")[0].replace("NUMERIC", "DECIMAL")
        )

    found = {
        (r["table_schema"], r["table_name"], r["column_name"]): plain(r["data_type"])
        for r in rows(
            released,
            """select table_schema, table_name, column_name, data_type from information_schema.columns
            where table_schema like 'raw_%'""",
        )
    }
    checked = 0
    for name, connector in Flow(load(released)).connectors.items():
        for entity in connector.entities:
            for field in business_columns(entity):
                kind = found.pop((f"raw_{name}", entity.name, field.name), None)
                if kind is not None:
                    assert kind == plain(SQL_TYPES[field.type]), (name, entity.name, field.name)
                    checked += 1
    assert checked > 50
