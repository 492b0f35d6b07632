"""Two instances that read the same sources at the same moments: one keeps DuckDB, the other a PostgreSQL server.

Belongs here: setting them up and running passes, with clock and ids that are the same for both, so that whatever
differs afterwards is the warehouse's doing. Not here: any expectation.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import yaml

from connectors.erp.files.simulator import project_files
from connectors.simulation.world.world import World
from otc_pipelines.demo.start import Demo, DemoOptions, running
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.run import RunReport, run_pass
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse import Warehouse
from tests.live import hostile
from tests.live.postgres import PASSWORD, Server

NAMES = ("DuckDB", "PostgreSQL")
AS_OF = date(2026, 2, 9)
_PASSWORD, _BOOKS = "OTC_TEST_WAREHOUSE_PASSWORD", "OTC_TEST_OLD_BOOKS"
_TIMED = ("landing.land", "landing.records", "landing.totals", "flow.posting", "flow.matching", "settings")


@dataclass(frozen=True)
class Pair:
    """The company and its two instances."""

    demo: Demo
    duckdb: Path
    postgres: Path

    @property
    def configs(self) -> tuple[Path, Path]:
        """DuckDB's first."""
        return self.duckdb, self.postgres

    @property
    def instances(self) -> tuple[Instance, Instance]:
        """DuckDB's first."""
        return load(self.duckdb), load(self.postgres)

    def passed(self, moment: datetime) -> tuple[RunReport, RunReport]:
        """A pass of each, both at that moment."""
        first, second = (self.run(config, moment) for config in self.configs)
        return first, second

    def run(self, config: Path, moment: datetime) -> RunReport:
        """One pass at a moment: every clock of the steps says it, every id is counted from it."""
        with clock(moment):
            return run_pass(Flow(load(config), actor="ann", run_id=f"run-{moment:%Y%m%d%H%M}"))


@contextmanager
def clock(moment: datetime) -> Iterator[None]:
    """Let the steps that stamp rows believe that it is that moment, and count ids instead of drawing them."""

    class Standing(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz)

    counted = iter(range(1, 1_000_000))
    ids = SimpleNamespace(uuid4=lambda: UUID(int=int(moment.timestamp()) << 32 | next(counted)))
    started = [patch(f"otc_pipelines.{module}.datetime", Standing) for module in _TIMED]
    started.append(patch("otc_pipelines.landing.land.uuid", ids))
    for one in started:
        one.start()
    try:
        yield
    finally:
        for one in started:
            one.stop()


Change = Callable[[dict[str, Any]], None]


@contextmanager
def pair(
    folder: Path, server: Server, customers: int = 100, invoices: int = 800, change: Change = lambda _document: None
) -> Iterator[Pair]:
    """A company read through every way in: a file drop, a database, bank files, a CRM; ``change``: of both otc.yaml."""
    options = DemoOptions(folder / "house", seed=11, customers=customers, invoices=invoices, months=10, as_of=AS_OF)
    with running(options) as demo:
        old = folder / "old_books.db"
        keep_old_books(World.make(5, AS_OF, 20, 200, 6), folder / "old_drop", old)
        database = server.fresh()

        def on_server(document: dict[str, Any]) -> None:
            change(document)
            document["warehouse"] = server.url(database, password=f"${{{_PASSWORD}}}")

        secrets = {_PASSWORD: PASSWORD, _BOOKS: f"sqlite:///{old}"}
        with patch.dict(os.environ, secrets):
            both = Pair(
                demo, _instance(demo, folder / "duckdb", change), _instance(demo, folder / "postgres", on_server)
            )
            try:
                for instance in both.instances:  # pseudonyms are each instance's own, unless they share the key
                    with Warehouse.of(instance).transaction() as tx:
                        tx.insert("ops.instance", [{"name": "pseudonym_salt", "value": "07" * 32}])
                yield both
            finally:
                server.drop(database)


def keep_old_books(world: World, drop: Path, database: Path) -> None:
    """Another company's books, in a database: its tables are its views."""
    project_files(world, drop)
    with closing(sqlite3.connect(database)) as books:
        for file in sorted(drop.rglob("*.csv")):
            entity = file.stem.split("_20")[0]
            with file.open(newline="", encoding="utf-8") as lines:
                rows = list(csv.reader(lines))
            listed = ", ".join(f'"{name}" text' for name in rows[0])
            books.execute(f'create table if not exists "{entity}" ({listed})')
            slots = ", ".join("nullif(?, '')" for _ in rows[0])
            whole = [row for row in rows[1:] if len(row) == len(rows[0])]
            books.executemany(f'insert into "{entity}" values ({slots})', whole)
        for table, row in hostile.rows():
            _entered(books, table, row)
        books.commit()


def _entered(books: sqlite3.Connection, table: str, row: hostile.Row) -> None:
    listed, slots = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
    books.execute(f'insert into "{table}" ({listed}) values ({slots})', list(row.values()))


def books_of_later() -> None:
    """The old books go on: what was written there is written anew, and read as another version."""
    with closing(sqlite3.connect(os.environ[_BOOKS].removeprefix("sqlite:///"))) as books:
        for table, row in hostile.rows(later=True):
            _entered(books, table, row)
        books.commit()


def _instance(demo: Demo, folder: Path, change: Change) -> Path:
    """An instance of its own over the demo's sources, and the old books; it delivers nothing."""
    document = yaml.safe_load(demo.config_path.read_text(encoding="utf-8"))
    for source in document["sources"]:
        for key in ("path", "ca_bundle"):
            if source.get(key):
                source[key] = str((demo.folder / source[key]).resolve())
    change(document)
    document["sources"].append({"name": "old", "connector": "sql", "url": f"${{{_BOOKS}}}"})
    for target in document["targets"]:
        target["mode"] = "dry_run"
    folder.mkdir(parents=True)
    path = folder / "otc.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


MORNING = datetime(2026, 2, 10, 6, tzinfo=UTC)
"""The first pass; the second comes days later."""

LATER = MORNING + timedelta(days=9)
