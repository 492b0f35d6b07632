"""Books to ask measures of: the tables of the marts, filled from generated histories or movement by movement.

Belongs here: what tests of measures share. Not here: any question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb
import pytest

from otc_pipelines.posting import FxRateVersion, Rates, Settings, post
from tests.reference.generate import LOADS, START, History
from tests.reference.measures import Promise
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
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the marts that measures are asked of, empty but for the customers."""
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


def answered(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of an answer, by the names of its columns."""
    result = connection.execute(sql)
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(f"delete from marts.{table}")
    if rows:
        connection.executemany(f"insert into marts.{table} values ({', '.join('?' * len(rows[0]))})", rows)


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


def moved(what: str, item: str, amount: str, on: str, **other: Any) -> tuple[Any, ...]:
    """A movement in the books of US, in USD."""
    at = datetime(2026, 12, 31, tzinfo=UTC)
    own = {
        "source_system": "one",
        "legal_entity": "US",
        "party_id": "P1",
        "item_type": "installment",
        "item_id": item,
        "installment_no": 1,
        "document_type": "invoice",
        "document_date": on,
        "due_date": "2026-01-01",
        "movement_type": what,
        "cause_entity": "documents",
        "cause_id": item,
        "effective_date": on,
        "recorded_at": at,
        "loaded_at": at,
        "amount": Decimal(amount),
        "currency": "USD",
        "base_amount": Decimal(amount),
        "base_currency": "USD",
        "posting_state": "posted",
        **other,
    }
    return tuple(own[name] for name in NAMES)


def paid(item: str, amount: str, on: str, since: str, **own: Any) -> list[tuple[Any, ...]]:
    """A receipt, applied at once. ``own``: of the customer and the instalment."""
    party = {name: value for name, value in own.items() if name == "party_id"}
    receipt = {"item_type": "receipt", "document_type": "receipt", "installment_no": None, "due_date": None, **party}
    cause = {"cause_entity": "allocations", "cause_id": f"X-{item}"}
    return [
        moved("receipt", f"R-{item}", f"-{amount}", on, **receipt, cause_entity="receipts"),
        moved("allocation", f"R-{item}", amount, on, **receipt, **cause),
        moved("allocation", item, f"-{amount}", on, **cause, document_date=since, **own),
    ]


def method(receipt_id: str) -> str | None:
    """How a receipt was paid, where its source says so."""
    return Random(receipt_id).choice(("card", "transfer", "cheque", None))


def stated_methods(connection: duckdb.DuckDBPyConnection) -> None:
    """Say how each receipt was paid."""
    at = datetime(2020, 1, 1, tzinfo=UTC)
    found = connection.execute(
        "select distinct source_system, item_id from marts.fct_ar_ledger where item_type = 'receipt'"
    ).fetchall()
    stated = [
        (source, "receipts", key, 1, None, key, method(key), None, None, None, None, False, at, at)
        for source, key in found
        if method(key)
    ]
    if stated:
        places = ", ".join("?" * len(stated[0]))
        connection.executemany(f"insert into marts.fct_measure_inputs values ({places})", stated)
