from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.contract import Cursor
from connectors.kit.errors import FatalError, RetriableError
from connectors.kit.incremental import (
    Keyset,
    PageGuard,
    Watermark,
    Window,
    expect_count,
    instant,
    keyset_windows,
    lower_bound,
    time_order,
)

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10_000)), unique_by=lambda row: row[1], max_size=200)


@pytest.mark.parametrize(
    "literal", ["2024-03-31T01:30:00.000+0000", "2024-03-31T01:30:00Z", "2024-03-31T03:30:00+02:00", "20240331T013000Z"]
)
def test_an_instant_is_read_whatever_its_offset_is_written_like(literal: str) -> None:
    assert instant(literal) == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)


def test_a_time_without_an_offset_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="no offset"):
        instant("2024-03-31T01:30:00")


def test_fractions_finer_than_a_microsecond_keep_their_order() -> None:
    assert time_order("2024-01-01T00:00:00.1234567Z") < time_order("2024-01-01T00:00:00.1234569Z")
    assert time_order("2024-01-01T00:00:00.100Z") == time_order("2024-01-01T00:00:00.1+00:00")


def test_the_lower_bound_overlaps_and_starts_from_nothing_without_a_cursor() -> None:
    assert lower_bound(None, timedelta(seconds=600)) is None
    cursor = Cursor("accounts", "2024-01-01T00:10:00.000+0000", "001")
    assert lower_bound(cursor, timedelta(seconds=600)) == datetime(2024, 1, 1, tzinfo=UTC)


def test_a_cursor_that_cannot_be_read_names_its_stream() -> None:
    with pytest.raises(FatalError, match="'accounts'"):
        lower_bound(Cursor("accounts", "yesterday"), timedelta())


@given(st.lists(st.tuples(st.datetimes(), st.text("ab", min_size=1)), min_size=1))
def test_the_watermark_is_the_furthest_row_in_its_own_words(seen: list[tuple[datetime, str]]) -> None:
    literals = [(f"{moment.isoformat(timespec='microseconds')}+0000", key) for moment, key in seen]
    mark = Watermark("accounts")
    for position, key in literals:
        mark.see(position, key)
    position, key = max(literals, key=lambda row: (instant(row[0]), row[1]))
    assert mark.cursor == Cursor("accounts", position, key)


def test_the_watermark_never_goes_back_behind_what_is_stored() -> None:
    stored = Cursor("accounts", "2024-01-02T00:00:00Z", "b")
    mark = Watermark.of("accounts", stored)
    mark.see("2024-01-01T00:00:00Z", "z")
    assert mark.cursor == stored
    assert Watermark("accounts").cursor is None


def test_a_page_that_comes_twice_stops_the_run() -> None:
    guard = PageGuard("crm: Account")
    guard.page(["a", "b"])
    guard.page(["ab"])
    guard.page([])
    guard.page([])
    with pytest.raises(RetriableError, match="the same page came twice"):
        guard.page(["a", "b"])


def test_a_link_that_leads_back_stops_the_run() -> None:
    guard = PageGuard("crm")
    guard.link("/next")
    with pytest.raises(RetriableError, match="leads back"):
        guard.link("/next")


def test_a_short_result_stops_the_run() -> None:
    expect_count("crm", 3, 3)
    with pytest.raises(RetriableError, match="3 rows were announced and 2 came"):
        expect_count("crm", 3, 2)


def _window(rows: list[tuple[int, int]], after: Keyset | None, size: int) -> Window[tuple[int, int]]:
    behind = (-1, -1) if after is None else (int(after.position), int(after.key))
    found = [row for row in sorted(rows) if row > behind][:size]
    return Window(found, Keyset(str(found[-1][0]), str(found[-1][1])) if found else None, len(found))


@given(ROWS, st.integers(1, 50))
def test_windows_give_each_row_once_however_many_share_a_position(rows: list[tuple[int, int]], size: int) -> None:
    windows = list(keyset_windows(lambda after, n: _window(rows, after, n), size, "crm"))
    assert [row for window in windows for row in window.parts] == sorted(rows)
    assert all(window.size <= size for window in windows)


@settings(deadline=None)
@given(ROWS, st.integers(1, 20), st.data())
def test_rows_that_move_between_two_windows_are_not_skipped(
    rows: list[tuple[int, int]], size: int, data: st.DataObject
) -> None:
    there, seen, clock = list(rows), dict[int, int](), count(6)  # a change gets a later position than all before it

    def fetch(after: Keyset | None, n: int) -> Window[tuple[int, int]]:
        if there and data.draw(st.booleans()):
            moved = data.draw(st.integers(0, len(there) - 1))
            there[moved] = (next(clock), there[moved][1])
        window = _window(there, after, n)
        seen.update({key: position for position, key in window.parts})
        return window

    list(keyset_windows(fetch, size, "crm"))
    assert {key: position for position, key in there} == seen


def test_a_source_that_does_not_advance_stops_the_run() -> None:
    last = Keyset("1", "a")
    with pytest.raises(RetriableError, match="does not advance"):
        list(keyset_windows(lambda after, size: Window([1, 2], last, 2), 2, "crm"))


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot advance"):
        list(keyset_windows(lambda after, size: Window([], None, 0), 0, "crm"))
