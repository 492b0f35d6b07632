"""Amounts as whole ten-thousandths, booked rates, and the rates that a source published.

Belongs here: exact arithmetic between a currency and the base currency. Not here: which item is booked at which rate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from connectors.kit.money import exponent
from otc_pipelines.posting.model import FxRateVersion
from otc_pipelines.posting.versions import Cut, History

_SCALE = 10_000


def units(amount: Decimal) -> int:
    """Return an amount in ten-thousandths. Raises ValueError for one that is finer than that."""
    numerator, denominator = amount.as_integer_ratio()
    whole, rest = divmod(numerator * _SCALE, denominator)
    if rest:
        raise ValueError(f"amount {amount} has more than four decimals; amounts are decimal(18,4)")
    return whole


def amount_of(value: int) -> Decimal:
    """Return ten-thousandths as an amount with four decimals."""
    return Decimal(value).scaleb(-4)


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, as amounts are booked. ``denominator`` is positive."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def quantum(currency: str) -> int:
    """Ten-thousandths in the smallest amount of a currency."""
    return (10_000, 1_000, 100, 10, 1)[exponent(currency)]


class Rate(NamedTuple):
    """A booked rate as a fraction, and the smallest amount of the base currency."""

    numerator: int
    denominator: int
    quantum: int

    def base(self, amount: int) -> int:
        """Return an amount in the base currency, rounded to its decimals."""
        return half_up(amount * self.numerator, self.denominator * self.quantum) * self.quantum


def quoted(rate: Decimal, base_currency: str) -> Rate:
    """Return a rate as it was stated."""
    return Rate(*rate.as_integer_ratio(), quantum(base_currency))


@cache
def par(base_currency: str) -> Rate:
    """Return the rate of the base currency itself."""
    return Rate(1, 1, quantum(base_currency))


def implied(base_amount: int, amount: int, base_currency: str) -> Rate:
    """Return the rate that an amount was booked at, from both its amounts. ``amount`` is positive."""
    return Rate(base_amount, amount, quantum(base_currency))


class Rates:
    """Published exchange rates, with their versions."""

    def __init__(self, rows: Iterable[FxRateVersion] = ()) -> None:
        """Take every version of every rate."""
        grouped: dict[tuple[str, str], dict[str, list[FxRateVersion]]] = {}
        for row in rows:
            pair = grouped.setdefault((row.from_currency, row.to_currency), {})
            pair.setdefault(f"{row.source_system}\x1f{row.row_key}", []).append(row)
        self._pairs = {pair: _Pair([History(v) for v in by_key.values()]) for pair, by_key in grouped.items()}

    def candidates(
        self, pair: tuple[str, str], on: date, source: str, since: tuple[datetime, datetime]
    ) -> list[History[FxRateVersion]]:
        """Rates on or before a day, the best first, as far as they can count for who knows what ``since`` tells."""
        found = self._pairs.get(pair)
        return found.candidates(on, source, since) if found else []


def rate_at(candidates: Iterable[History[FxRateVersion]], cut: Cut) -> Decimal | None:
    """Return the rate that counts for what is known."""
    for history in candidates:
        row = history.live(cut)
        if row is not None and row.rate is not None:
            return row.rate
    return None


class _Pair:
    """All rates of a pair of currencies, oldest first."""

    def __init__(self, rates: list[History[FxRateVersion]]) -> None:
        self._rates = sorted(rates, key=lambda h: h.first.date)
        self._days = [h.first.date for h in self._rates]
        recorded = accumulate((min(p[0] for p in h.points) for h in self._rates), min)
        loaded = accumulate((min(p[1] for p in h.points) for h in self._rates), min)
        self._earliest = list(zip(recorded, loaded, strict=True))

    def candidates(self, on: date, source: str, since: tuple[datetime, datetime]) -> list[History[FxRateVersion]]:
        """Walk back from a day until a rate was always known; leave out what a better one always hides."""
        chosen: list[History[FxRateVersion]] = []
        hidden: list[tuple[datetime, datetime]] = []
        end = bisect_right(self._days, on)
        while end > 0:
            start = end
            while start > 0 and self._days[start - 1] == self._days[end - 1]:
                start -= 1
            for history in sorted(self._rates[start:end], key=lambda h: _preference(h.first, source)):
                if any(all(k <= p[0] and lo <= p[1] for p in history.points) for k, lo in hidden):
                    continue
                chosen.append(history)
                if len(history.rows) == 1 and not history.first.deleted and history.first.rate is not None:
                    point = history.points[0]
                    hidden.append(point)
                    if point[0] <= since[0] and point[1] <= since[1]:
                        return chosen
            end = start
            if end and any(k <= self._earliest[end - 1][0] and lo <= self._earliest[end - 1][1] for k, lo in hidden):
                return chosen
        return chosen


def _preference(rate: FxRateVersion, source: str) -> tuple[bool, bool, bool, str, str, str]:
    """On one day: the document's own source first, then the rate without a type, then the spot rate."""
    kind = rate.rate_type or ""
    return (rate.source_system != source, kind != "", kind != "spot", kind, rate.source_system, rate.row_key)
