"""8. Realised exchange differences: each allocation's two sides at their own rates, and what base currency closes with.

The marts' own SQL over posted histories; what each allocation realised, and what is open in base currency, is the slow
reference's, for any day and either clock.
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

from otc_pipelines.posting import settlement
from otc_pipelines.posting.sheet import Exchange
from tests.invariants.world import LAST_DAY, THOROUGH, caught, in_force, posted, reference
from tests.reference.generate import LOADS, days, histories, moments
from tests.reference.ledger import EVER
from tests.reference.marts import ledger_table, mart_sql, put

REALISED = mart_sql("fct_fx_realised")
KEPT = "effective_date <= $on and recorded_at <= $known and loaded_at <= $loaded"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with ledger_table() as c:
        yield c


def realised(c, on, known, loaded, sql=REALISED) -> dict[str, Decimal | None]:
    """By allocation, read as the model's description says: null where what has no rate does not sum to 0."""
    found = c.execute(
        f"""select allocation_id, sum(realised_fx), bool_or(unknown) from (
            select allocation_id, exchange_id, sum(realised_fx) as realised_fx,
                min(status) <> 'realised' and (sum(document_amount) <> 0 or sum(source_amount) <> 0) as unknown
            from ({sql}) as mart where {KEPT} group by allocation_id, exchange_id
        ) as exchanges group by allocation_id""",
        {"on": on, "known": known, "loaded": loaded},
    ).fetchall()
    return {key: None if unknown else amount for key, amount, unknown in found if unknown or amount}


def check(c, history, on=LAST_DAY, known=EVER, loaded=EVER, sql=REALISED):
    put(c, posted(history).movements)
    assert realised(c, on, known, loaded, sql) == reference(history).realised(on, known, loaded)


def check_closing(c, history, sql=None):
    """The roll-forward in base currency closes with what was realised, and on what the reference holds open."""
    put(c, posted(history).movements)
    ledger, visible = reference(history), in_force(history)
    rows = c.execute(
        f"""select coalesce(legal_entity, ''), currency, base_fx, base_closing, base_residual
        from ({sql or mart_sql("fct_roll_forward")}) as mart order by period_start"""
    ).fetchall()
    assert all(row[4] in (None, 0) for row in rows)
    closing, fx = {}, defaultdict(list)
    for entity, currency, base_fx, base_closing, _ in rows:
        closing[entity, currency] = base_closing
        fx[entity].append(base_fx)
    expected: dict[tuple[str, str], Decimal | None] = dict.fromkeys(closing, Decimal(0))
    for (kind, item_id, _), (_, base) in ledger.open(date.max).items():
        row = visible.receipts[item_id] if kind == "receipt" else visible.documents[item_id]
        key = (row.legal_entity or "", row.currency)
        so_far = expected.get(key, Decimal(0))
        expected[key] = None if base is None or so_far is None else so_far + base
    assert closing == expected
    said = ledger.realised(date.max)
    if None not in said.values() and all(None not in amounts for amounts in fx.values()):
        assert sum((sum(amounts) for amounts in fx.values()), Decimal(0)) == sum(said.values(), Decimal(0))


@THOROUGH
@given(history=histories(), on=days(), known=moments(), loaded=st.sampled_from([*LOADS, EVER]))
def test_what_an_allocation_realised_is_what_the_reference_says(connection, history, on, known, loaded):
    check(connection, history, on, known, loaded)
    check(connection, history)


@THOROUGH
@given(history=histories())
def test_base_currency_closes_with_what_was_realised(connection, history):
    check_closing(connection, history)


@THOROUGH
@given(history=histories())
def test_the_movements_of_an_exchange_sum_to_what_it_realised(connection, history):
    movements = posted(history).movements
    put(connection, movements)
    sums: dict[str | None, Decimal | None] = defaultdict(Decimal)
    for m in movements:
        so_far = sums[m.exchange_id]
        sums[m.exchange_id] = None if so_far is None or m.base_amount is None else so_far + m.base_amount
    sums.pop(None, None)
    rows = connection.execute(f"select exchange_id, sum(realised_fx) from ({REALISED}) as mart group by 1").fetchall()
    assert {k: v for k, v in sums.items() if v} == {k: v for k, v in rows if v}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("exchanges.document_unknown = 0 and exchanges.source_unknown = 0", "true"),
        ("+ events.source_base_amount end", "- events.source_base_amount end"),
        ("and exchange_id is not null", "and exchange_id is not null and movement_type <> 'receipt_event'"),
        ("and exchange_id is not null", "and exchange_id is not null and movement_type <> 'void'"),
        ("min(case when side = 'source' then currency end)", "min(case when side = 'document' then currency end)"),
        (
            "\n        recorded_at,\n        loaded_at,\n        amount",
            "\n        loaded_at as recorded_at, loaded_at, amount",
        ),
    ],
    ids=["no rate is 0", "sides added", "bounces stay", "voids stay", "paid in one currency", "known when loaded"],
)
def test_a_mart_that_is_wrong_is_told(connection, right, wrong):
    assert right in REALISED
    sql = REALISED.replace(right, wrong)
    known = LOADS[0]

    def looked_at(history):
        check(connection, history, sql=sql)
        check(connection, history, known=known, sql=sql)

    assert caught(looked_at)


def test_a_rate_that_comes_late_makes_another_exchange(connection, monkeypatch):
    made = settlement._exchange

    def alike(taker) -> Exchange | None:
        exchange = made(taker)
        return exchange and exchange._replace(valued=True)

    monkeypatch.setattr(settlement, "_exchange", alike)
    assert caught(lambda history: check(connection, history))


def one_item_a_side(history):
    items = defaultdict(set)
    for m in posted(history).movements:
        if m.exchange_id:
            items[m.exchange_id, m.item_type == "installment"].add((m.item_type, m.item_id, m.currency))
    assert all(len(found) == 1 for found in items.values())


@THOROUGH
@given(history=histories())
def test_an_exchange_is_of_two_items(history):
    one_item_a_side(history)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("when exchange_id is not null then 'fx'", "when movement_type = 'allocation' then 'fx'"),
        ("case when so_far <> 0 then 1 else 0 end", "case when so_far > 99999999 then 1 else 0 end"),
    ],
    ids=["undoing is no exchange", "unknown is known"],
)
def test_a_roll_forward_that_is_wrong_is_told(connection, right, wrong):
    sql = mart_sql("fct_roll_forward")
    assert right in sql
    assert caught(lambda history: check_closing(connection, history, sql.replace(right, wrong)))
