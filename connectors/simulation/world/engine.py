"""Lets the company live day by day: a calendar of things to do, done in order, each recorded at its own moment.

Belongs here: what every part of the simulation shares. Not here: any business (``trade``, ``cash``, ``scenarios``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import TypeAlias

from connectors.simulation.world.books import Books
from connectors.simulation.world.company import Rates, buyers
from connectors.simulation.world.days import Clock, Shift, business_day, months_before

HORIZON = 35  #: days after ``as_of`` that are known too, for ``World.advance``
BACKLOG = 10  #: the last days' money, which the ERP has not posted yet

Action: TypeAlias = Callable[[datetime], object]


class Engine:
    """The calendar, the clock, the books and the dice of one company."""

    def __init__(self, seed: int, as_of: date, customers: int, months: int) -> None:
        self.seed = seed
        self.as_of = as_of
        self.last_workday = as_of - timedelta(days=max(0, as_of.weekday() - 4))
        self.start = months_before(as_of, months)
        self.last = as_of + timedelta(days=HORIZON)
        self.clock = Clock()
        self.books = Books()
        self.rates = Rates(self.dice("rates"), self.start - timedelta(days=150), self.last, self.clock)
        self.buyers = buyers(self.dice("customers"), customers, self.start, self.clock)
        self._calendar: list[tuple[date, Shift, int, Action]] = []
        self._now: tuple[date, Shift] = (date.min, Shift.MASTER_DATA)
        self._added = 0

    def dice(self, topic: str) -> Random:
        """Return the random numbers of one topic, so that a change in one leaves the others alone."""
        return Random(f"{self.seed}:{topic}")  # noqa: S311  (a simulation, not a secret)

    def at(self, day: date, shift: Shift, action: Action) -> None:
        """Have something done on the business day at or after ``day``; what is late is done now, what is far never."""
        when = max((business_day(day), shift), self._now)
        if when[0] <= self.last:
            self._added += 1
            heapq.heappush(self._calendar, (*when, self._added, action))

    def run(self) -> None:
        """Do everything in order."""
        while self._calendar:
            day, shift, _, action = heapq.heappop(self._calendar)
            self._now = (day, shift)
            action(self.clock.next(day, shift))

    def in_backlog(self, bank_day: date) -> bool:
        """Whether money of that day is still to be posted by the ERP when the world is looked at first."""
        return self.as_of - timedelta(days=BACKLOG) < bank_day <= self.as_of

    def posting_day(self, bank_day: date, lag: int) -> date:
        """Day on which the ERP posts what the bank showed on ``bank_day``."""
        if self.in_backlog(bank_day):
            return self.as_of + timedelta(days=1 + (bank_day.toordinal() + lag) % 4)
        before = self.as_of - timedelta(days=BACKLOG)
        day = business_day(bank_day + timedelta(days=lag))
        return min(day, self.last_workday) if bank_day <= before else day
