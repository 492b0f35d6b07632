"""Snapshots of past aging against the slow reference: every version is what was owed on its day, as loaded by then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.flow.posting import _table
from otc_pipelines.flow.snapshots import buckets_of, keep_snapshots, kept_days
from otc_pipelines.posting import FxRateVersion, Movement, Rates, Settings, post
from otc_pipelines.settings import Aging, Company, Instance
from otc_pipelines.warehouse import schema
from otc_pipelines.warehouse.embedded import EmbeddedTx
from tests.reference.generate import LOADS, History, histories
from tests.reference.ledger import EVER, Reference, View
from tests.reference.rows import allocation, cluster, document, receipt
from tests.reference.visible import visible_at

COMPANY = Company(name="Acme", base_currency="USD")
WAYS = (Aging(), Aging(edges=(2, 5), snapshot_days=12), Aging(edges=(7,), by="document_date", snapshot_days=4))


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'")
        schema.migrate(opened)
        yield opened


class Kept:
    """A warehouse that posts some rows, load by load, and keeps snapshots."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, aging: Aging) -> None:
        for table in ("ar_movement", "posting_run", "aging_snapshot", "aging_snapshot_day", "aging_snapshot_run"):
            connection.execute(f"delete from ops.{table}")
        self.tx, self.aging = EmbeddedTx(connection), aging
        self.instance = Instance(company=COMPANY, aging=aging, path=Path("otc.yaml"))

    def passed(self, movements: Iterable[Movement], load: datetime, today: date) -> str:
        self.tx.insert_arrow("ops.ar_movement", _table(movements))
        self.tx.insert("ops.posting_run", [{"posted_to": load, "run_id": "run", "posted_at": load}])
        return keep_snapshots(self.tx, self.instance, today, "run")

    def said(self, loaded: datetime) -> dict[date, dict[Any, Any]]:
        """What the report of each day said at a load: the last version until then."""
        found: dict[date, dict[Any, Any]] = defaultdict(dict)
        for r in self.tx.rows(
            """select s.* from ops.aging_snapshot as s inner join (
                select as_of, row_key, max(taken_at) as taken_at from ops.aging_snapshot
                where taken_at <= :loaded and buckets = :series group by as_of, row_key
            ) as l on s.as_of = l.as_of and s.row_key = l.row_key and s.taken_at = l.taken_at
            where s.bucket is not null and s.buckets = :series""",
            loaded=loaded,
            series=buckets_of(self.aging),
        ):
            key = (r["legal_entity"], r["party_id"], r["currency"], r["bucket"])
            assert key not in found[r["as_of"]]
            found[r["as_of"]][key] = (r["amount"], r["base_amount"])
        return found

    def days(self, loaded: datetime) -> set[date]:
        """The days that had been taken by a load."""
        return {
            r["as_of"]
            for r in self.tx.rows("select as_of from ops.aging_snapshot_day where first_taken_at <= :at", at=loaded)
        }


def posted(rows: Iterable[Any], base: str, since: datetime | None, until: datetime) -> list[Movement]:
    known = [r for r in rows if r.loaded_at <= until]
    rates = Rates(r for r in known if isinstance(r, FxRateVersion))
    return list(post(cluster(*known), Settings(base), rates, since).movements)


def expected(reference: Reference, aging: Aging, day: date, loaded: datetime) -> dict[Any, Any]:
    """The aging of a day, from the rules alone, item by item."""
    view = View(reference, visible_at(reference.arrived, EVER, loaded), loaded)
    groups: dict[Any, list[tuple[Decimal, Decimal | None]]] = defaultdict(list)
    for (kind, key, number), (amount, base) in view.at(day).items():
        if not amount:
            continue
        row = view.visible.receipts[key] if kind == "receipt" else view.visible.documents[key]
        bucket = "unapplied"
        if kind == "installment":
            (due,) = [s[1] for s in view.items["document", key]["shares"] if s[0] == number]
            posting = row.posting_date or row.document_date
            counted = (due or posting) if aging.by == "due_date" else (row.document_date or posting)
            bucket = named((day - counted).days, aging)
        groups[row.legal_entity, row.party_id, row.currency, bucket].append((amount, base))
    return {
        key: (sum(a for a, _ in parts), None if any(b is None for _, b in parts) else sum(b for _, b in parts))
        for key, parts in groups.items()
    }


