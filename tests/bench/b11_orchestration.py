"""B11: what orchestration costs: the whole graph through Dagster against the same steps in bare Python.

``python -m tests.bench.b11_orchestration TOOL FOLDER`` makes one pass over a copy of what was ``prepared``: ``bare``
and ``dagster`` over a company of which everything is new, ``bare_again`` and ``dagster_again`` over one of which
nothing is. The company comes from files: no simulator works in the measured process. Each copy stands where the
company was prepared, as instances do not move: dbt reads its project anew in another place.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from otc_pipelines.defs.whole_way import run_whole_way
from otc_pipelines.demo.start import DemoOptions, running
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.run import RunReport, run_pass
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse

AS_OF = date(2026, 10, 31)


def bare(config: Path) -> RunReport:
    """The steps one after the other, in this process."""
    return run_pass(Flow(load(config)))


def dagster(config: Path) -> RunReport:
    """The same steps as the job ``whole_way``, recorded."""
    return run_whole_way(config)


TOOLS: dict[str, tuple[str, Callable[[Path], RunReport]]] = {
    "bare": ("new", bare),
    "dagster": ("new", dagster),
    "bare_again": ("known", bare),
    "dagster_again": ("known", dagster),
}
"""By name: which of the prepared companies is passed over, and how."""


@contextmanager
def prepared(invoices: int) -> Iterator[Path]:
    """A folder with the company ``new`` to the warehouse and, after a pass of either kind, ``known`` to it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        company(folder / "new", invoices)
        shutil.copytree(folder / "new", folder / "known")
        with _placed(folder, "known") as config:
            for run in (dagster, bare):
                run(config)
            shutil.rmtree(folder / "known")
            shutil.copytree(config.parent, folder / "known")
        yield folder


@contextmanager
def _placed(folder: Path, which: str) -> Iterator[Path]:
    """The configuration of a copy of one of the companies, in the one place where each is passed over."""
    mine = folder / "company"
    shutil.copytree(folder / which, mine)
    try:
        yield mine / "otc.yaml"
    finally:
        shutil.rmtree(mine)


def company(folder: Path, invoices: int) -> Path:
    """A company in files: exports of an ERP and bank statements; no CRM, nothing to deliver to."""
    options = DemoOptions(folder=folder, seed=11, customers=max(20, invoices // 10), invoices=invoices, as_of=AS_OF)
    with running(options) as demo:
        document: dict[str, Any] = yaml.safe_load(demo.config_path.read_text(encoding="utf-8"))
    document["sources"] = [s for s in document["sources"] if s["connector"] in ("files", "bank_files")]
    document["targets"] = []
    demo.config_path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return demo.config_path


def content(config: Path) -> str:
    """How many movements there are and what they sum to: the same for every way to get there."""
    with Warehouse.of(load(config)).reading() as tx:
        return str(
            tx.scalar(
                """select count(*) || ' ' || sum(amount) || ' ' || count(distinct movement_id)
                from ops.ar_movement"""
            )
        )


def main(tool: str, folder: Path) -> None:
    """Make one pass and print its figures."""
    os.environ["OTC_ACTOR"] = "bench"
    which, run = TOOLS[tool]
    with _placed(folder, which) as config:
        wall, cpu = time.perf_counter(), time.process_time()
        report = run(config)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert report.code in (0, 1), report.error
        said = content(config)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "content": said}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
