"""Whoever reads the published marts is never locked out and never sees half of them, whatever happens to the writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import publish, published_path
from tests.pipeline.conftest import Settled
from tests.pipeline.house import ROOT, change, passed

pytestmark = pytest.mark.xdist_group("settled")
PUBLISH = """
import sys
from pathlib import Path
from otc_pipelines.warehouse import EmbeddedWarehouse
from otc_pipelines.warehouse.publish import publish
publish(EmbeddedWarehouse(Path(sys.argv[1])))
"""
READER = """
import sys, duckdb
path, told = sys.argv[1], 0
held = duckdb.connect(path, read_only=True)
first = held.execute("select count(*), sum(amount) from marts.fct_ar_ledger").fetchone()
print("ready", flush=True)
import select
while not select.select([sys.stdin], [], [], 0.05)[0]:
    assert held.execute("select count(*), sum(amount) from marts.fct_ar_ledger").fetchone() == first
    with duckdb.connect(path, read_only=True) as fresh:
        assert fresh.execute("select count(*), sum(amount) from marts.fct_ar_ledger").fetchone() == first
    told += 1
print(told)
"""


def served(config: Path) -> tuple[set[str], int, int]:
    """What a reader finds: tables, rows of the ledger, and of parties."""
    with duckdb.connect(str(published_path(Warehouse.of(load(config)))), read_only=True) as reader:
        tables = {n for (n,) in reader.execute("select table_name from information_schema.tables").fetchall()}
        (ledger,) = reader.execute("select count(*) from marts.fct_ar_ledger").fetchone() or (0,)
        (parties,) = reader.execute("select count(*) from marts.dim_party").fetchone() or (0,)
    return tables, ledger, parties


@pytest.mark.parametrize("point", ["publish.table", "publish.table:5", "publish.before_swap"])
def test_killed_while_publishing_the_old_copy_is_served_whole(settled: Settled, point: str) -> None:
    config = settled.copy()
    warehouse = Warehouse.of(load(config))
    before = served(config)
    assert before[1] > 0
    change(config, "delete from marts.fct_ar_ledger where item_type = 'receipt'")
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH, str(warehouse.path)],
        env={**os.environ, "OTC_KILL_AT": point},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert served(config) == before
    publish(warehouse)
    after = served(config)
    assert after[0] == before[0]
    assert after[1] < before[1]
    left = [p.name for p in published_path(warehouse).parent.iterdir()]
    assert left == ["bi.duckdb"], "what the killed one left behind is gone"


def test_a_reader_in_another_process_is_served_during_a_whole_pass(settled: Settled) -> None:
    config = settled.copy()
    path = published_path(Warehouse.of(load(config)))
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == "ready"
        report = passed(config)
        told, _ = reader.communicate("stop\n", timeout=60)
    assert report.code == 0, report.error
    assert reader.returncode == 0
    assert int(told) > 5
