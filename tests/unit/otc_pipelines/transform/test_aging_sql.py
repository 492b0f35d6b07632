"""The aging macro against an independent reference in plain Python, for any ledger, day and knowledge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.transform import aging_sql

DAY0 = date(2026, 1, 1)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Movement:
    source_system: str
    legal_entity: str
    party_id: str
    item_type: str
    item_id: str
    installment_no: int | None
    document_date: date
    due_date: date | None
    effective_date: date
    recorded_at: datetime
    loaded_at: datetime
    amount: Decimal
    currency: str
    base_amount: Decimal | None
    base_currency: str
    posting_state: str


def at(days: int) -> datetime:
    return datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)


def movement(item: str = "A1", amount: str = "100", **other: Any) -> Movement:
    values: dict[str, Any] = {
        "source_system": "erp",
        "legal_entity": "US",
        "party_id": "P1",
        "item_type": "installment",
        "item_id": item,
        "installment_no": 1,
        "document_date": DAY0,
        "due_date": DAY0 + timedelta(days=30),
        "effective_date": DAY0,
        "recorded_at": at(0),
        "loaded_at": at(0),
        "amount": Decimal(amount),
        "currency": "USD",
        "base_amount": Decimal(amount),
        "base_currency": "USD",
        "posting_state": "posted",
    } | other
    if values["item_type"] != "installment":
        values |= {"installment_no": None, "due_date": None}
    return Movement(**values)


@pytest.fixture(scope="module")
def connection() -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as c:
        c.execute("set TimeZone = 'UTC'")
        c.execute("create schema marts")
        c.execute(
            """create table marts.fct_ar_ledger (source_system text, legal_entity text, party_id text, item_type text,
            item_id text, installment_no bigint, document_date date, due_date date, effective_date date,
            recorded_at timestamptz, loaded_at timestamptz, amount decimal(18,4), currency text,
            base_amount decimal(18,4), base_currency text, posting_state text)"""
        )
        c.execute(
            "create table marts.dim_party (source_system text, party_id text, party_name text, top_party_id text)"
        )
        c.execute("insert into marts.dim_party values ('erp', 'P1', 'Alder Works', 'P1'), ('erp', 'P2', 'Birch', 'P1')")
        yield c


def ask(connection: duckdb.DuckDBPyConnection, ledger: Iterable[Movement], **how: Any) -> list[dict[str, Any]]:
    connection.execute("delete from marts.fct_ar_ledger")
    rows = [astuple(m) for m in ledger]
    if rows:
        connection.executemany(f"insert into marts.fct_ar_ledger values ({', '.join('?' * 16)})", rows)
    result = connection.execute(aging_sql(**how))
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def reference(
    ledger: Iterable[Movement],
    as_of: date,
    known_at: datetime | None = None,
    loaded_at: datetime | None = None,
    edges: tuple[int, ...] = (30, 60, 90),
    by: str = "due_date",
    group_by: str = "party",
    unapplied: str = "column",
    include_pending: bool = False,
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What the rules say, item by item, with no SQL."""
    items: dict[tuple[Any, ...], list[Movement]] = defaultdict(list)
    for m in ledger:
        if m.effective_date > as_of or (m.posting_state == "pending" and not include_pending):
            continue
        if (known_at and m.recorded_at > known_at) or (loaded_at and m.loaded_at > loaded_at):
            continue
        items[
            (m.legal_entity, m.source_system, m.party_id, m.item_type, m.item_id, m.installment_no, m.currency)
        ].append(m)
    groups: dict[tuple[Any, ...], list[tuple[str, Decimal, Decimal | None]]] = defaultdict(list)
    for (entity, source, party, item_type, item, number, currency), moves in items.items():
        amount = sum((m.amount for m in moves), ZERO)
        if amount == 0:
            continue
        unknown = sum((m.amount for m in moves if m.base_amount is None), ZERO)
        base = None if unknown else sum((m.base_amount for m in moves if m.base_amount is not None), ZERO)
        dates = (moves[0].due_date, moves[0].document_date)
        anchor = next(d for d in (dates if by == "due_date" else dates[::-1]) if d is not None)
        late = (as_of - anchor).days
        if item_type != "installment" and unapplied == "column":
            bucket = "unapplied"
        elif by == "due_date" and late <= 0:
            bucket = "not_due"
        else:
            first = 1 if by == "due_date" else 0
            bucket = f"d{edges[-1] + 1}_plus"
            for low, high in zip((first, *(e + 1 for e in edges)), edges, strict=False):
                if late <= high:
                    bucket = f"d{low}_{high}"
                    break
        key: tuple[Any, ...] = {
            "party": (entity, source, party, currency),
            "parent": (entity, source, "P1" if (source, party) == ("erp", "P2") else party, currency),
            "total": (entity, currency),
            "document": (entity, source, party, currency, item, number),
        }[group_by]
        groups[key].append((bucket, amount, base))
    answer = {}
    for key, parts in groups.items():
        row: dict[str, Any] = defaultdict(lambda: ZERO)
        for bucket, amount, _ in parts:
            row[bucket] += amount
        if not any(row.values()):
            continue
        row["total"] = sum((a for _, a, _ in parts), ZERO)
        row["base_total"] = (
            None if any(b is None for *_, b in parts) else sum((b for *_, b in parts if b is not None), ZERO)
        )
        answer[key] = dict(row)
    return answer


