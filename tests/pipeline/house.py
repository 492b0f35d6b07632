"""What tests of the whole way share: writing an instance, one pass, the command line, what all of its tables hold.

Belongs here: setting up and asking. Not here: any expectation.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from otc_pipelines.cli import main
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.run import RunReport, run_pass
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse import Tx, Warehouse

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
COMPANY = {"name": "Acme", "base_currency": "USD", "timezone": "UTC"}


def configure(folder: Path, sources: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> Path:
    """Write an instance's file; without sources, a file drop and a bank inbox. Their folders are made."""
    chosen = sources or [
        {"name": "legacy", "connector": "files", "path": "./drop"},
        {"name": "bank", "connector": "bank_files", "path": "./bank"},
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for source in chosen:
        if "path" in source:
            (folder / str(source["path"])).mkdir(parents=True, exist_ok=True)
    path = folder / "otc.yaml"
    document = {"company": COMPANY, "data_dir": "./data", "sources": [dict(s) for s in chosen], **more}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def rewritten(config: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change what an instance's file says."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    change(document)
    config.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return config


def passed(config: Path, actor: str = "ann") -> RunReport:
    """One whole pass, in this process."""
    return run_pass(Flow(load(config), actor=actor))


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


def otc(*words: str | Path, config: Path | None = None) -> Said:
    """Run a command of ``otc`` in this process, as the entry point does."""
    arguments = [str(w) for w in words] + (["--config", str(config)] if config else [])
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        finally:
            os.environ.clear()
            os.environ.update(before)
            root.setLevel(level)  # the command silences its process; the tests after it are to hear again
            root.handlers = handlers
    return Said(code, out.getvalue(), err.getvalue())


def otc_process(
    *words: str | Path, config: Path, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command of ``otc`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from otc_pipelines.cli import main; main()", *map(str, words), "--config", str(config)],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **options,
    )


@contextlib.contextmanager
def asking(config: Path | Instance) -> Iterator[Tx]:
    """Read the warehouse of an instance."""
    instance = config if isinstance(config, Instance) else load(config)
    with Warehouse.of(instance).reading() as tx:
        yield tx


def rows(config: Path, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Ask the warehouse of an instance."""
    with asking(config) as tx:
        return tx.rows(sql, **parameters)


def change(config: Path, sql: str) -> None:
    """Change the warehouse behind everybody's back."""
    with Warehouse.of(load(config)).transaction() as tx:
        tx.execute(sql)


def tables(tx: Tx, *schemas: str) -> list[str]:
    """The names of all tables (no views) of the schemas that begin like these."""
    found = tx.rows(
        """select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'
        order by table_schema, table_name"""
    )
    return [
        f'{r["table_schema"]}."{r["table_name"]}"' for r in found if str(r["table_schema"]).startswith(schemas or ("",))
    ]


def counts(config: Path) -> dict[str, int]:
    """How many rows each table of raw and ops has."""
    with asking(config) as tx:
        return {name: int(tx.scalar(f"select count(*) from {name}")) for name in tables(tx, "raw_", "ops")}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much tables have grown, those only that have."""
    return {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name, 0)}


def step(report: RunReport, kind: str, name: str = "") -> Any:
    """The one report of a step."""
    found = [s for s in report.steps if s.step == kind and name in s.name]
    assert len(found) == 1, [(s.step, s.name, s.status, s.message) for s in report.steps]
    return found[0]
