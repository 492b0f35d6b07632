"""The measures' SQL against the slow reference, for any history, window and knowledge; and published worked numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otc_pipelines.transform.measures_sql import measures_sql
from tests.reference.generate import LOADS, START, History, days, histories, moments
from tests.reference.ledger import EVER
from tests.reference.measures import Measured
from tests.unit.otc_pipelines.transform.measured_books import (
    Company,
    answered,
    books,
    connection,
    fill,
    load,
    moved,
    paid,
    promises,
    tax,
    written_off,
)

__all__ = ["connection"]


def ask(connection: duckdb.DuckDBPyConnection, **how: Any) -> list[dict[str, Any]]:
    return answered(connection, measures_sql(**how))


# Generated histories


def same(found: dict[str, Any], want: dict[str, Any]) -> None:
    stopped = want.pop("stopped")
    assert {name: found[name] for name in want} == want
    notes = (found["notes"] or "").split("; ")
    noted = {n.partition(":")[0] for n in notes}
    assert noted - {""} == {name for name, value in want.items() if value is None} | stopped


@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
@given(
    one=histories(),
    two=histories(),
    t=days(),
    n=st.sampled_from((1, 3, 7, 30, 90)),
    known=st.none() | moments(),
    loaded=st.none() | st.sampled_from(LOADS),
    shift=st.sampled_from((0, 40)),
)
def test_any_history_measures_as_the_reference_says(
    connection: duckdb.DuckDBPyConnection,
    one: History,
    two: History,
    t: date,
    n: int,
    known: datetime | None,
    loaded: datetime | None,
    shift: int,
) -> None:
    t += timedelta(days=shift)
    companies = [Company("MX", "one", one, promises(one)), Company("US", "two", two, promises(two))]
    load(connection, companies)
    question: dict[str, Any] = {"as_of": t, "days": n, "known_at": known, "loaded_at": loaded}
    by_entity = {r["legal_entity"]: r for r in ask(connection, **question)}
    by_party = {(r["legal_entity"], r["party_id"] or ""): r for r in ask(connection, **question, group_by="party")}
    wanted_entities, wanted_parties = set(), set()
    for company in companies:
        measured = Measured(books(company.history), company.promises, company.history.base, tax, written_off)
        for party in (None, "", "P1", "P2", "P3"):
            want = measured.at(t, n, known or EVER, loaded or EVER, party)
            if want is None:
                continue
            if party is None:
                wanted_entities.add(company.name)
                same(by_entity[company.name], want)
            else:
                wanted_parties.add((company.name, party))
                same(by_party[company.name, party], want)
    assert by_entity.keys() == wanted_entities
    assert by_party.keys() == wanted_parties


# Worked numbers, published


def measured(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], as_of: date, days: int
) -> dict[str, Any]:
    fill(connection, "fct_ar_ledger", rows)
    fill(connection, "fct_measure_inputs", [])
    (row,) = ask(connection, as_of=as_of, days=days)
    return row


def test_count_back_takes_months_off_with_their_calendar_days(connection: duckdb.DuckDBPyConnection) -> None:
    """2,100,000 open; sales of 900,000, 800,000, 700,000 in March, February, January: 31 + 28 + 400/700 x 31 days.

    calculator7.snowdaycalculatornow.com/debtor-days-calculation-count-back-method
    """
    rows = [
        moved("document", "JAN", "700000", "2026-01-20"),
        moved("document", "FEB", "800000", "2026-02-11"),
        moved("document", "MAR", "900000", "2026-03-02"),
        *paid("JAN", "300000", "2026-03-30", "2026-01-20"),
    ]
    row = measured(connection, rows, date(2026, 3, 31), 90)
    assert row["dso_countback"] == Decimal("76.7143")
    assert row["dso"] == Decimal("78.7500")  # 2,100,000 / 2,400,000 x 90
    assert row["weighted_days_to_pay"] == 69
    assert "dso_countback" not in row["notes"]


def test_count_back_from_a_day_inside_a_month_begins_with_its_days(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [moved("document", "FEB", "280", "2026-02-11"), moved("document", "MAR", "100", "2026-03-02")]
    rows += paid("FEB", "180", "2026-03-05", "2026-02-11")
    row = measured(connection, rows, date(2026, 3, 10), 30)
    assert row["dso_countback"] == 20  # 10 days of March, and 100 / 280 of February's 28


def test_a_month_without_sales_stops_the_count_back_and_is_noted(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [moved("document", "JAN", "500", "2026-01-11"), moved("document", "MAR", "100", "2026-03-02")]
    row = measured(connection, rows, date(2026, 3, 31), 90)
    assert row["dso_countback"] == 31
    assert "dso_countback: stopped after 1 months by a month without sales" in row["notes"]
    row = measured(connection, rows, date(2026, 4, 30), 90)
    assert row["dso_countback"] is None


def test_collection_effectiveness_over_the_whole_window(connection: duckdb.DuckDBPyConnection) -> None:
    """Opening 6,200, sales of three months 10,890, closing 6,340 of which 3,590 current: 10,750 / 13,500.

    The aged trial balance of creditguru.com (collection-effectiveness-index-cei), worked with the window's sales.
    """
    rows = [
        moved("document", "OLD", "6200", "2025-12-01"),
        moved("document", "LATE", "7300", "2026-02-10", due_date="2026-03-01"),
        moved("document", "CURRENT", "3590", "2026-03-20", due_date="2026-04-30"),
        *paid("OLD", "6200", "2026-01-30", "2025-12-01"),
        *paid("LATE", "4550", "2026-03-15", "2026-02-10"),
    ]
    row = measured(connection, rows, date(2026, 3, 31), 90)
    assert (row["opening_ar"], row["sales"], row["ar"], row["not_due_ar"]) == (6200, 10890, 6340, 3590)
    assert row["cei"] == Decimal("79.6296")
    assert row["collection_rate"] == Decimal("62.9023")  # 10,750 / (6,200 + 10,890)
    assert row["add"] == row["dso"] - row["best_possible_dso"] == Decimal("22.7273")


def test_days_sales_outstanding_of_a_year(connection: duckdb.DuckDBPyConnection) -> None:
    """150,000 of 1,800,000 sold in 365 days: 30.4 days (trymesha.com, the 2 DSO formulas)."""
    rows = [moved("document", "YEAR", "1800000", "2026-06-01")]
    rows += paid("YEAR", "1650000", "2026-12-01", "2026-06-01")
    assert measured(connection, rows, date(2026, 12, 31), 365)["dso"] == Decimal("30.4167")


@pytest.mark.parametrize(
    ("base", "open_on_10", "open_on_20"),
    [("-59.99", Decimal("40.01"), 0), (None, None, 0), ("-60", 40, 0)],
    ids=["another", "unknown", "its own"],
)
def test_what_a_source_books_otherwise_in_base_currency_is_no_balance_once_the_item_is_paid(
    connection: duckdb.DuckDBPyConnection, base: str | None, open_on_10: Any, open_on_20: Any
) -> None:
    rows = [
        moved("document", "A", "100", "2026-03-01", due_date="2026-03-31"),
        moved("allocation", "A", "-60", "2026-03-05", due_date="2026-03-31", base_amount=base and Decimal(base)),
        moved("allocation", "A", "-40", "2026-03-15", due_date="2026-03-31"),
        moved("document", "B", "7", "2026-04-01"),
    ]
    for day, balance in ((4, 100), (10, open_on_10), (20, open_on_20)):
        row = measured(connection, rows, date(2026, 3, day), 30)
        assert (row["ar"], row["not_due_ar"]) == (balance, balance)
    later = measured(connection, rows, date(2026, 4, 9), 30)
    assert (later["opening_ar"], later["ar"], later["not_due_ar"]) == (open_on_10, 7, 0)


def test_a_window_has_exactly_its_days(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [moved("document", "FIRST", "30", "2026-03-02"), moved("document", "BEFORE", "70", "2026-03-01")]
    row = measured(connection, rows, date(2026, 3, 31), 30)
    assert (row["sales"], row["opening_ar"]) == (30, 70)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ledger": "x; drop table y"},
        {"inputs": "a b"},
        {"parties": "1"},
        {"group_by": "nobody"},
        {"segment": "shoe_size"},
        {"days": 0},
        {"days": True},
        {"days": 4000},
        {"as_of": []},
        {"as_of": datetime(2026, 1, 1, tzinfo=UTC)},
        {"known_at": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_a_wrong_value_is_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        measures_sql(**{"as_of": START, "days": 30, **wrong})
    assert "\n" not in str(caught.value)
