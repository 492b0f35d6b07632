"""How customers pay: the SQL against the slow reference, for any history, window and knowledge; and mutants of it."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otc_pipelines.transform.behaviour_sql import behaviour_sql
from tests.reference.behaviour import behaviour
from tests.reference.generate import LOADS, START, History, days, histories, moments
from tests.reference.ledger import EVER, View
from tests.reference.measures import Measured, Question
from tests.reference.payers import payers
from tests.reference.visible import visible_at
from tests.unit.otc_pipelines.transform.measured_books import (
    NAMES,
    Company,
    answered,
    books,
    connection,
    fill,
    load,
    method,
    moved,
    paid,
    stated_methods,
    written_off,
)

__all__ = ["connection"]


def ask(connection: duckdb.DuckDBPyConnection, mutant: tuple[str, str] = ("", ""), **how: Any) -> list[dict[str, Any]]:
    sql = behaviour_sql(**how)
    assert mutant[0] in sql
    return answered(connection, sql.replace(*mutant) if mutant[0] else sql)


def compared(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    t: date,
    n: int,
    known: datetime | None,
    loaded: datetime | None,
    mutant: tuple[str, str] = ("", ""),
) -> int:
    """Every customer's row is as the reference says; returns how many there are."""
    load(connection, [Company("MX", "one", history, ())])
    stated_methods(connection)
    asked: dict[str, Any] = {"as_of": t, "days": n, "alarm_rate": "0.05", "known_at": known, "loaded_at": loaded}
    found = {r["party_id"] or "": r for r in ask(connection, mutant, **asked)}
    measured = Measured(books(history), (), history.base, lambda _: Decimal(0), written_off)
    k, at = known or EVER, loaded or EVER
    wanted = 0
    for party in ("", "P1", "P2", "P3"):
        view = View(measured.ledger, visible_at(measured.ledger.arrived, k, at), at)
        want = behaviour(Question(measured, view, t, n, k, at, party), n, "0.05", method)
        if want is None:
            assert party not in found
            continue
        wanted += 1
        assert {name: found[party][name] for name in want} == want, party
    assert len(found) == wanted
    return wanted


@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
@given(
    history=histories(),
    t=days(),
    n=st.sampled_from((2, 4, 7, 30)),
    known=st.none() | moments(),
    loaded=st.none() | st.sampled_from(LOADS),
    shift=st.sampled_from((0, 0, 20)),
)
def test_any_history_is_paid_as_the_reference_says(
    connection: duckdb.DuckDBPyConnection,
    history: History,
    t: date,
    n: int,
    known: datetime | None,
    loaded: datetime | None,
    shift: int,
) -> None:
    compared(connection, history, t + timedelta(days=shift), n, known, loaded)


def test_customers_who_pay_are_as_the_reference_says(connection: duckdb.DuckDBPyConnection) -> None:
    rows = 0
    for seed in range(60):
        t = START + timedelta(days=Random(seed).randint(14, 30))
        loaded = Random(seed).choice((None, None, LOADS[0]))
        rows += compared(connection, payers(seed), t, Random(seed).choice((3, 7, 7, 20)), None, loaded)
    assert rows > 100


def test_a_day_is_answered_the_same_beside_later_ones(connection: duckdb.DuckDBPyConnection) -> None:
    """The mart asks for several days at once: nothing that came after a day is in its row."""
    asked = [START + timedelta(days=n) for n in (12, 18, 24, 30)]
    found = 0
    for seed in range(8):
        load(connection, [Company("MX", "one", payers(seed), ())])
        stated_methods(connection)
        together = ask(connection, as_of=asked, days=5, alarm_rate="0.05")
        alone = [row for day in asked for row in ask(connection, as_of=day, days=5, alarm_rate="0.05")]
        assert together == alone
        found += len(together)
    assert found > 40


MUTANTS = {
    "what bounced is a payment": (
        "else greatest(0, least(payments.amount, left_at.amount - payments.amount_before))",
        "else payments.amount",
    ),
    "due on the day is late": (
        "case when days_late > 0 then paid else 0 end",
        "case when days_late >= 0 then paid else 0 end",
    ),
    "an instalment is an observation": (
        "from paid_by_day\n    where paid > 0",
        "from (select *, paid * days_late as late_days from judged_payments) as x\n    where paid > 0",
    ),
    "the window has a day more": ("> as_of - 7 then", ">= as_of - 7 then"),
    "a median is the lower one": ("between of_all and of_all + 2", "between of_all and of_all + 1"),
    "what is due today is overdue": ("due_on < as_of", "due_on <= as_of"),
    "the least used method is preferred": (
        "order by sum(settled.base_amount) desc",
        "order by sum(settled.base_amount)",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    for seed in range(40):
        try:
            compared(connection, payers(seed), START + timedelta(days=24), 7, None, None, MUTANTS[name])
        except AssertionError:
            return
    pytest.fail(f"nobody noticed: {name}")


# Customers of a season


def season(customers: int, invoices: int, seed: int) -> pd.DataFrame:
    """A ledger of customers who pay weekly as they ever did: one receipt, equally late on all of its invoices."""
    random, rows = Random(seed), []
    for customer in range(customers):
        for week in range(28):
            paid_on, late = date(2026, 1, 5) + timedelta(weeks=week), random.randint(-3, 30)
            for n in range(invoices):
                key = f"{customer}-{week}-{n}"
                own = {"party_id": f"P{customer}", "due_date": paid_on - timedelta(days=late)}
                rows.append(moved("document", key, "100", "2025-11-01", **own))
                rows += paid(key, "100", paid_on.isoformat(), "2025-11-01", **own)
    return pd.DataFrame(rows, columns=NAMES)


PER_INVOICE = MUTANTS["an instalment is an observation"]


@pytest.mark.parametrize(("mutant", "honest"), [(("", ""), True), (PER_INVOICE, False)])
def test_one_payment_of_many_invoices_is_one_observation(
    connection: duckdb.DuckDBPyConnection, mutant: tuple[str, str], honest: bool
) -> None:
    customers = 120
    fill(connection, "fct_measure_inputs", [])
    connection.execute("delete from marts.fct_ar_ledger")
    connection.register("season", season(customers, 6, 3))
    connection.execute("insert into marts.fct_ar_ledger select * from season")
    rows = ask(connection, mutant, as_of=date(2026, 7, 13), days=49, alarm_rate="0.05")
    flagged = sum(r["change"] in ("slower", "faster") for r in rows)
    assert len(rows) == customers
    if honest:
        assert {(r["change_recent"], r["change_earlier"]) for r in rows} == {(7, 21)}
        assert flagged <= customers * 0.05 + 4 * math.sqrt(customers * 0.05 * 0.95)
    else:
        assert flagged > customers * 0.3
