"""B3: one invoice in a hundred changed, against the full load: landing alone, and a whole pass with its models.

``python -m tests.bench.b3_incremental TOOL FOLDER`` works on a copy of what was ``prepared``: ``load`` and ``whole``
take in a company that is new, ``load_changed`` and ``whole_changed`` what one more file changes of one that is known.
An instance does not move: each works in the place in which the known one was built, and dbt knows the project there.
What a process imports before its first load is imported before the clock starts.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import yaml

from connectors.registry import connectors
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.flow.run import run_pass
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse

START = date(2025, 1, 1)
PLACE = "company"
COLUMNS = "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"


def landing(config: Path) -> None:
    """Take in what is new of every source, and stop there."""
    flow = Flow(load(config))
    with flow.warehouse.writing():
        prepare(flow)
        for source in flow.instance.sources:
            report = extract(flow, source)
            assert report.code == 0, report.message


def whole(config: Path) -> None:
    """A whole pass, models included."""
    report = run_pass(Flow(load(config)))
    assert report.code in (0, 1), report.error


TOOLS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "load": ("new", landing),
    "load_changed": ("changed", landing),
    "whole": ("new", whole),
    "whole_changed": ("changed", whole),
}
"""By name: which of the prepared companies is worked on, and how."""


@contextmanager
def prepared(invoices: int) -> Iterator[Path]:
    """A folder with the company ``new`` to the warehouse, and one that is known and of which some has ``changed``."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        drop = folder / "new" / "drop"
        drop.mkdir(parents=True)
        document = {
            "company": {"name": "Acme", "base_currency": "USD", "timezone": "UTC"},
            "data_dir": "./data",
            "legal_entities": {"US": {"base_currency": "USD", "ar_account": "1200"}},
            "sources": [{"name": "erp", "connector": "files", "path": "./drop"}],
        }
        (folder / "new" / "otc.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        parties = [f"P{n},Customer {n},USD,US\n" for n in range(max(20, invoices // 200))]
        (drop / "parties.csv").write_text("party_id,name,currency,legal_entity\n" + "".join(parties), encoding="utf-8")
        _write(drop / "documents_1.csv", range(invoices), len(parties), cents=0)
        shutil.copytree(folder / "new", folder / PLACE)
        whole(folder / PLACE / "otc.yaml")
        (folder / PLACE).rename(folder / "changed")
        _write(folder / "changed" / "drop" / "documents_2.csv", range(0, invoices, 100), len(parties), cents=1)
        yield folder


def _write(path: Path, numbers: Iterable[int], parties: int, cents: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(COLUMNS)
        for n in numbers:
            day = START + timedelta(days=n % 600)
            due, amount = day + timedelta(days=30), f"{100 + n % 9000}.{10 + cents}"
            file.write(f"INV-{n:08d},invoice,P{n % parties},US,{day},{due},USD,{amount}\n")


def _imported() -> None:
    connectors()
    for name in ("dlt", "pandas", "dbt.cli.main", "great_expectations"):
        import_module(name)


def content(config: Path) -> str:
    """How many versions of invoices there are, and what has been posted of them."""
    with Warehouse.of(load(config)).reading() as tx:
        versions = tx.scalar("select count(*) from raw_files.documents")
        return f"{versions} versions, {tx.scalar('select coalesce(sum(amount), 0) from ops.ar_movement')} posted"


def main(tool: str, folder: Path) -> None:
    """Work once and print the figures."""
    os.environ["OTC_ACTOR"] = "bench"
    which, work = TOOLS[tool]
    mine = folder / PLACE
    shutil.rmtree(mine, ignore_errors=True)
    shutil.copytree(folder / which, mine)
    _imported()
    wall, cpu = time.perf_counter(), time.process_time()
    work(mine / "otc.yaml")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    said = content(mine / "otc.yaml")
    shutil.rmtree(mine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "content": said}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
