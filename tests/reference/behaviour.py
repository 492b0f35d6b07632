"""Payment behaviour once more, slowly: from the standing payments of one customer, in exact fractions.

Written from the definitions alone; it shares nothing with the SQL. Belongs here: each figure, and the rank-sum test by
counting pairs. Not here: which payment stands (``measures``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.measures import Question, Settled, ratio, rounded

QUANTILE = {"0.05": Fraction("3.8415"), "0.01": Fraction("6.6349")}
"""Squares of the normal quantile, rounded up."""


def rank_sum(recent: Sequence[Any], earlier: Sequence[Any]) -> tuple[Fraction, Fraction]:
    """U, a pair in which the recent value is above counting 1 and a tie half; and the statistic with its correction."""
    u = Fraction(sum(2 * (x > y) + (x == y) for x in recent for y in earlier), 2)
    ties = Counter([*recent, *earlier]).values()
    m, n = len(recent), len(earlier)
    both = m + n
    variance = Fraction(m * n, 12) * (both + 1 - Fraction(sum(t**3 - t for t in ties), both * (both - 1)))
    away = abs(u - Fraction(m * n, 2)) - Fraction(max(ties), 2)
    return u, (away**2 / variance if away > 0 else Fraction(0))


def change(recent: Sequence[Any], earlier: Sequence[Any], alarm_rate: str) -> tuple[str, Fraction | None]:
    """The flag and the statistic."""
    m, n = len(recent), len(earlier)
    if not m or not n:
        return "too few", Fraction(0) if m + n else None
    u, statistic = rank_sum(recent, earlier)
    _, most = rank_sum(range(n, n + m), range(n))
    if most <= QUANTILE[alarm_rate]:
        return "too few", statistic
    if statistic <= QUANTILE[alarm_rate]:
        return "none", statistic
    return ("slower" if u > Fraction(m * n, 2) else "faster"), statistic


def behaviour(
    question: Question, days: int, alarm_rate: str, method: Callable[[str], str | None]
) -> dict[str, Any] | None:
    """How the customer of the question paid in the ``days`` days to its T; None where there is no row."""
    question.steps()
    t = question.t
    by_item: dict[Any, list[Settled]] = defaultdict(list)
    for s in question.settled:
        if s.paid_on > t - timedelta(days=4 * days):
            by_item[s.paid_on, s.document_id, s.number].append(s)
    recent = {k: v for k, v in by_item.items() if k[0] > t - timedelta(days=days)}
    earlier = {k: v for k, v in by_item.items() if k not in recent}
    overdue: list[tuple[int, Any]] = []
    anything = bool(by_item)
    for (kind, item_id, number), (amount, base) in question.view.at(t).items():
        item = question.view.items["receipt" if kind == "receipt" else "document", item_id]
        if kind != "installment" or amount <= 0 or not item or not question.mine(item):
            continue
        anything = True
        due = next(s[1] for s in item["shares"] if s[0] == number)
        if due < t:
            overdue.append(((t - due).days, base))
    if not anything:
        return None
    late = sorted((k[0] - v[0].due_on).days for k, v in recent.items())
    paid = total(recent, lambda s: 1)
    methods: dict[str, Fraction] = defaultdict(Fraction)
    for s in (s for v in recent.values() for s in v):
        if method(s.receipt_id) is not None:
            methods[str(method(s.receipt_id))] += Fraction(s.base or 0)
    preferred = min(methods, key=lambda name: (-methods[name], name)) if methods and paid else None
    values = [observations(group) for group in (recent, earlier)]
    unknown = None in (paid, total(earlier, lambda s: 1))
    flag, statistic = change(values[0], values[1], alarm_rate)
    m, n = len(values[0]), len(values[1])
    owed = None if any(base is None for _, base in overdue) else sum((Fraction(b) for _, b in overdue), Fraction(0))
    paid_late, paid_early = (total(recent, lambda s, w=w: int(w * lateness(s) > 0)) for w in (1, -1))
    return {
        "payments": len({k[0] for k in recent}),
        "instalments": len(recent),
        "paid": paid,
        "late_days": total(recent, lateness),
        "days_late": ratio(total(recent, lateness), paid),
        "days_late_plain": ratio(Fraction(sum(late)), Fraction(len(late))),
        "days_late_deviation": deviation(late),
        "days_late_median": median(late),
        "days_late_p90": next((d for i, d in enumerate(late, 1) if 10 * i >= 9 * len(late)), None),
        "days_to_pay": ratio(total(recent, lambda s: (s.paid_on - s.since).days), paid),
        "paid_late": paid_late,
        "late_pct": ratio(paid_late, paid, 100),
        "days_late_of_late": ratio(total(recent, lambda s: max(0, lateness(s))), paid_late),
        "paid_early": paid_early,
        "early_pct": ratio(paid_early, paid, 100),
        "preferred_method": preferred,
        "preferred_method_pct": ratio(methods[preferred], paid, 100) if preferred else None,
        "last_paid_on": max((s.paid_on for s in question.settled), default=None),
        "overdue": owed,
        "oldest_overdue_days": max((d for d, _ in overdue), default=None),
        "earlier_days_late": ratio(total(earlier, lateness), total(earlier, lambda s: 1)),
        "change": None if unknown else flag,
        "change_recent": m,
        "change_earlier": n,
        "change_statistic": None if unknown or statistic is None else rounded(statistic),
        "change_later_pct": None if unknown or not m * n else ratio(rank_sum(*values)[0], Fraction(m * n), 100),
    }


def lateness(s: Settled) -> int:
    return (s.paid_on - s.due_on).days


def total(paid: dict[Any, list[Settled]], times: Callable[[Settled], int]) -> Fraction | None:
    """Sum of base amounts; None where one is unknown."""
    every = [s for v in paid.values() for s in v]
    if any(s.base is None for s in every):
        return None
    return sum((Fraction(s.base or 0) * times(s) for s in every), Fraction(0))


def observations(paid: dict[Any, list[Settled]]) -> list[Decimal]:
    """One value for each day on which the customer paid: days late, weighted by amount, to four decimals."""
    found = []
    for day in sorted({k[0] for k in paid}):
        of_day = [s for k, v in paid.items() if k[0] == day for s in v]
        weight = sum((Fraction(s.base or 0) for s in of_day), Fraction(0))
        if weight > 0:
            found.append(rounded(sum((Fraction(s.base or 0) * lateness(s) for s in of_day), Fraction(0)) / weight))
    return found


def deviation(numbers: list[int]) -> Decimal | None:
    """Of a sample, to the nearest hundredth, half up, by trying."""
    if len(numbers) < 2:
        return None
    mean = Fraction(sum(numbers), len(numbers))
    variance = sum(((x - mean) ** 2 for x in numbers), Fraction(0)) / (len(numbers) - 1)
    hundredths = 0
    while (Fraction(2 * hundredths + 1, 200)) ** 2 <= variance:
        hundredths += 1
    return Decimal(hundredths) / 100


def median(numbers: list[int]) -> Decimal | None:
    if not numbers:
        return None
    middle = len(numbers) // 2
    return Decimal(numbers[middle]) if len(numbers) % 2 else Decimal(numbers[middle - 1] + numbers[middle]) / 2
