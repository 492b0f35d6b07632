"""Keyset passes over a model: what a second run asks for, and pages that lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.erp.tryton.changes import Changes, Feed, literal, recorded
from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Cursor
from connectors.kit.errors import RetriableError

T0 = datetime(2026, 1, 1, tzinfo=UTC)
FEED = Feed("things", "a.thing", [("company", "=", 1)], ("name",))


def record(key, created, written=None):
    at = T0 + timedelta(seconds=created)
    return {"id": key, "name": f"n{key}", "create_date": at, "write_date": written and T0 + timedelta(seconds=written)}


class Erp:
    """Answers searches over records, as Tryton reads domains."""

    host = "erp.example.com"

    def __init__(self, *records, page_rows=2):
        self.records = list(records)
        self.settings = TrytonSettings(
            url="https://erp.example.com", database="b", username="u", password="p", page_rows=page_rows
        )
        self.asked: list[Any] = []
        self.bend: Any = None

    def search_read(self, model, domain, fields, *, limit, order, context=None):
        self.asked.append(domain)
        found = [r for r in self.records if all(self._holds(r, c) for c in domain if c != ("company", "=", 1))]
        for name, way in reversed(order):
            found.sort(key=lambda r, n=name: r[n], reverse=way == "DESC")
        found = found[:limit]
        return self.bend(found) if self.bend else found

    def _holds(self, row, clause):
        if isinstance(clause, list):
            if clause[0] == "OR":
                return any(self._holds(row, c) for c in clause[1:])
            return all(self._holds(row, c) for c in clause)
        name, operator, value = clause
        has = row[name]
        if operator in ("=", "!="):
            return (has == value) is (operator == "=")
        if has is None:
            return False
        return {">": has > value, ">=": has >= value}[operator]


def run(erp, cursors=None):
    pages = list(Changes(erp, cursors or {}, {}).pages(FEED))
    kept = dict(cursors or {})
    kept.update({p.cursor.stream: p.cursor for p in pages})
    return [r["id"] for p in pages for r in p.records], kept


def test_each_record_comes_once_in_pages():
    erp = Erp(*(record(k, 0) for k in range(1, 6)), record(6, 1, 9), record(7, 1, 9), record(8, 1, 9))
    ids, cursors = run(erp)
    assert sorted(ids) == list(range(1, 9))
    assert {c.stream: (c.position, c.key) for c in cursors.values()} == {
        "things:created": (literal(T0), "5"),
        "things:written": (literal(T0 + timedelta(seconds=9)), "8"),
    }


def test_a_later_run_asks_behind_the_last_one_with_the_lookback():
    erp = Erp(record(1, 0), record(2, 9_000))
    _, cursors = run(erp)
    erp.records += [record(3, 9_100), record(4, 1, 9_200), record(5, 5_500), record(6, 5_000)]
    ids, _ = run(erp, cursors)
    assert sorted(ids) == [2, 3, 4, 5]  # 6 began longer before the last one than the lookback reaches


def test_a_page_that_is_merely_short_ends_nothing():
    erp = Erp(*(record(k, k) for k in range(1, 8)), page_rows=3)
    erp.bend = lambda rows: rows[:1]
    assert run(erp)[0] == list(range(1, 8))


@pytest.mark.parametrize("bend", [lambda rows: rows[::-1], lambda rows: [*rows, *rows]])
def test_a_page_out_of_order_is_refused(bend):
    erp = Erp(record(1, 0), record(2, 1))
    erp.bend = bend
    with pytest.raises(RetriableError, match="out of order"):
        run(erp)


def test_the_position_of_a_feed_can_be_had_without_reading_it():
    erp = Erp(record(1, 0), record(2, 5), record(3, 1, 7))
    found = list(Changes(erp, {}, {}).position(FEED))
    assert found == [
        Cursor("things:created", literal(T0 + timedelta(seconds=5)), "2"),
        Cursor("things:written", literal(T0 + timedelta(seconds=7)), "3"),
    ]


def test_the_later_date_is_when_a_record_was_recorded():
    assert recorded(record(1, 3), record(2, 1, 8), None) == T0 + timedelta(seconds=8)
