"""Marts over posted histories: a model's own SQL, its references read as tables of a database in memory.

Belongs here: rendering a model, putting movements where it reads them. Not here: what should come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import jinja2

from otc_pipelines.posting import Movement
from otc_pipelines.transform.rendering import macros

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
NAMES = Movement._fields


def mart_sql(name: str, ledger: str = "fct_ar_ledger", today: str = "2026-07-01") -> str:
    """The SELECT of a mart. ``ledger``: what stands for the ledger."""
    (model,) = MODELS.rglob(f"{name}.sql")
    template = jinja2.Environment(autoescape=False).from_string(model.read_text(encoding="utf-8"))
    return template.render(
        config=lambda **_: "",
        ref=lambda name: ledger if name == "fct_ar_ledger" else name,
        source=lambda schema, name: name,
        today=lambda: f"date '{today}'",
        money=macros("money.sql").money,
        total=macros("money.sql").total,
    )


@contextmanager
def ledger_table() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with an empty ``fct_ar_ledger``."""
    with duckdb.connect() as c:
        c.execute("set TimeZone = 'UTC'")
        types = {
            "installment_no": "bigint", "amount": "decimal(18,4)", "base_amount": "decimal(18,4)",
            "recorded_at": "timestamptz", "loaded_at": "timestamptz",
        } | dict.fromkeys(("document_date", "due_date", "effective_date"), "date")  # fmt: skip
        columns = ", ".join(f"{n} {types.get(n, 'text')}" for n in NAMES)
        c.execute(f"create table fct_ar_ledger ({columns}, posting_state text default 'posted')")
        yield c


def put(c: duckdb.DuckDBPyConnection, movements: Iterable[Movement]) -> None:
    """Make these the whole ledger."""
    c.execute("delete from fct_ar_ledger")
    rows = [tuple(m) for m in movements]
    if rows:
        slots = ", ".join("?" * len(NAMES))
        c.executemany(f"insert into fct_ar_ledger ({', '.join(NAMES)}) values ({slots})", rows)
