"""The change flag: against scipy, against every way of parting small samples, and by simulation of customers.

Tolerances of simulated rates are the binomial's own: four standard errors.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

import duckdb
import pandas as pd
import pytest
from scipy.stats import chi2, mannwhitneyu

from otc_pipelines.settings import ALARM_RATES
from otc_pipelines.transform.rendering import macros
from tests.reference.behaviour import QUANTILE, change
from tests.reference.measures import rounded

Sample = tuple[Sequence[int], Sequence[int]]
HALF_A_TIE = "cast(max(tied) as decimal(38, 0)) as largest_tie"
"""What is taken off the difference; a mutant takes half a pair off, ties or none."""


def asked(samples: Sequence[Sample], alarm_rate: str, mutant: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """The flag of each pair of samples (recent, earlier), from the SQL."""
    rows = [
        (nth, period, value)
        for nth, parts in enumerate(samples)
        for period, values in zip(("recent", "earlier"), parts, strict=True)
        for value in values
    ]
    frame = pd.DataFrame(rows, columns=["nth", "period", "value"])
    ctes = macros("quotient.sql", "payment_change.sql").payment_change("observed", "nth", alarm_rate)
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute(
            "create table observed as select nth, period, cast(value as decimal(38, 4)) as value from frame"
        )
        result = connection.execute(mutant(f"with {ctes} select * from changed order by nth"))
        names = [d[0] for d in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def flagged(rows: Iterable[dict[str, Any]]) -> float:
    found = [r["change"] in ("slower", "faster") for r in rows]
    return sum(found) / len(found)


def slack(rate: float, trials: int) -> float:
    """Four standard errors of a share."""
    return 4 * math.sqrt(rate * (1 - rate) / trials)


def some(random: Random, m: int, n: int, values: int) -> Sample:
    return [random.randrange(values) for _ in range(m)], [random.randrange(values) for _ in range(n)]


def test_thousands_of_samples_are_as_scipy_and_the_reference_say() -> None:
    random = Random(20)
    samples = [
        some(random, random.randint(1, 20), random.randint(1, 40), random.choice((2, 4, 12, 1000))) for _ in range(1500)
    ]
    for rate in ALARM_RATES:
        for (recent, earlier), row in zip(samples, asked(samples, rate), strict=True):
            flag, statistic = change(recent, earlier, rate)
            assert (row["change"], row["statistic"]) == (flag, rounded(statistic or Fraction(0)))
            pooled = [*recent, *earlier]
            if len(set(pooled)) == 1:
                assert row["statistic"] == 0
                continue
            said = mannwhitneyu(recent, earlier, use_continuity=False, method="asymptotic")
            pairs = len(recent) * len(earlier)
            assert float(row["later_pct"]) == pytest.approx(100 * said.statistic / pairs, abs=6e-5)
            away = abs(said.statistic - pairs / 2)
            if away == 0:
                assert row["statistic"] == 0
                continue
            deviation = away / math.sqrt(chi2.isf(said.pvalue, 1))
            corrected = max(0.0, away - max(pooled.count(v) for v in pooled) / 2) / deviation
            assert float(row["statistic"]) == pytest.approx(corrected**2, rel=1e-6, abs=1e-4)


def test_without_ties_it_is_scipys_own_correction() -> None:
    random = Random(21)
    samples = []
    for _ in range(500):
        m, n = random.randint(2, 15), random.randint(2, 30)
        values = random.sample(range(1000), m + n)
        samples.append((values[:m], values[m:]))
    for (recent, earlier), row in zip(samples, asked(samples, "0.05"), strict=True):
        p = mannwhitneyu(recent, earlier, use_continuity=True, method="asymptotic").pvalue
        assert float(row["statistic"]) == pytest.approx(chi2.isf(min(p, 1.0), 1), abs=1e-4)


def patterns(count: int) -> list[list[int]]:
    """Every way in which so many values can be tied, as the values themselves."""
    found = []
    for mask in range(1, 1 << (count - 1)):
        value, values = 0, [0]
        for bit in range(count - 1):
            value += mask >> bit & 1
            values.append(value)
        found.append(values)
    return found


def all_partings(values: list[int], m: int) -> list[Sample]:
    """Every way in which m of the values can be the recent ones."""
    every = range(len(values))
    return [([values[i] for i in c], [values[i] for i in every if i not in c]) for c in combinations(every, m)]


def worst_rate(count: int, m: int, alarm_rate: str, mutant: Callable[[str], str] = str) -> float:
    """The largest share of partings that is flagged, over all patterns of ties: the exact rate of false alarms."""
    samples = [(p, s) for p, values in enumerate(patterns(count)) for s in all_partings(values, m)]
    rows = asked([s for _, s in samples], alarm_rate, mutant)
    by_pattern: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for (pattern, _), row in zip(samples, rows, strict=True):
        by_pattern[pattern].append(row)
    return max(map(flagged, by_pattern.values()))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_no_small_sample_is_flagged_more_often_than_is_said(m: int) -> None:
    assert worst_rate(9, m, "0.05") <= 0.05


def half_a_pair(sql: str) -> str:
    assert HALF_A_TIE in sql
    return sql.replace(HALF_A_TIE, "cast(1 as decimal(38, 0)) as largest_tie")


def test_half_a_pair_off_whatever_the_ties_is_caught() -> None:
    assert worst_rate(9, 3, "0.05", half_a_pair) > 0.09


def exact_rate(tied: Sequence[int], m: int, alarm_rate: str) -> float:
    """The false-alarm rate of groups of ties in ascending order, by counting rank sums instead of partings."""
    count, n = sum(tied), sum(tied) - m
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    below = 0
    for t in tied:
        grown: dict[tuple[int, int], int] = defaultdict(int)
        for (taken, ranks), found in ways.items():
            for more in range(min(t, m - taken) + 1):
                grown[taken + more, ranks + more * (2 * below + t + 1)] += found * math.comb(t, more)
        ways, below = grown, below + t
    free = count**3 - count - sum(t**3 - t for t in tied)
    limit = QUANTILE[alarm_rate] * m * n * free
    alarms = 0
    for (taken, ranks), found in ways.items():
        off = abs(ranks - m * (m + 1) - m * n) - max(tied)
        if taken == m and off > 0 and 3 * off * off * count * (count - 1) > limit:
            alarms += found
    return alarms / math.comb(count, m)


@pytest.mark.parametrize("alarm_rate", ALARM_RATES)
@pytest.mark.parametrize(("m", "n"), [(3, 9), (4, 12), (6, 18), (13, 13), (13, 39)])
def test_no_larger_sample_is_either(m: int, n: int, alarm_rate: str) -> None:
    random = Random(m * n)
    for _ in range(25):
        cuts = sorted(random.sample(range(1, m + n), random.randint(1, min(8, m + n - 2))))
        tied = [b - a for a, b in zip([0, *cuts], [*cuts, m + n], strict=True)]
        assert exact_rate(tied, m, alarm_rate) <= float(alarm_rate), tied
    assert exact_rate([1] * (m + n), m, alarm_rate) <= float(alarm_rate)


def punctual(random: Random) -> int:
    """Six of ten payments on the day, the others up to a month after it."""
    return 0 if random.random() < 0.6 else random.randint(1, 30)


def usual(random: Random) -> int:
    return round(random.gauss(8, 6))


def slow(random: Random) -> int:
    """Mostly a few days, at times months."""
    return int(random.expovariate(1 / 20))


@pytest.mark.parametrize("payer", [punctual, usual, slow])
@pytest.mark.parametrize("alarm_rate", ALARM_RATES)
def test_customers_who_pay_as_ever_are_flagged_no_more_often_than_is_said(
    payer: Callable[[Random], int], alarm_rate: str
) -> None:
    """Weekly payers, 4,000 of them. The more ties, the rarer: what is taken off for them is the most that it can be."""
    random = Random(7)
    customers = [([payer(random) for _ in range(13)], [payer(random) for _ in range(39)]) for _ in range(4000)]
    rate = float(alarm_rate)
    found = flagged(asked(customers, alarm_rate))
    assert rate / 8 < found <= rate + slack(rate, len(customers))


@pytest.mark.parametrize(
    ("later", "alarm_rate", "at_least"), [(7, "0.01", 0.7), (7, "0.05", 0.85), (14, "0.01", 0.99), (-7, "0.05", 0.85)]
)
def test_customers_who_changed_are_found(later: int, alarm_rate: str, at_least: float) -> None:
    random = Random(8)
    customers = [([usual(random) + later for _ in range(13)], [usual(random) for _ in range(39)]) for _ in range(1000)]
    rows = asked(customers, alarm_rate)
    assert flagged(rows) >= at_least
    wrong = "faster" if later > 0 else "slower"
    assert sum(r["change"] == wrong for r in rows) / len(rows) <= 0.001


@pytest.mark.parametrize(
    ("alarm_rate", "m", "n", "judged"),
    [("0.05", 3, 9, True), ("0.05", 3, 4, False), ("0.05", 2, 9, True), ("0.01", 3, 9, False), ("0.01", 4, 9, True)],
)
def test_too_few_payments_say_so(alarm_rate: str, m: int, n: int, judged: bool) -> None:
    apart = (list(range(100, 100 + m)), list(range(n)))
    alike = ([5] * m, [5] * n)
    found = [r["change"] for r in asked([apart, alike], alarm_rate)]
    assert found == (["slower", "none"] if judged else ["too few", "too few"])
