"""1. Per legal entity, receivables account, currency and day: open items, unapplied included = the control balance.

The tie-out's own SQL over posted histories; the control balances are what the slow reference holds open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import Movement
from otc_pipelines.transform.rendering import macros
from tests.invariants.world import ACCOUNT, THOROUGH, caught, expected, in_force, posted, reference
from tests.reference.generate import histories

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
FIRST = date(2026, 1, 1)
STATED = datetime(2026, 6, 30, tzinfo=UTC)
NAMES = Movement._fields


def tie_out_sql(ledger: str = "fct_ar_ledger") -> str:
    """The model, its references read as tables. ``ledger``: what stands for the ledger."""
    (model,) = MODELS.rglob("fct_tie_out.sql")
    template = jinja2.Environment(autoescape=False).from_string(model.read_text(encoding="utf-8"))
    return template.render(
        ref=lambda name: ledger if name == "fct_ar_ledger" else name,
        source=lambda schema, name: name,
        today=lambda: "date '2026-07-01'",
        money=macros("money.sql").money,
        total=macros("money.sql").total,
    )


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as c:
        c.execute("set TimeZone = 'UTC'")
        types = {
            "installment_no": "bigint", "amount": "decimal(18,4)", "base_amount": "decimal(18,4)",
            "recorded_at": "timestamptz", "loaded_at": "timestamptz",
        } | dict.fromkeys(("document_date", "due_date", "effective_date"), "date")  # fmt: skip
        columns = ", ".join(f"{n} {types.get(n, 'text')}" for n in NAMES)
        c.execute(f"create table fct_ar_ledger ({columns}, posting_state text default 'posted')")
        c.execute("create table legal_entity (legal_entity text, ar_account text)")
        c.execute(
            """create table int_gl_balances__current (source_system text, row_key text, legal_entity text,
            gl_account text, currency text, date date, balance decimal(18,4), base_balance decimal(18,4),
            recorded_at timestamptz, loaded_at timestamptz)"""
        )
        yield c


def control_balances(history, on):
    """What the account holds, from the reference: open items and what is unapplied, by entity and currency."""
    visible, ledger = in_force(history), reference(history)
    totals = defaultdict(Decimal)
    for row in [*visible.documents.values(), *visible.receipts.values()]:
        if not row.deleted:
            totals[row.legal_entity, row.currency] = Decimal(0)
    for (kind, item_id, _), amount in expected(ledger, on).items():
        row = visible.receipts[item_id] if kind == "receipt" else visible.documents[item_id]
        totals[row.legal_entity, row.currency] += amount
    return totals


def check(c, history, days=(4, 11), off=Decimal(0), ledger="fct_ar_ledger"):
    """Every stated day is compared; ``off`` is what the earliest one is wrong by."""
    c.execute("delete from fct_ar_ledger")
    c.execute("delete from int_gl_balances__current")
    movements = [tuple(m) for m in posted(history).movements]
    if movements:
        c.executemany(
            f"insert into fct_ar_ledger ({', '.join(NAMES)}) values ({', '.join('?' * len(NAMES))})", movements
        )
    controls = {}
    for on in (FIRST + timedelta(days=day) for day in sorted(days)):
        for (entity, currency), balance in control_balances(history, on).items():
            controls[entity, currency, on] = balance
            wrong = off if on == FIRST + timedelta(days=min(days)) else Decimal(0)
            c.execute(
                "insert into int_gl_balances__current values ('legacy', ?, ?, ?, ?, ?, ?, null, ?, ?)",
                [str(len(controls)), entity, ACCOUNT, currency, on, balance + wrong, STATED, STATED],
            )
    result = c.execute(
        f"select legal_entity, currency, as_of, ledger_balance, difference, status from ({tie_out_sql(ledger)})"
    )
    judged = {}
    for entity, currency, on, balance, difference, status in result.fetchall():
        if status == "not checked" and not balance:
            continue  # all that was ever there has been taken back, and no control balance speaks of it
        judged[entity, currency, on] = (difference, status)
    assert judged == {k: (Decimal(0), "tied") for k in controls}


@THOROUGH
@given(history=histories(), days=st.sets(st.integers(-1, 30), min_size=1, max_size=3))
def test_the_subledger_ties_out_on_any_day(connection, history, days):
    check(connection, history, days)


def test_a_cent_is_told(connection):
    for off in (Decimal("0.01"), Decimal("-0.0010")):
        assert caught(lambda history, off=off: check(connection, history, off=off), seeds=3)


@pytest.mark.parametrize(
    "ledger",
    [
        "(select * from fct_ar_ledger where item_type = 'installment')",
        "(select * from fct_ar_ledger where movement_type <> 'undo')",
        "(select * from fct_ar_ledger union all select * from fct_ar_ledger where movement_type = 'adjustment')",
    ],
    ids=["unapplied left out", "undos left out", "adjustments twice"],
)
def test_a_ledger_that_is_not_whole_is_told(connection, ledger):
    assert caught(lambda history: check(connection, history, ledger=ledger))
