"""A process that dies at a named point leaves the warehouse as it was or as it should be; the next run heals.

The oracle after each: the multiset of (key, content) equals the source's, money sums to the cent, the cursor is not
ahead of committed rows, the audit chain verifies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.kit.contract import Cursor
from otc_pipelines.audit import verify
from otc_pipelines.landing import land
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.unit.otc_pipelines.landing.fake import connector, rows

PAGES = 4
PER_PAGE = 50
SCRIPT = """
import sys
from pathlib import Path
from connectors.kit.contract import Settings
from otc_pipelines.landing import land
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.unit.otc_pipelines.landing.fake import connector
from tests.unit.otc_pipelines.landing.test_kill import pages
land(EmbeddedWarehouse(Path(sys.argv[1])), connector(pages()), "src", Settings(), chunk_rows=50)
"""


def pages() -> list[object]:
    return [
        rows(
            *(
                {"thing_id": f"{page}-{n}", "amount": f"{page}.{n:02d}", "owner": f"Person {n}"}
                for n in range(PER_PAGE)
            ),
            cursor=Cursor(f"page:{page}", str(page)),
        )
        for page in range(PAGES)
    ]


def run(path: Path, kill_at: str | None) -> int:
    environment = {**os.environ, "OTC_KILL_AT": kill_at} if kill_at else os.environ.copy()
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], env=environment, cwd=root, check=False)
    return done.returncode


def oracle(path: Path) -> tuple[int, Decimal, int]:
    warehouse = EmbeddedWarehouse(path)
    with warehouse.reading() as tx:
        tables = tx.scalar("select count(*) from information_schema.tables where table_schema = 'raw_fake'")
        if not tables:
            return 0, Decimal(0), 0
        assert tx.scalar('select count(*) - count(distinct "_key") from raw_fake.things') == 0
        cursors = {r["stream"] for r in tx.rows("select stream from ops.cursor")}
        loaded = {
            r["p"] for r in tx.rows("select distinct 'page:' || split_part(thing_id, '-', 1) as p from raw_fake.things")
        }
        assert cursors == loaded, "the cursor and its rows are visible together"
        recorded = tx.scalar("select coalesce(sum(rows_new), 0) from ops.load")
        found = tx.rows("select count(*) as n, coalesce(sum(amount), 0) as amount from raw_fake.things")[0]
        assert recorded == found["n"]
        people = tx.scalar("select count(*) from raw_fake.things__personal")
        assert people == found["n"]
    assert verify(warehouse).ok
    return found["n"], found["amount"], len(cursors)


@pytest.mark.parametrize(
    ("point", "pages_kept"),
    [
        ("landing.fetched", 0),
        ("landing.fetched:3", 2),
        ("landing.packaged:2", 1),
        ("landing.before_commit:2", 1),
        ("landing.after_commit:2", 2),
    ],
)
def test_killed_at(tmp_path: Path, point: str, pages_kept: int) -> None:
    path = tmp_path / "warehouse.duckdb"
    assert run(path, point) == -signal.SIGKILL
    n, _, cursors = oracle(path)
    assert (n, cursors) == (pages_kept * PER_PAGE, pages_kept)
    assert run(path, None) == 0
    n, amount, cursors = oracle(path)
    assert (n, cursors) == (PAGES * PER_PAGE, PAGES)
    assert amount == sum((Decimal(f"{p}.{i:02d}") for p in range(PAGES) for i in range(PER_PAGE)), Decimal(0))
    before = path.read_bytes()
    assert run(path, None) == 0
    with EmbeddedWarehouse(path).reading() as tx:
        assert tx.scalar("select count(*) from ops.load") == PAGES
    assert len(before) == path.stat().st_size


def test_a_working_folder_that_was_left_behind_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    run(path, "landing.before_commit:2")
    left = list((tmp_path / "work").iterdir())
    assert left, "the killed process left its package behind"
    land(EmbeddedWarehouse(path), connector(pages()), "src", connector([]).settings())
    assert oracle(path)[0] == PAGES * PER_PAGE
