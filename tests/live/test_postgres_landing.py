"""Landing on a server: killed at named points, two at once, a session that is ended under it. The next run heals.

The oracle after each is that of the embedded warehouse: rows equal the source's, money sums to the cent, no cursor is
ahead of committed rows, the audit chain verifies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.kit.contract import Settings
from otc_pipelines.audit import append, audited, verify
from otc_pipelines.landing import land
from otc_pipelines.warehouse import WarehouseError
from otc_pipelines.warehouse.server import LOCK, ServerWarehouse
from tests.live.postgres import Server, postgres
from tests.pipeline.house import ROOT
from tests.unit.otc_pipelines.landing.fake import connector
from tests.unit.otc_pipelines.landing.test_kill import PAGES, PER_PAGE, pages

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]

LAND = """
import sys
from pathlib import Path
from connectors.kit.contract import Settings
from otc_pipelines.landing import land
from otc_pipelines.warehouse.server import ServerWarehouse
from tests.unit.otc_pipelines.landing.fake import connector
from tests.unit.otc_pipelines.landing.test_kill import pages
land(ServerWarehouse(sys.argv[1], Path(sys.argv[2])), connector(pages()), "src", Settings(), chunk_rows=50)
"""
HOLD = """
import sys
from pathlib import Path
from otc_pipelines.warehouse.server import ServerWarehouse
with ServerWarehouse(sys.argv[1], Path(sys.argv[2])).writing():
    print("held", flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class Place:
    """An empty database, and an instance's own folder."""

    server: Server
    database: str
    folder: Path

    @property
    def arguments(self) -> tuple[str, str]:
        """Both, for a process of its own."""
        return self.server.url(self.database), str(self.folder)

    def warehouse(self, wait: float = 20) -> ServerWarehouse:
        """The warehouse there."""
        return ServerWarehouse(self.server.url(self.database), self.folder, wait)

    def land(self, kill_at: str | None = None) -> int:
        """Land the source in a process of its own; return how it ended."""
        environment = {**os.environ, "OTC_KILL_AT": kill_at} if kill_at else os.environ.copy()
        words = [sys.executable, "-c", LAND, *self.arguments]
        return subprocess.run(words, env=environment, cwd=ROOT, check=False).returncode


@pytest.fixture
def place(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    database = postgres.fresh()
    yield Place(postgres, database, tmp_path / "data")
    postgres.drop(database)


def oracle(warehouse: ServerWarehouse) -> tuple[int, Decimal, int]:
    """Rows, their sum, cursors; what must agree does."""
    with warehouse.reading() as tx:
        if tx.scalar("select to_regclass('raw_fake.things')") is None:
            return 0, Decimal(0), 0
        assert tx.scalar('select count(*) - count(distinct "_key") from raw_fake.things') == 0
        cursors = {r["stream"] for r in tx.rows("select stream from ops.cursor")}
        loaded = {
            r["p"] for r in tx.rows("select distinct 'page:' || split_part(thing_id, '-', 1) as p from raw_fake.things")
        }
        assert cursors == loaded, "the cursor and its rows are visible together"
        found = tx.rows("select count(*) as n, coalesce(sum(amount), 0) as amount from raw_fake.things")[0]
        assert tx.scalar("select coalesce(sum(rows_new), 0) from ops.load") == found["n"]
        assert tx.scalar("select count(*) from raw_fake.things__personal") == found["n"]
    assert verify(warehouse).ok
    return found["n"], found["amount"], len(cursors)


WHOLE = (
    PAGES * PER_PAGE,
    sum((Decimal(f"{p}.{i:02d}") for p in range(PAGES) for i in range(PER_PAGE)), Decimal(0)),
    PAGES,
)


@pytest.mark.parametrize(
    ("point", "pages_kept"),
    [
        ("migration:2", 0),
        ("landing.fetched:3", 2),
        ("landing.packaged:2", 1),
        ("landing.before_commit:2", 1),
        ("landing.after_commit:2", 2),
    ],
)
def test_killed_at(place: Place, point: str, pages_kept: int) -> None:
    assert place.land(point) == -signal.SIGKILL
    warehouse = place.warehouse()
    if not point.startswith("migration"):
        n, _, cursors = oracle(warehouse)
        assert (n, cursors) == (pages_kept * PER_PAGE, pages_kept)
    assert (
        land(warehouse, connector(pages()), "src", Settings(), chunk_rows=50).rows_new
        == (PAGES - pages_kept) * PER_PAGE
    )
    assert oracle(warehouse) == WHOLE
    again = land(warehouse, connector(pages()), "src", Settings(), chunk_rows=50)
    assert again.rows_new == 0
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.load") == PAGES


def test_models_are_joined_by_hashes_and_new_rows_find_their_keys(place: Place) -> None:
    warehouse = place.warehouse()
    with warehouse.transaction() as tx:
        assert (tx.scalar("show enable_nestloop"), tx.scalar("show enable_mergejoin")) == ("off", "off")
    with warehouse.transaction("loader") as tx:
        assert (tx.scalar("show enable_nestloop"), tx.scalar("show enable_mergejoin")) == ("on", "on")
    with warehouse.reading() as tx:
        assert (tx.scalar("show enable_nestloop"), tx.scalar("show jit")) == ("off", "off")
    for options in (warehouse.dbt_environment()["PGOPTIONS"], warehouse.sqlalchemy()[1]["options"]):
        assert "enable_nestloop=off" in options
        assert "enable_mergejoin=off" in options


def test_two_that_land_at_once_take_turns(place: Place) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            land(place.warehouse(60), connector(pages()), "src", Settings(), chunk_rows=50)
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert oracle(place.warehouse()) == WHOLE


@contextmanager
def held(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Give another process that holds the warehouse until it is told to go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *place.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        yield holder


def test_who_holds_it_is_named_and_readers_go_on(place: Place) -> None:
    place.land()
    with held(place) as holder:
        waiting = place.warehouse(0.3)
        with pytest.raises(WarehouseError) as told:
            land(waiting, connector(pages()), "src", Settings())
        line = str(told.value)
        assert f"is in use by otc pid {holder.pid}" in line
        assert "127.0.0.1" in line
        assert "\n" not in line
        assert oracle(waiting) == WHOLE
        holder.communicate("go\n")
    assert land(waiting, connector(pages()), "src", Settings()).rows_new == 0


def test_a_holder_that_is_killed_leaves_no_lock(place: Place) -> None:
    with held(place) as holder:
        holder.kill()
        holder.wait()
    with place.warehouse().writing():
        pass


def end_sessions(place: Place, which: str) -> None:
    """Let the server end sessions of the database, as an administrator or a failover does."""
    place.server.execute(
        f"""select pg_terminate_backend(pid) from pg_stat_activity
        where datname = '{place.database}' and pid <> pg_backend_pid() and {which}"""
    )


def test_nothing_is_committed_by_one_whose_lock_is_gone(place: Place) -> None:
    warehouse = place.warehouse()
    with audited(warehouse) as tx:
        append(tx, "run", "first", {}, "ann")
    with pytest.raises(WarehouseError, match="nothing was committed, run again"), audited(warehouse) as tx:
        append(tx, "run", "second", {}, "ann")
        end_sessions(place, f"pid in (select pid from pg_locks where locktype = 'advisory' and objid = {LOCK})")
    assert verify(place.warehouse()).ok
    with place.warehouse().reading() as tx:
        assert [r["subject"] for r in tx.rows("select subject from ops.audit_event")] == ["first"]


def test_a_server_that_goes_away_in_the_middle_is_one_line(place: Place) -> None:
    warehouse = place.warehouse()
    with (
        pytest.raises(WarehouseError, match=r"cannot be used|ended the session") as told,
        warehouse.transaction() as tx,
    ):
        tx.execute("create table ops.half (x integer)")
        end_sessions(place, "true")
        tx.execute("insert into ops.half values (1)")
    assert "\n" not in str(told.value)
    with place.warehouse().reading() as tx:
        assert tx.scalar("select to_regclass('ops.half')") is None
