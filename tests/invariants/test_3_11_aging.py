"""3. Buckets + unapplied = net open balance, per party and in total. 11. A join keeps the row count and the sum.

Over posted histories, with the SQL that the marts and the command line share; the other side is the slow reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.transform import aging_sql
from tests.invariants.world import THOROUGH, caught, expected, in_force, posted, reference
from tests.reference.aged import aged, aging_tables
from tests.reference.generate import LOADS, histories, moments
from tests.reference.ledger import EVER

COLUMNS = ("not_due", "d1_3", "d4_7", "d8_plus", "unapplied")
EDGES = (3, 7)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with aging_tables() as c:
        yield c


def ask(c, movements, change=str, **how):
    return aged(c, movements, change, edges=EDGES, **how)


def net_by_party(history, on, known=EVER, loaded=EVER):
    """What the reference holds open, by entity, party and currency, from the rows in force."""
    visible = in_force(history, known, loaded)
    totals = defaultdict(Decimal)
    for (kind, item_id, _), amount in expected(reference(history), on, known, loaded).items():
        row = visible.receipts[item_id] if kind == "receipt" else visible.documents[item_id]
        totals[row.legal_entity, row.party_id, row.currency] += amount
    return {k: v for k, v in totals.items() if v}


def check(c, history, on=date(2026, 1, 12), known=EVER, loaded=EVER, change=str):
    movements = posted(history).movements
    how = {"as_of": on, "known_at": None if known is EVER else known, "loaded_at": None if loaded is EVER else loaded}
    rows = ask(c, movements, change, **how)
    for row in rows:
        assert sum(row[name] for name in COLUMNS) == row["total"]
    found = {(r["legal_entity"], r["party_id"], r["currency"]): r["total"] for r in rows}
    assert len(found) == len(rows)
    wanted = net_by_party(history, on, known, loaded)
    assert {k: v for k, v in found.items() if v} == wanted
    by_document = ask(c, movements, change, group_by="document", **how)
    items = {k: v for k, v in expected(reference(history), on, known, loaded).items() if v}
    assert len(by_document) == len(items)
    assert sum(r["total"] for r in by_document) == sum(items.values())
    in_total = ask(c, movements, change, group_by="total", **how)
    totals = defaultdict(Decimal)
    for (entity, _, currency), amount in wanted.items():
        totals[entity, currency] += amount
    assert {(r["legal_entity"], r["currency"]): r["total"] for r in in_total if r["total"]} == {
        k: v for k, v in totals.items() if v
    }


@THOROUGH
@given(history=histories(), n=st.integers(0, 25), known=moments(), loaded=st.sampled_from([*LOADS, EVER]))
def test_3_buckets_and_unapplied_are_the_net_open_balance(connection, history, n, known, loaded):
    check(connection, history, date.fromordinal(date(2026, 1, 1).toordinal() + n), known, loaded)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("days <= 3 ", "days < 3 "),
        ("days >= 8 ", "days > 8 "),
        ("not is_unapplied and days <= 0", "not is_unapplied and days < 0"),
        ("effective_date <= ", "effective_date < "),
        ("is_unapplied then open_amount", "is_unapplied then -open_amount"),
    ],
)
def test_3_a_day_between_two_buckets_or_a_lost_side_is_told(connection, old, new):
    assert old in aging_sql(edges=EDGES, as_of=date(2026, 1, 12))
    assert caught(lambda history: check(connection, history, change=lambda sql: sql.replace(old, new)), seeds=400)


def test_11_a_party_that_stands_twice_is_told(connection):
    def joined_twice(sql):
        return sql.replace("marts.dim_party", "(select * from marts.dim_party union all select * from marts.dim_party)")

    assert caught(lambda history: check(connection, history, change=joined_twice))
