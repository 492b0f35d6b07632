"""Days and moments of the simulated company: business days, month ends, and a clock that never goes back.

Belongs here: dates only. Not here: what happens on them.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum

DAY = timedelta(days=1)
CLOSE = time(23, 59, 59, tzinfo=UTC)


class Shift(IntEnum):
    """Hour (UTC) at which a kind of work is recorded: invoices before cash, cash before what goes wrong with it."""

    MASTER_DATA = 5
    BILLING = 7
    CASH = 11
    EVENTS = 15
    CORRECTIONS = 18
    CLOSING = 22


class Clock:
    """Gives each record of a shift the next second, so that the order of the records is the order of the work."""

    def __init__(self) -> None:
        self._given: Counter[int] = Counter()

    def next(self, day: date, shift: Shift) -> datetime:
        """Return the next free moment of that shift."""
        hour = day.toordinal() * 24 + shift
        taken = self._given[hour]
        self._given[hour] = taken + 1
        start = datetime(day.year, day.month, day.day, shift, tzinfo=UTC)
        return start + (timedelta(seconds=taken) if taken < 7200 else timedelta(hours=2, microseconds=taken - 7200))


def closing(day: date) -> datetime:
    """Last second of a day."""
    return datetime.combine(day, CLOSE)


def business_day(day: date) -> date:
    """Return the day itself, or the Monday after a weekend."""
    weekday = day.weekday()
    return day if weekday < 5 else day + timedelta(days=7 - weekday)


def business_days(first: date, last: date) -> list[date]:
    """Every Monday to Friday from ``first`` to ``last``, both included."""
    return [d for n in range((last - first).days + 1) if (d := first + timedelta(days=n)).weekday() < 5]


def months_before(day: date, months: int) -> date:
    """First day of a window of that many whole months, the month of ``day`` included."""
    index = day.year * 12 + day.month - months
    return date(index // 12, index % 12 + 1, 1)


def month_ends(first: date, last: date) -> list[date]:
    """Last days of the months that end between ``first`` and ``last``, both included."""
    ends: list[date] = []
    year, month = first.year, first.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        end = date(year, month, 1) - DAY
        if end > last:
            return ends
        ends.append(end)