@st.composite
def ledgers(draw: st.DrawFn) -> list[Movement]:
    rows = []
    for n in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(("installment", "installment", "receipt", "credit_memo")))
        document_date = DAY0 + timedelta(days=draw(st.integers(-120, 10)))
        shared = {
            "item_type": kind,
            "party_id": draw(st.sampled_from(("P1", "P2", "P3"))),
            "source_system": draw(st.sampled_from(("erp", "other"))),
            "legal_entity": draw(st.sampled_from(("US", "DE"))),
            "currency": draw(st.sampled_from(("USD", "EUR"))),
            "document_date": document_date,
            "due_date": document_date + timedelta(days=draw(st.integers(0, 90))),
        }
        for _ in range(draw(st.integers(1, 3))):
            amount = draw(st.decimals(-50, 50, places=2))
            rows.append(
                movement(
                    f"I{n}",
                    str(amount),
                    **shared,
                    base_amount=draw(st.sampled_from((amount, amount, None))),
                    effective_date=document_date + timedelta(days=draw(st.integers(0, 130))),
                    recorded_at=at(draw(st.integers(-130, 30))),
                    loaded_at=at(draw(st.integers(-5, 5))),
                    posting_state=draw(st.sampled_from(("posted", "posted", "pending"))),
                )
            )
    return rows


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ledger=ledgers(),
    as_of=st.integers(-60, 60),
    known=st.none() | st.integers(-130, 30),
    loaded=st.none() | st.integers(-6, 6),
    edges=st.sampled_from(((30, 60, 90), (1,), (7, 14, 21, 28))),
    by=st.sampled_from(("due_date", "document_date")),
    group_by=st.sampled_from(("party", "parent", "document", "total")),
    unapplied=st.sampled_from(("column", "own_date")),
    include_pending=st.booleans(),
)
def test_any_ledger_ages_as_the_reference_says(
    connection: duckdb.DuckDBPyConnection,
    ledger: list[Movement],
    as_of: int,
    known: int | None,
    loaded: int | None,
    **how: Any,
) -> None:
    question = {
        "as_of": DAY0 + timedelta(days=as_of),
        "known_at": None if known is None else at(known),
        "loaded_at": None if loaded is None else at(loaded),
        **how,
    }
    rows = ask(connection, ledger, **question)
    expected = reference(ledger, **question)
    keys = {
        "party": ("legal_entity", "source_system", "party_id", "currency"),
        "parent": ("legal_entity", "source_system", "party_id", "currency"),
        "total": ("legal_entity", "currency"),
        "document": ("legal_entity", "source_system", "party_id", "currency", "document_id", "installment_no"),
    }[how["group_by"]]
    found = {tuple(r[k] for k in keys): r for r in rows}
    assert len(found) == len(rows)
    assert found.keys() == expected.keys()
    buckets = [n for n in rows[0] if n == "not_due" or (n.startswith("d") and n[1].isdigit())] if rows else []
    for key, want in expected.items():
        row = found[key]
        assert {n: row[n] for n in (*buckets, "unapplied") if row[n]} == {
            n: v for n, v in want.items() if n not in ("total", "base_total") and v
        }
        assert row["total"] == want["total"] == sum(row[n] for n in buckets) + row["unapplied"]
        assert row["base_total"] == want["base_total"]


