"""`otc aging --revalue` against plain Decimal, for any rates, versions, days and knowledge; published examples."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.otc_pipelines.transform.test_aging_sql import DAY0, ask, at, connection, movement

__all__ = ["connection"]
CENTS = {"USD": "0.01", "JPY": "1", "KWD": "0.001"}
COLUMNS = """source_system text, row_key text, from_currency text, to_currency text, rate_date date, rate_type text,
    rate decimal(28,10), is_deleted boolean, recorded_at timestamptz, loaded_at timestamptz, source_file text,
    source_line bigint"""


def rate(day: int, of: str, base: str = "USD", kind: str | None = None, **other: Any) -> dict[str, Any]:
    key = f"{other.get('currency', 'EUR')}|{base}|{day}|{kind}"
    return {
        "source_system": "erp", "row_key": key, "from_currency": other.pop("currency", "EUR"), "to_currency": base,
        "rate_date": DAY0 + timedelta(days=day), "rate_type": kind, "rate": Decimal(of), "is_deleted": False,
        "recorded_at": at(day), "loaded_at": at(day), "source_file": "rates.csv", "source_line": 2,
    } | other  # fmt: skip


def revalued(
    opened: duckdb.DuckDBPyConnection, ledger: Iterable[Any], rates: Iterable[dict[str, Any]], **how: Any
) -> list[dict[str, Any]]:
    opened.execute(f"create or replace table marts.fct_fx_rates ({COLUMNS})")
    for row in rates:
        opened.execute(f"insert into marts.fct_fx_rates values ({', '.join('?' * 12)})", list(row.values()))
    return ask(opened, ledger, rates="marts.fct_fx_rates", **how)


def foreign(amount: str, base: str | None, item: str = "A1", **other: Any) -> Any:
    booked = None if base is None else Decimal(base)
    return movement(item, amount, **{"currency": "EUR", "base_amount": booked} | other)


@pytest.mark.parametrize(
    ("open_amount", "booked", "closing", "gain"),
    [
        # JD Edwards, "Example: Unrealized Gain/Loss on a Foreign Currency Invoice" (docs.oracle.com): USD in EUR books.
        ("1000.00", "1135.45", "1.13225", "-3.20"),
        # NetSuite, "Revaluation of Invoice with No Payments": GBP 100 and 50 in USD books, booked at 2, closing at 2.5.
        ("100", "200", "2.5", "50"),
        ("50", "100", "2.5", "25"),
        # NetSuite, "Revaluation of Invoice with Partial Payment": GBP 60 of 100 are left at the month's end.
        ("60", "120", "2.5", "30"),
    ],
)
def test_published_examples(
    connection: duckdb.DuckDBPyConnection, open_amount: str, booked: str, closing: str, gain: str
) -> None:
    (row,) = revalued(connection, [foreign(open_amount, booked)], [rate(30, closing)], as_of=date(2026, 1, 31))
    assert (row["revaluation"], row["base_total"]) == (Decimal(gain), Decimal(booked))
    assert row["revalued_total"] == Decimal(booked) + Decimal(gain)


def test_without_a_rate_amounts_stand_and_what_is_unknown_is_null(connection: duckdb.DuckDBPyConnection) -> None:
    rates = [rate(10, "2", is_deleted=True), rate(31, "3")]
    (row,) = revalued(connection, [foreign("10", "12")], rates, as_of=date(2026, 1, 31))
    assert (row["total"], row["base_total"], row["revaluation"], row["revalued_total"]) == (10, 12, None, None)
    (row,) = revalued(connection, [foreign("10", None)], [rate(10, "2")], as_of=date(2026, 1, 31))
    assert (row["total"], row["base_total"], row["revaluation"], row["revalued_total"]) == (10, None, None, 20)


def test_columns_stand_beside_those_of_the_contract_and_only_where_asked(connection: duckdb.DuckDBPyConnection) -> None:
    (plain,) = ask(connection, [movement()], as_of=DAY0)
    (row,) = revalued(connection, [movement()], [], as_of=DAY0)
    assert [c for c in row if c not in plain] == ["revaluation", "revalued_total"]
    assert (row["revaluation"], row["revalued_total"]) == (0, 100)
    with pytest.raises(ValueError, match="rate_type"):
        ask(connection, [], as_of=DAY0, rate_type="a' or 1 = 1")


def expected(
    items: list[tuple[str, Decimal]],
    rates: list[dict[str, Any]],
    day: date,
    known: Any,
    loaded: Any,
    kind: str | None,
    base: str,
) -> Decimal | None:
    """What a EUR balance comes to, item by item: the newest version of each rate, then the best one."""
    seen = [r for r in rates if (not known or r["recorded_at"] <= known) and (not loaded or r["loaded_at"] <= loaded)]
    newest: dict[Any, dict[str, Any]] = {}
    for row in sorted(seen, key=lambda r: (r["recorded_at"], r["loaded_at"], r["source_line"])):
        newest[row["source_system"], row["row_key"]] = row
    good = [
        r
        for r in newest.values()
        if not r["is_deleted"] and r["rate_date"] <= day and r["to_currency"] == base
        and (kind is None or r["rate_type"] == kind)
    ]  # fmt: skip
    if not good:
        return None
    last = max(r["rate_date"] for r in good)
    of_day = [r for r in good if r["rate_date"] == last]
    best = min(
        of_day,
        key=lambda r: (
            r["source_system"] != "erp", bool(r["rate_type"]), r["rate_type"] != "spot", r["rate_type"] or "",
            r["source_system"], r["row_key"],
        ),
    )  # fmt: skip
    step = Decimal(CENTS[base])
    return sum(((amount * best["rate"]).quantize(step, ROUND_HALF_UP) for _, amount in items), Decimal(0))


@st.composite
def books(draw: st.DrawFn) -> tuple[str, list[tuple[str, Decimal]], list[dict[str, Any]]]:
    base = draw(st.sampled_from(sorted(CENTS)))
    amounts = st.decimals(-9999, 9999, places=2).filter(bool)
    items = [(f"I{n}", draw(amounts)) for n in range(draw(st.integers(1, 4)))]
    rates = [
        rate(
            draw(st.integers(-3, 3)),
            str(draw(st.decimals("0.0001", 200, places=5))),
            draw(st.sampled_from((base, base, "CHF"))),
            draw(st.sampled_from((None, "spot", "closing"))),
            source_system=draw(st.sampled_from(("erp", "bank"))),
            is_deleted=draw(st.sampled_from((False, False, True))),
            recorded_at=at(draw(st.integers(-4, 4))),
            loaded_at=at(draw(st.integers(-4, 4))),
            source_line=n,
        )
        for n in range(draw(st.integers(0, 7)))
    ]
    return base, items, rates


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(books(), st.integers(-4, 4), st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5),
       st.sampled_from((None, "closing")))  # fmt: skip
def test_any_balance_is_revalued_as_plain_decimal_says(
    connection: duckdb.DuckDBPyConnection, book: Any, day: int, known: int | None, loaded: int | None, kind: str | None
) -> None:
    base, items, rates = book
    before = at(-40)
    ledger = [
        foreign(str(a), "1", i, base_currency=base, effective_date=DAY0 - timedelta(days=40), recorded_at=before,
                loaded_at=before)
        for i, a in items
    ]  # fmt: skip
    as_of = DAY0 + timedelta(days=day)
    question = {"known_at": None if known is None else at(known), "loaded_at": None if loaded is None else at(loaded)}
    rows = revalued(connection, ledger, rates, as_of=as_of, group_by="document", rate_type=kind, **question)
    assert len(rows) == len(items)
    for row in rows:
        own = [i for i in items if i[0] == row["document_id"]]
        wanted = expected(own, rates, as_of, *question.values(), kind, base)
        assert row["revalued_total"] == wanted
        assert row["revaluation"] == (None if wanted is None else wanted - 1)
