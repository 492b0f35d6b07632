"""One rate budget for each origin, shared by every session and thread of the process.

Belongs here: when the next request may go out. Not here: requests themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class RateBudget:
    """Spaces requests ``1/rate`` seconds apart, and holds all of them back while the vendor asked for a pause."""

    def __init__(self, rate: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._lock = Lock()
        self._next = 0.0

    def acquire(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until a request may be sent, and take its place."""
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            if self.rate:
                self._next = start + 1.0 / self.rate
        if start > now:
            sleep(start - now)

    def pause(self, seconds: float) -> None:
        """Let nobody send for that long."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


_BUDGETS: dict[str, RateBudget] = {}
_BUDGETS_LOCK = Lock()


def budget_of(origin: str, rate: float | None = None) -> RateBudget:
    """Return the process's budget for that origin; the lowest rate anyone asked for holds."""
    with _BUDGETS_LOCK:
        budget = _BUDGETS.setdefault(origin, RateBudget())
        if rate is not None:
            budget.rate = rate if budget.rate is None else min(rate, budget.rate)
        return budget
