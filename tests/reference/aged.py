"""Aged balances of posted movements: the aging SQL of the marts over a table in memory.

Belongs here: putting movements into a table and asking. Not here: what should come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from otc_pipelines.posting import Movement
from otc_pipelines.transform import aging_sql

LEDGER = """source_system text, legal_entity text, party_id text, item_type text, item_id text, installment_no bigint,
    document_date date, due_date date, effective_date date, recorded_at timestamptz, loaded_at timestamptz,
    amount decimal(18,4), currency text, base_amount decimal(18,4), base_currency text"""
NAMES = [f for f in Movement._fields if f in LEDGER]


@contextmanager
def aging_tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty ledger, and parties P1, P2 and P3."""
    with duckdb.connect() as c:
        c.execute("set TimeZone = 'UTC'")
        c.execute("create schema marts")
        c.execute(f"create table marts.fct_ar_ledger ({LEDGER}, posting_state text default 'posted')")
        c.execute(
            "create table marts.dim_party (source_system text, party_id text, party_name text, top_party_id text)"
        )
        c.execute("insert into marts.dim_party select 'legacy', 'P' || n, 'Party ' || n, 'P1' from range(1, 4) t(n)")
        yield c


def aged(
    c: duckdb.DuckDBPyConnection, movements: Iterable[Movement], change: Callable[[str], str] = str, **how: Any
) -> list[dict[str, Any]]:
    """Ask for aged balances. ``change`` alters the SQL, for mutants; ``how`` is the question."""
    c.execute("delete from marts.fct_ar_ledger")
    rows = [tuple(getattr(m, n) for n in NAMES) for m in movements]
    if rows:
        slots = ", ".join("?" * len(NAMES))
        c.executemany(f"insert into marts.fct_ar_ledger ({', '.join(NAMES)}) values ({slots})", rows)
    result = c.execute(change(aging_sql(**how)))
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
