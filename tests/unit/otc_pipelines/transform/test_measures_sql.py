"""The measures' SQL against the slow reference, for any history, window and knowledge; and published worked numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otc_pipelines.posting import FxRateVersion, Rates, Settings, post
from otc_pipelines.transform.measures_sql import measures_sql
from tests.reference.generate import LOADS, START, History, days, histories, moments
from tests.reference.ledger import EVER
from tests.reference.measures import Measured, Promise
from tests.reference.rows import cluster
from tests.reference.visible import ENTITY

LEDGER = (
    "source_system text, legal_entity text, party_id text, item_type text, item_id text, installment_no bigint,"
    "document_type text, document_date date, due_date date, movement_type text, cause_entity text, cause_id text,"
    "effective_date date, recorded_at timestamptz, loaded_at timestamptz, amount decimal(18,4), currency text,"
    "base_amount decimal(18,4), base_currency text, posting_state text"
)
INPUTS = (
    "source_system text, entity text, row_key text, version_no bigint, document_id text, receipt_id text, kind text,"
    "voided_on date, amount decimal(18,4), promised_on date, due_on date, deleted boolean, recorded_at timestamptz,"
    "loaded_at timestamptz"
)
NAMES = [c.split()[0] for c in LEDGER.replace("(18,4)", "").split(",")]


@pytest.fixture(scope="module")
def connection() -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as c:
        c.execute("set TimeZone = 'UTC'; create schema marts")
        c.execute(f"create table marts.fct_ar_ledger ({LEDGER})")
        c.execute(f"create table marts.fct_measure_inputs ({INPUTS})")
        c.execute(
            """create table marts.dim_party
            (source_system text, party_id text, country text, payment_terms text, currency text)"""
        )
        c.executemany(
            "insert into marts.dim_party values (?, ?, ?, null, null)",
            [(source, party, country) for source in ("one", "two") for party, country in (("P1", "US"), ("P2", "DE"))],
        )
        yield c


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(f"delete from marts.{table}")
    if rows:
        connection.executemany(f"insert into marts.{table} values ({', '.join('?' * len(rows[0]))})", rows)


def ask(connection: duckdb.DuckDBPyConnection, **how: Any) -> list[dict[str, Any]]:
    result = connection.execute(measures_sql(**how))
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


# Generated histories


def tax(row: Any) -> Decimal:
    """A part of some documents is tax; another one in another version of the document."""
    random = Random(f"{row.document_id} {row.recorded_at} {row.amount}")
    part = random.choice((0, 0, 1, 3))
    return ((row.amount or Decimal(0)) * part / 8).quantize(Decimal("0.0001"))


def written_off(row: Any) -> bool:
    return Random(f"{row.row_key} {row.amount}").random() < 0.7


@dataclass(frozen=True)
class Company:
    """A legal entity with books of its own."""

    name: str
    source: str
    history: History
    promises: tuple[Promise, ...]


def promises(history: History) -> tuple[Promise, ...]:
    random = Random(history.seed)
    made = []
    for n in range(random.choice((0, 1, 3))):
        stated = Promise(
            f"M{n}",
            random.choice(("D0", "D1", "C0", "none")),
            START + timedelta(days=random.choice((0, 2))),
            START + timedelta(days=random.randint(2, 18)),
            Decimal(random.randint(1, 20)),
            random.random() < 0.1,
            False,
            random.choice(LOADS) - timedelta(days=1),
            random.choice(LOADS),
        )
        made.append(stated)
        if random.random() < 0.2:
            later = {"withdrawn": True} if random.random() < 0.5 else {"deleted": True}
            made.append(Promise(**{**vars(stated), **later, "recorded_at": stated.recorded_at + timedelta(hours=30)}))
    return tuple(made)


def books(history: History) -> list[Any]:
    """Rows of one legal entity: a document that a second one claims is held at landing, and reaches no mart."""
    return [r for r in history.rows if getattr(r, "legal_entity", None) != "OTHER"]


def load(connection: duckdb.DuckDBPyConnection, companies: list[Company]) -> None:
    ledger: list[tuple[Any, ...]] = []
    inputs: list[tuple[Any, ...]] = []
    for company in companies:
        rows = books(company.history)
        rates = Rates(r for r in rows if isinstance(r, FxRateVersion))
        for m in post(cluster(*rows), Settings(company.history.base), rates).movements:
            own = {
                **m._asdict(),
                "source_system": company.source,
                "legal_entity": company.name,
                "posting_state": "posted",
            }
            ledger.append(tuple(own[name] for name in NAMES))
        versions = sorted(rows, key=lambda r: (r.recorded_at, r.loaded_at, r.source_file or "", r.source_line or 0))
        for number, r in enumerate(versions):
            entity = ENTITY[type(r).__name__]
            said: tuple[Any, ...] | None = None
            if entity == "documents":
                said = (r.document_id, None, r.status, r.voided_on, tax(r))
            elif entity == "adjustments":
                said = (r.document_id, None, "write_off" if written_off(r) else "discount", None, None)
            elif entity == "receipt_events":
                said = (None, r.receipt_id, r.event_type, None, None)
            if said:
                head = (company.source, entity, r.row_key, number)
                inputs.append((*head, *said, None, None, r.deleted, r.recorded_at, r.loaded_at))
        for number, p in enumerate(sorted(company.promises, key=lambda p: (p.recorded_at, p.loaded_at))):
            head = (company.source, "promises", p.promise_id, number)
            kind = "withdrawn" if p.withdrawn else "promised"
            said = (p.document_id, None, kind, None, p.amount, p.promised_on, p.due_on)
            inputs.append((*head, *said, p.deleted, p.recorded_at, p.loaded_at))
    fill(connection, "fct_ar_ledger", ledger)
    fill(connection, "fct_measure_inputs", inputs)


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
