"""What the organisation allows in a day, and how much of it is used up: kept with its state, so no restart resets it.

Belongs here: counting. Not here: what counts as a call or a batch, which its callers know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from connectors.simulation.store import Store

API_CALLS, BULK_BATCHES, QUERY_JOBS = "DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs"
_MAXIMUM = {API_CALLS: 100_000, BULK_BATCHES: 15_000, QUERY_JOBS: 10_000, "DailyBulkV2QueryFileStorageMB": 976_562}


class Limits:
    """Counters by day of the organisation's clock."""

    def __init__(self, store: Store, clock: Callable[[], datetime], maximum: Mapping[str, int]) -> None:
        unknown = [name for name in maximum if name not in _MAXIMUM]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not a limit; there are: {', '.join(_MAXIMUM)}")
        self._store, self._clock = store, clock
        self.maximum = {**_MAXIMUM, **maximum}

    def use(self, name: str) -> int:
        """Count one more, and return how many that makes today."""
        return self._store.next_number(self._counter(name))

    def used(self, name: str) -> int:
        """Return how many there were today."""
        kept = self._store.get("counter", self._counter(name))
        return 0 if kept is None else int(kept["value"])

    def shown(self) -> dict[str, dict[str, int]]:
        """Return what the limits call says."""
        return {name: {"Max": top, "Remaining": max(0, top - self.used(name))} for name, top in self.maximum.items()}

    def _counter(self, name: str) -> str:
        return f"{name}:{self._clock().date().isoformat()}"