def named(late: int, aging: Aging) -> str:
    first = 1 if aging.by == "due_date" else 0
    if first and late <= 0:
        return "not_due"
    lows = [first, *(e + 1 for e in aging.edges)]
    for low, edge in zip(lows, aging.edges, strict=False):
        if late <= edge:
            return f"d{low}_{edge}"
    return f"d{lows[-1]}_plus"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(histories(), st.sampled_from(WAYS), st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_every_version_of_every_day_is_what_the_reference_says(
    connection: duckdb.DuckDBPyConnection, history: History, aging: Aging, went_by: list[int]
) -> None:
    kept, reference = Kept(connection, aging), Reference(list(history.rows), history.base)
    today, before, seen = date(2026, 1, 5), None, {}
    for load, days in zip(LOADS, went_by, strict=True):
        today += timedelta(days=days)
        kept.passed(posted(history.rows, history.base, before, load), load, today)
        seen[load] = today
        before = load
    gone = seen[LOADS[-1]] - timedelta(days=aging.snapshot_days)
    compared = 0
    for load in LOADS:
        said = kept.said(load)
        for day in kept.days(load):
            assert day < seen[load]
            assert said.get(day, {}) == expected(reference, aging, day, load), (day, load)
            compared += 1
    now = {d for d in kept.days(LOADS[-1]) if d >= gone}
    first = kept.tx.scalar("select min(effective_date) from ops.ar_movement")
    assert now == ({d for d in kept_days(aging, first, today) if d >= gone} if first else set())
    assert compared or first is None or first >= today


APRIL = datetime.fromisoformat("2026-04-01T06:00:00+00:00")


def test_what_the_report_said_then_and_what_it_says_now_are_both_rows(connection: duckdb.DuckDBPyConnection) -> None:
    later = APRIL + timedelta(days=2)
    rows = [
        document("A", "100", "2026-02-10", currency="USD", entity="US", due="2026-03-10", loaded=APRIL),
        document("B", "50", "2026-02-10", currency="USD", entity="US", party="P2", loaded=APRIL),
        receipt("R", "100", "2026-03-20", currency="USD", entity="US", recorded=later, loaded=later),
        allocation("A1", "R", "A", "100", later, loaded=later),
    ]
    kept = Kept(connection, Aging())
    kept.passed(posted(rows, "USD", None, APRIL), APRIL, date(2026, 4, 1))
    kept.passed(posted(rows, "USD", APRIL, later), later, date(2026, 4, 3))
    end = date(2026, 3, 31)
    key = ("US", "P1", "USD", "d1_30")
    assert kept.said(APRIL)[end][key] == (100, 100)
    assert key not in kept.said(later)[end]
    assert kept.said(later)[date(2026, 3, 19)][key] == (100, 100)
    restated = kept.tx.rows("select distinct as_of, party_id from ops.aging_snapshot where taken_at = :at", at=later)
    assert {r["party_id"] for r in restated if r["as_of"] < date(2026, 4, 1)} == {"P1"}
    assert min(r["as_of"] for r in restated) == date(2026, 3, 20)


def test_a_pass_with_nothing_new_writes_nothing_and_a_new_day_is_one_day(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = [document("A", "100", "2026-02-10", currency="USD", entity="US", loaded=APRIL)]
    kept = Kept(connection, Aging())

    def held() -> list[int]:
        tables = ("aging_snapshot", "aging_snapshot_day", "aging_snapshot_run")
        return [kept.tx.scalar(f"select count(*) from ops.{t}") for t in tables]

    kept.passed(posted(rows, "USD", None, APRIL), APRIL, date(2026, 4, 1))
    first = held()
    assert keep_snapshots(kept.tx, kept.instance, date(2026, 4, 1), "again") == ""
    assert held() == first
    assert keep_snapshots(kept.tx, kept.instance, date(2026, 4, 2), "next") == "aging of 1 days taken"
    assert held() == [n + 1 for n in first]


def test_days_that_are_old_go_and_month_ends_stay(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [document("A", "100", "2025-11-10", currency="USD", entity="US", loaded=APRIL)]
    kept = Kept(connection, Aging(snapshot_days=10, snapshot_months=4))
    kept.passed(posted(rows, "USD", None, APRIL), APRIL, date(2026, 4, 1))
    keep_snapshots(kept.tx, kept.instance, date(2026, 4, 9), "later")
    ends = {date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)}
    assert kept.days(EVER) == ends | {date(2026, 4, 9) - timedelta(days=n) for n in range(1, 11)}
    assert set(kept.said(EVER)) == kept.days(EVER)


def test_other_edges_begin_another_series_and_leave_the_first(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [document("A", "100", "2026-02-10", currency="USD", entity="US", loaded=APRIL)]
    kept = Kept(connection, Aging())
    kept.passed(posted(rows, "USD", None, APRIL), APRIL, date(2026, 4, 1))
    before = kept.said(APRIL)
    other = Instance(company=COMPANY, aging=Aging(edges=(10,)), path=Path("otc.yaml"))
    keep_snapshots(kept.tx, other, date(2026, 4, 1), "other")
    assert kept.said(APRIL) == before
    kept.aging = other.aging
    assert {k[3] for rows in kept.said(APRIL).values() for k in rows} == {"not_due", "d1_10", "d11_plus"}