def test_an_edge_day_belongs_to_the_earlier_bucket(connection: duckdb.DuckDBPyConnection) -> None:
    due = DAY0 + timedelta(days=30)
    for late, bucket in ((0, "not_due"), (1, "d1_30"), (30, "d1_30"), (31, "d31_60"), (90, "d61_90"), (91, "d91_plus")):
        (row,) = ask(connection, [movement()], as_of=due + timedelta(days=late))
        assert row[bucket] == Decimal(100), late


def test_by_document_an_unapplied_receipt_is_a_row_of_its_own(connection: duckdb.DuckDBPyConnection) -> None:
    ledger = [movement("A1"), movement("R1", "-30", item_type="receipt", effective_date=DAY0)]
    rows = ask(connection, ledger, as_of=date(2026, 2, 5), group_by="document")
    assert [(r["document_id"], r["installment_no"], r["due_date"], r["days_late"], r["total"]) for r in rows] == [
        ("A1", 1, date(2026, 1, 31), 5, Decimal(100)),
        ("R1", None, None, None, Decimal(-30)),
    ]
    assert rows[1]["unapplied"] == Decimal(-30)


def test_a_moved_due_date_moves_the_open_amount(connection: duckdb.DuckDBPyConnection) -> None:
    ledger = [
        movement("A1", "100", due_date=date(2026, 1, 31)),
        movement("A1", "-100", due_date=date(2026, 1, 31), recorded_at=at(10)),
        movement("A1", "100", due_date=date(2026, 3, 31), recorded_at=at(10)),
    ]
    (row,) = ask(connection, ledger, as_of=date(2026, 2, 15))
    assert (row["not_due"], row["d1_30"]) == (Decimal(100), ZERO)
    (row,) = ask(connection, ledger, as_of=date(2026, 2, 15), known_at=at(5))
    assert (row["not_due"], row["d1_30"]) == (ZERO, Decimal(100))


def test_columns_are_those_of_the_contract(connection: duckdb.DuckDBPyConnection) -> None:
    start = ["legal_entity", "party_id", "party_name"]
    end = ["unapplied", "total", "base_total"]
    (row,) = ask(connection, [movement()], as_of=DAY0)
    assert list(row)[:-2] == [*start, "currency", "not_due", "d1_30", "d31_60", "d61_90", "d91_plus", *end]
    (row,) = ask(connection, [movement()], as_of=DAY0, by="document_date", edges=(30, 60), group_by="document")
    own = ["document_id", "installment_no", "due_date", "days_late"]
    assert list(row)[:-2] == [*start, *own, "currency", "d0_30", "d31_60", "d61_plus", *end]
    assert row["party_name"] == "Alder Works"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ledger": "x; drop table y"},
        {"parties": "a b"},
        {"by": "party"},
        {"group_by": "nobody"},
        {"unapplied": "spread"},
        {"edges": ()},
        {"edges": (60, 30)},
        {"edges": (0,)},
        {"as_of": "2026-01-01'"},
        {"as_of": datetime(2026, 1, 1, tzinfo=UTC)},
        {"known_at": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_a_wrong_value_is_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        aging_sql(**{"as_of": DAY0, **wrong})
    assert "\n" not in str(caught.value)
