"""Warehouses of earlier releases, frozen as text: put back into a database, and compared with what became of them.

Belongs here: restoring and asking. Not here: any expectation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg2

from tests.pipeline.house import ROOT, configure

RELEASES = Path(__file__).parent / "releases"
EXAMPLE = ROOT / "docs" / "examples" / "first_invoice"
SOURCES = [
    {"name": "erp", "connector": "files", "path": "./drop"},
    {"name": "bank", "connector": "bank_files", "path": "./bank"},
]
Row = dict[str, Any]
# A version with one migration more, on a warehouse that must be upgraded.
LATER = """
import sys
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse, schema
schema.MIGRATIONS = (*schema.MIGRATIONS, ("9000_later", (
    "alter table ops.load add column note text", "update ops.load set note = 'was here'",
    "create table ops.later (n bigint not null)")))
with Warehouse.of(load(sys.argv[1])).transaction() as tx:
    print(tx.scalar("select count(*) from ops.load where note = 'was here'"))
"""


def instance_of(folder: Path, release: str, warehouse: str) -> Path:
    """An instance as that release left it, its warehouse in ``warehouse``; return its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    config = configure(
        folder,
        SOURCES,
        warehouse=warehouse if warehouse == "duckdb" else on_server(folder, warehouse),
        legal_entities={"US": {"base_currency": "USD", "ar_account": "1200"}},
        bank_accounts={"DE89370400440532013000": {"legal_entity": "US", "gl_account": "1010"}},
        aging={"edges": [30, 60, 90], "by": "due_date"},
    )
    for place in ("drop", "bank"):
        shutil.copytree(EXAMPLE / place, folder / place, dirs_exist_ok=True)
    for file in (EXAMPLE / "later").iterdir():
        shutil.copy(file, folder / "drop")
    anchor = folder / "data" / "audit" / "head.json"
    anchor.parent.mkdir(parents=True)
    shutil.copy(RELEASES / release / "head.json", anchor)
    restore(release, folder / "data" / "warehouse.duckdb" if warehouse == "duckdb" else warehouse)
    return config


def on_server(folder: Path, url: str) -> str:
    """A server's URL as a configuration may say it: its password goes into the ``.env`` beside the file."""
    found = urlsplit(url)
    name = f"OTC_PASSWORD_OF_{found.username}".upper()
    (folder / ".env").write_text(f"{name}={found.password}\n", encoding="utf-8")
    return url.replace(f":{found.password}@", f":${{{name}}}@")


def restore(release: str, target: Path | str) -> None:
    """Put a release's tables back: into a DuckDB file, or into the PostgreSQL database of a URL."""
    statements = (RELEASES / release / "schema.sql").read_text(encoding="utf-8").split(";\n")
    connection: Any = duckdb.connect(str(target)) if isinstance(target, Path) else psycopg2.connect(target)
    slot = "?" if isinstance(target, Path) else "%s"
    try:
        run = connection.cursor()
        run.execute("set time zone 'UTC'")
        for statement in filter(str.strip, statements):
            run.execute(statement)
        for table, rows in frozen(release).items():
            for row in rows:
                columns = ", ".join(f'"{name}"' for name in row)
                slots = ", ".join(slot for _ in row)
                run.execute(f"insert into {_quoted(table)} ({columns}) values ({slots})", list(row.values()))
        connection.commit()
    finally:
        connection.close()


def frozen(release: str) -> dict[str, list[Row]]:
    """All rows of a release's warehouse by table."""
    found: dict[str, list[Row]] = defaultdict(list)
    for line in (RELEASES / release / "rows.jsonl").read_text(encoding="utf-8").splitlines():
        table, row = json.loads(line)
        found[table].append(row)
    return dict(found)


def answer(release: str, name: str) -> Any:
    """What that release answered."""
    return json.loads((RELEASES / release / f"{name}.json").read_text(encoding="utf-8"))


def later(config: Path, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    """Let a version with one migration more write into an instance's warehouse."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LATER, str(config)],
        cwd=ROOT,
        env={**os.environ, "OTC_KILL_AT": kill_at},
        capture_output=True,
        text=True,
        check=False,
    )


def lost(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """The rows of ``before`` that are not in ``now`` with all that they said; columns may have been added."""
    kept = {_key({k: row.get(k) for k in before[0]}) for row in now} if before else set()
    columns = set(before[0]) if before else set()
    missing = []
    for row in before:
        names = set(row)
        found = kept if names == columns else {_key({k: other.get(k) for k in names}) for other in now}
        if _key(row) not in found:
            missing.append(row)
    return missing


def _key(row: Row) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, date):
            return value.isoformat()
        return str(value) if isinstance(value, Decimal) else value

    return json.dumps({k: plain(v) for k, v in sorted(row.items())}, sort_keys=True)


def _quoted(table: str) -> str:
    schema, _, name = table.partition(".")
    return f'{schema}."{name}"'
