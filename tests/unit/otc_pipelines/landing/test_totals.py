"""What landed against what the source counts: lost rows show, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.contract import Connector
from connectors.kit.errors import RetriableError
from otc_pipelines.landing import Holding, hold_against_source, land
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse
from tests.unit.otc_pipelines.landing.erp_database import Erp, meanwhile

LATE = "2026-01-05T11:00:00Z"  # an hour before the last row; the overlap is ten minutes


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=5)


@pytest.fixture
def erp(tmp_path: Path) -> Erp:
    made = Erp(tmp_path)
    made.put("A", "10.10")
    made.put("B", "20.20")
    made.put("C", "30", currency="EUR")
    return made


def passed(warehouse: Warehouse, erp: Erp, connector: Connector | None = None, *, anew: bool = False) -> Holding:
    """Land, then hold, as a pass does."""
    used = connector or erp.connector
    land(warehouse, used, "erp", erp.settings, anew=anew)
    again = lambda: land(warehouse, used, "erp", erp.settings)  # noqa: E731
    return hold_against_source(warehouse, used, "erp", erp.settings, again)


def kept(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.reading() as tx:
        return tx.rows("select * from ops.source_total where entity = 'orders' order by currency, column_name")


def test_each_currency_ties_to_the_cent(warehouse: Warehouse, erp: Erp) -> None:
    assert passed(warehouse, erp).tied == ["orders"]
    sides = [
        (r["currency"], r["column_name"], r["rows_there"], r["amount_there"], r["amount_here"]) for r in kept(warehouse)
    ]
    assert sides == [
        ("EUR", "amount", 1, Decimal(30), Decimal(30)),
        ("USD", "amount", 2, Decimal("30.30"), Decimal("30.30")),
    ]


def test_a_row_older_than_the_overlap_shows_by_name_and_is_healed_by_reading_anew(
    warehouse: Warehouse, erp: Erp
) -> None:
    passed(warehouse, erp)
    erp.put("LATE", "0.01", LATE)
    assert passed(warehouse, erp).differing == ["orders"]
    (row,) = [r for r in kept(warehouse) if r["rows_there"] != r["rows_here"]]
    assert (row["currency"], row["amount_there"] - row["amount_here"]) == ("USD", Decimal("0.01"))
    assert row["named"] == "not here: LATE (2026-01-05 11:00:00)"
    assert passed(warehouse, erp).differing == ["orders"], "it stands until it is answered"
    assert passed(warehouse, erp, anew=True).tied == ["orders"]
    assert passed(warehouse, erp).tied == ["orders"]


def test_a_change_with_a_time_older_than_the_overlap_shows(warehouse: Warehouse, erp: Erp) -> None:
    erp.put("D", "5", "2026-01-05T09:00:00Z")
    passed(warehouse, erp)
    erp.put("D", "6", "2026-01-05T09:30:00Z")
    assert passed(warehouse, erp).differing == ["orders"]
    assert {r["named"] for r in kept(warehouse)} == {None, "of another time: D (2026-01-05 09:30:00)"}


def test_a_row_within_the_overlap_is_no_difference(warehouse: Warehouse, erp: Erp) -> None:
    passed(warehouse, erp)
    erp.put("SOON", "1", "2026-01-05T11:55:00Z")
    assert passed(warehouse, erp).tied == ["orders"]


def test_deleted_rows_tie(warehouse: Warehouse, erp: Erp) -> None:
    passed(warehouse, erp)
    erp.delete("B")
    assert passed(warehouse, erp).tied == ["orders"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda erp: erp.put("NEW", "1", "2026-01-06T00:00:00Z"),
        lambda erp: erp.put("A", "11.11", "2026-01-06T00:00:00Z"),
        lambda erp: erp.put("SOON", "1", "2026-01-05T11:59:00Z"),
        lambda erp: erp.delete("A"),
    ],
    ids=["a new row", "a change", "a late row", "a deletion"],
)
def test_what_happens_between_reading_and_asking_is_no_difference(
    warehouse: Warehouse, erp: Erp, happens: Callable[[Erp], None]
) -> None:
    once = [happens]

    def before(_question: Any) -> None:
        if once:
            once.pop()(erp)

    assert passed(warehouse, erp, meanwhile(erp.connector, before)).tied == ["orders"]


def test_a_source_that_never_stands_still_is_not_checked(warehouse: Warehouse, erp: Erp) -> None:
    amounts = iter(range(100))
    busy = meanwhile(erp.connector, lambda _q: erp.put("A", str(next(amounts)), "2026-01-06T00:00:00Z"))
    found = passed(warehouse, erp, busy)
    assert found.differing == []
    assert found.unchecked == {"orders": "rows that had been read kept changing while it was asked"}
    assert [r["reason"] for r in kept(warehouse)] == ["rows that had been read kept changing while it was asked"]


def test_what_cannot_be_asked_is_not_checked_and_stops_nothing(warehouse: Warehouse, erp: Erp, tmp_path: Path) -> None:
    def down(_question: Any) -> None:
        erp.path.rename(tmp_path / "away.db")

    broken = meanwhile(erp.connector, down)
    land(warehouse, erp.connector, "erp", erp.settings)
    found = hold_against_source(warehouse, broken, "erp", erp.settings, lambda: None)
    assert found.tied == found.differing == []
    assert "orders" in found.unchecked and "\n" not in found.unchecked["orders"]
    assert len(kept(warehouse)) == 1


def test_a_source_that_fails_between_two_questions_leaves_no_verdict_on_what_differed(
    warehouse: Warehouse, erp: Erp, tmp_path: Path
) -> None:
    passed(warehouse, erp)
    erp.put("LATE", "0.01", LATE)
    asked: list[Any] = []

    def down(question: Any) -> None:
        asked.append(question)
        if len(asked) == 2:
            raise RetriableError("erp.example is down; try again")

    busy = meanwhile(erp.connector, down)
    found = hold_against_source(warehouse, busy, "erp", erp.settings, lambda: None)
    assert (found.tied, found.differing) == ([], [])
    assert found.unchecked == {"orders": "erp.example is down; try again"}
    assert [r["reason"] for r in kept(warehouse)] == ["erp.example is down; try again"]


def test_a_further_reading_that_fails_leaves_what_tied(warehouse: Warehouse, erp: Erp) -> None:
    erp.run("create table parties (party_id text, name text)")
    erp.run("insert into parties values ('P1', 'Alder')")
    passed(warehouse, erp)
    erp.put("LATE", "0.01", LATE)

    def again() -> None:
        raise RetriableError("erp.example is down; try again")

    found = hold_against_source(warehouse, erp.connector, "erp", erp.settings, again)
    assert (found.tied, found.differing) == (["parties"], [])
    assert found.unchecked == {"orders": "erp.example is down; try again"}


def test_what_another_connector_said_under_the_same_name_is_forgotten(warehouse: Warehouse, erp: Erp) -> None:
    passed(warehouse, erp)
    erp.put("LATE", "0.01", LATE)
    passed(warehouse, erp)
    silent = replace(erp.connector, counting=None)
    hold_against_source(warehouse, silent, "erp", erp.settings, lambda: None)
    assert kept(warehouse) == []


def test_a_difference_stands_while_the_source_cannot_be_asked(warehouse: Warehouse, erp: Erp, tmp_path: Path) -> None:
    passed(warehouse, erp)
    erp.put("LATE", "0.01", LATE)
    passed(warehouse, erp)
    before = kept(warehouse)
    erp.path.rename(tmp_path / "away.db")
    found = hold_against_source(warehouse, erp.connector, "erp", erp.settings, lambda: None)
    assert found.differing == ["orders"]
    assert kept(warehouse) == before


def test_a_row_in_quarantine_is_on_neither_side_and_hides_nothing(warehouse: Warehouse, erp: Erp) -> None:
    erp.put("BAD", "twelve")
    assert passed(warehouse, erp).tied == ["orders"]
    assert {r["quarantined"] for r in kept(warehouse)} == {1}
    erp.put("LATE", "1", LATE)
    assert passed(warehouse, erp).differing == ["orders"]
    assert passed(warehouse, erp, anew=True).tied == ["orders"]
    erp.put("BAD", "12", "2026-01-05T12:30:00Z")
    assert passed(warehouse, erp).tied == ["orders"]
    assert {r["quarantined"] for r in kept(warehouse)} == {0}


def test_more_in_quarantine_than_can_be_left_out_is_counted(warehouse: Warehouse, erp: Erp) -> None:
    for n in range(205):
        erp.put(f"BAD {n}", "twelve")
    found = passed(warehouse, erp)
    assert (found.differing, found.aside) == ([], ["orders"])
    (row,) = [r for r in kept(warehouse) if r["currency"] == "USD"]
    assert (row["rows_there"] - row["rows_here"], row["quarantined"], row["quarantined_counted"]) == (5, 205, 5)
    erp.put("LATE", "1", LATE)
    assert passed(warehouse, erp).differing == ["orders"], "one more lacks than they can be"


def test_a_pass_that_finds_nothing_new_writes_nothing(warehouse: Warehouse, erp: Erp) -> None:
    passed(warehouse, erp)
    before = kept(warehouse)
    passed(warehouse, erp)
    assert kept(warehouse) == before


def test_a_view_that_is_gone_is_forgotten(warehouse: Warehouse, erp: Erp) -> None:
    erp.run("create table parties (party_id text, name text)")
    passed(warehouse, erp)
    erp.run("drop table orders")
    passed(warehouse, erp)
    assert kept(warehouse) == []


@pytest.mark.parametrize("at", ["2026-01-05T12:00:00Z", "2026-01-04T09:00:00Z"], ids=["in the overlap", "long before"])
def test_a_row_that_was_hidden_and_comes_back_with_its_old_time_lives_again(
    warehouse: Warehouse, erp: Erp, at: str
) -> None:
    erp.put("HIDDEN", "7", at)
    assert passed(warehouse, erp).tied == ["orders"]
    erp.delete("HIDDEN")
    assert passed(warehouse, erp).tied == ["orders"]
    erp.put("HIDDEN", "7", at)
    assert passed(warehouse, erp).tied == ["orders"]
    with warehouse.reading() as tx:
        versions = tx.rows(
            "select deleted, amount, recorded_by_source from raw_sql.orders where order_id = 'HIDDEN'"
            ' order by recorded_at, "_loaded_at"'
        )
    assert [(v["deleted"], v["amount"], v["recorded_by_source"]) for v in versions] == [
        (False, 7, True),
        (True, 7, False),
        (False, 7, False),
    ]
    assert passed(warehouse, erp).tied == ["orders"]
