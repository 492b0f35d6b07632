"""1. Per legal entity, receivables account, currency and day: open items, unapplied included = the control balance.

The tie-out's own SQL over posted histories; the control balances are what the slow reference holds open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.invariants.world import ACCOUNT, THOROUGH, caught, expected, in_force, posted, reference
from tests.reference.generate import histories
from tests.reference.marts import ledger_table, mart_sql, put

FIRST = date(2026, 1, 1)
STATED = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with ledger_table() as c:
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
    put(c, posted(history).movements)
    c.execute("delete from int_gl_balances__current")
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
        "select legal_entity, currency, as_of, ledger_balance, difference, status"
        f" from ({mart_sql('fct_tie_out', ledger)})"
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
