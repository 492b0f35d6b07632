"""The SQL connector under the contract suite: a SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.erp.sql.settings import SqlSettings
from connectors.kit.contract import Settings
from connectors.kit.errors import ConfigError, ConnectorError, FatalError
from tests.contract.case import Keys, World


class SqlWorld(World):
    """A table that is its own view, ``parties``, with a time in each row."""

    secrets = ("db-password",)
    batch_rows = 50

    def __init__(self, folder: Path) -> None:
        self._path = folder / "erp.db"
        self._ties = 0
        self.settings = self._settings(f"sqlite:///{self._path}")
        self._run("create table parties (party_id text, name text, recorded_at text)")
        for i in range(3):
            self._insert(f"P{i}", f"2026-01-05T10:00:0{i}Z")

    def keys(self) -> Keys:
        with closing(sqlite3.connect(self._path)) as db:
            return {"parties": {key for (key,) in db.execute("select party_id from parties")}}

    def add(self) -> set[tuple[str, str]]:
        return {self._insert("added", "2026-01-05T10:00:02Z")}

    def change(self) -> set[tuple[str, str]]:
        self._run("update parties set name = 'Cedar', recorded_at = '2026-01-06T10:00:00Z' where party_id = 'P1'")
        return {("parties", "P1")}

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        self._ties += 1
        keys = {f"tie {self._ties} {i}" for i in range(count)}
        for key in keys:
            self._insert(key, "2026-01-05T11:00:00Z")
        return "parties", keys

    def add_late(self) -> tuple[str, str]:
        return self._insert("late", "2026-01-05T09:55:00Z")

    def delete(self) -> tuple[str, str]:
        self._run("delete from parties where party_id = 'P0'")
        return "parties", "P0"

    def spoil(self) -> Iterable[str]:
        for name, view in {
            "bad values": "select 'O1' as order_id, 'P1' as party_id, 'US' as legal_entity, 'soon' as order_date, "
            "'USD' as currency, 'twelve' as amount",
            "no key": "select 'USD' as currency",
            "floats": "select 'O1' as order_id, 1.5 as amount",
            "broken": "select order_id from gone",
        }.items():
            self._run("drop view if exists orders")
            self._run(f"create view orders as {view}")
            yield name
        self._run("drop view orders")

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        yield "no file", self._settings(f"sqlite:///{self._path}.none"), FatalError
        yield "no driver", self._settings("nosuchdb://reader:db-password@host/erp"), ConfigError
        yield "no URL", self._settings("reader db-password"), ConfigError
        yield (
            "no view",
            SqlSettings.model_validate({**self._options(self._path), "views": {"orders": "nope"}}),
            ConfigError,
        )
        not_one = self._path.with_suffix(".txt")
        not_one.write_text("this is no database, whatever its name may say" * 50)
        yield "no database", self._settings(f"sqlite:///{not_one}"), FatalError

    def _settings(self, url: str) -> SqlSettings:
        return SqlSettings.model_validate({"url": url, "batch_rows": self.batch_rows})

    def _options(self, path: Path) -> dict[str, str]:
        return {"url": f"sqlite:///{path}"}

    def _insert(self, key: str, recorded_at: str) -> tuple[str, str]:
        self._run("insert into parties values (?, 'Alder', ?)", key, recorded_at)
        return "parties", key

    def _run(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute(statement, values)


@contextmanager
def CASE(folder: Path) -> Iterator[World]:  # noqa: N802 - the name the suite looks for
    yield SqlWorld(folder)
