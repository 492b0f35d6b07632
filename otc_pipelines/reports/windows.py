"""The window of days that measures and payments are asked of, at a state of knowledge.

Belongs here: what a window may be, and what an answer says of it. Not here: what is measured in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connectors.kit.errors import ConfigError
from otc_pipelines.reports.clocks import clock_facts
from otc_pipelines.settings import MOST_DAYS
from otc_pipelines.warehouse import Tx


@dataclass(frozen=True)
class Window:
    """As-of day T, window of N days to T, knowledge time K, load time L (None: all known now).

    Raises ConfigError for a window that is none.
    """

    as_of: date
    days: int
    known_at: datetime | None = None
    loaded_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MOST_DAYS:
            raise ConfigError(f"--days {self.days} is no window; use a whole number from 1 to {MOST_DAYS}")

    def facts(self, tx: Tx, **more: Any) -> dict[str, Any]:
        """Return what an answer says of its window, beside its rows; ``more`` comes before the clocks."""
        clocks = clock_facts(tx, self.known_at, self.loaded_at)
        return {"as_of": self.as_of.isoformat(), "window_days": self.days, **more, **clocks}
