"""Work grows with the rows: counted in rows settled, not in seconds.

A receipt with many allocations, each recorded at a moment of its own, is settled allocation by allocation until
something makes it scarce: an event, an undo and what is applied instead, more than there is.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from otc_pipelines.posting import Settings, post
from otc_pipelines.posting.unit import Unit
from tests.reference.rows import allocation, cluster, document, event, installment, receipt

FIRST, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def paid(count: int, *, instalments: int = 1, loads: int = 1) -> list[object]:
    """A receipt that pays so many invoices, one after the other."""
    rows: list[object] = [receipt("R", str(10 * count), "2026-01-01", recorded=FIRST, loaded=FIRST)]
    for n in range(count):
        at, loaded = FIRST + timedelta(minutes=n), FIRST + timedelta(days=1 + n * loads // count)
        rows.append(document(f"D{n}", "10", "2026-01-01", recorded=at, loaded=loaded))
        if instalments > 1:
            part = str(10 // instalments)
            rows += [
                installment(f"D{n}", no, f"2026-0{no + 1}-01", part, recorded=at, loaded=loaded)
                for no in range(1, instalments + 1)
            ]
        rows.append(allocation(f"A{n:04}", "R", f"D{n}", "10", at, effective="2026-01-02", loaded=loaded))
    return rows


def charged_back(rows: list[object], amount: str) -> list[object]:
    return [*rows, event("R", "charged_back", "2026-06-01", amount, recorded=LATER, loaded=LATER)]


def applied_elsewhere(rows: list[object]) -> list[object]:
    return [
        *rows,
        allocation("U", "R", "D0", "-10", LATER, reverses="A0000", loaded=LATER),
        document("D", "10", "2026-01-01", recorded=LATER, loaded=LATER),
        allocation("B", "R", "D", "10", LATER, loaded=LATER),
    ]


def over_applied(rows: list[object]) -> list[object]:
    return [
        *rows,
        document("D", "10", "2026-01-01", recorded=LATER, loaded=LATER),
        allocation("B", "R", "D", "3", LATER, loaded=LATER),
    ]


def settled(rows: list[object], monkeypatch: pytest.MonkeyPatch, in_units: bool = True) -> tuple[int, list[str]]:
    """How many rows were settled, each time that one was; and the movements."""
    counted: Counter[str] = Counter()
    alive = Unit.at

    def counting(unit: Unit, cut):  # type: ignore[no-untyped-def]
        found = alive(unit, cut)
        counted["rows"] += len(found.allocations) + len(found.adjustments) + len(found.events)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Unit, "at", counting)
        posting = post(cluster(*rows), Settings("MXN"), in_units=in_units)
    return counted["rows"], sorted(m.movement_id for m in posting.movements)


LATE = {
    "a part charged back": lambda rows: charged_back(rows, "25"),
    "all of it charged back": lambda rows: charged_back(rows, str(10 * (len(rows) // 2))),
    "an undo, and applied elsewhere": applied_elsewhere,
    "more than there is": over_applied,
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize("loads", [1, 7])
def test_a_late_change_costs_no_more_than_the_rows(late, loads, monkeypatch):
    few, _ = settled(late(paid(40, loads=loads)), monkeypatch)
    many, _ = settled(late(paid(160, loads=loads)), monkeypatch)
    assert many <= 4.5 * few
    assert many <= 12 * 160


def test_splits_over_instalments_are_followed_invoice_by_invoice(monkeypatch):
    few, _ = settled(charged_back(paid(40, instalments=2), "25"), monkeypatch)
    many, _ = settled(charged_back(paid(160, instalments=2), "25"), monkeypatch)
    assert many <= 4.5 * few


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize(("instalments", "loads"), [(1, 1), (1, 7), (2, 1), (2, 7)])
def test_the_parts_and_what_they_lack_are_what_the_whole_is(late, instalments, loads, monkeypatch):
    rows = late(paid(12, instalments=instalments, loads=loads))
    fast, movements = settled(rows, monkeypatch)
    slow, expected = settled(rows, monkeypatch, in_units=False)
    assert movements == expected
    assert fast < slow
