"""What the invariants share: histories, what posting makes of them, what the reference says, catching a mutant.

Belongs here: asking. Not here: any invariant.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings

from otc_pipelines.posting import FxRateVersion, LegalEntity, Movement, Posting, Rates, Settings, post
from tests.reference.generate import History, Maker
from tests.reference.ledger import EVER, Reference
from tests.reference.rows import cluster
from tests.reference.visible import Visible, first_arrival, visible_at

EXAMPLES = int(os.environ.get("OTC_PROPERTY_EXAMPLES", "150"))
THOROUGH = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 150,
    report_multiple_bugs=False,
    database=None,
)
LAST_DAY = date(2026, 12, 31)
ACCOUNT = "1200"
Totals = dict[tuple[Any, ...], Decimal]


def posted(history: History) -> Posting:
    rates = Rates(r for r in history.rows if isinstance(r, FxRateVersion))
    books = Settings(history.base, {e: LegalEntity(history.base, ACCOUNT) for e in ("MX", "OTHER")})
    return post(cluster(*history.rows), books, rates)


def seen(
    movements: Iterable[Movement], on: date = LAST_DAY, known: datetime = EVER, loaded: datetime = EVER
) -> list[Movement]:
    return [m for m in movements if m.recorded_at <= known and m.loaded_at <= loaded and m.effective_date <= on]


def summed(movements: Iterable[Movement], *names: str) -> Totals:
    totals: Totals = defaultdict(Decimal)
    for m in movements:
        totals[tuple(getattr(m, n) for n in names)] += m.amount
    return {k: v for k, v in totals.items() if v}


def reference(history: History) -> Reference:
    return Reference(list(history.rows), history.base)


def expected(
    ledger: Reference, on: date = LAST_DAY, known: datetime = EVER, loaded: datetime = EVER
) -> dict[tuple[str, str, int | None], Decimal]:
    """Open and unapplied by (item type, item, instalment), as the reference has it."""
    return {k: amount for k, (amount, _) in ledger.open(on, known, loaded).items() if amount}


def in_force(history: History, known: datetime = EVER, loaded: datetime = EVER) -> Visible:
    """The one version of each row that counts."""
    return visible_at(first_arrival(list(history.rows)), known, loaded)


def rows_of(history: History, name: str) -> list[Any]:
    return [r for r in history.rows if type(r).__name__ == f"{name}Version"]


def caught(check: Callable[[History], None], *, clean: bool = False, seeds: int = 150) -> bool:
    """Tell whether a check turns red on one of some histories. An error other than its own is no catch."""
    for seed in range(seeds):
        history = Maker(seed, clean).history()
        try:
            check(history)
        except AssertionError:
            return True
    return False
