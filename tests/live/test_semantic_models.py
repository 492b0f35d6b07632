"""The semantic models, served by MetricFlow on the published marts: its answers are those of ``otc metrics``, of
``otc aging`` and of a hand, amounts to the cent; and nothing is summed that may not be."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.reports.metrics import MetricsQuestion, metrics_report
from tests.live import peers
from tests.live.semantic import Company, company

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.xdist_group("semantic_models"),
    pytest.mark.skipif(bool(peers.missing("metricflow")), reason=peers.missing("metricflow")),
]
_DAY = "metric_time__day"
_HALF = Decimal("0.00005")  # the mart rounds a ratio to four decimals; MetricFlow does not
_LISTED = (
    *("dso", "dso_countback", "best_possible_dso", "add", "cei", "collection_rate", "bad_debt_ratio"),
    *("unapplied_pct", "unapplied_of_ar_pct", "promise_kept_rate", "promise_kept_count_rate", "ar_turnover"),
    "weighted_days_to_pay",
)
_NET = ("dso_net", "dso_countback_net", "add_net", "cei_net", "ar_turnover_net")
_AMOUNTS = (
    *("ar", "not_due_ar", "opening_ar", "unapplied", "unapplied_cash", "sales", "billed", "cash_applied"),
    *("write_offs", "receipts", "promised", "promises"),
)
_LEVELS = {
    "legal_entity": ("", ["legal_entity"]),
    "segment": ("segment_", ["legal_entity", "measured__segment"]),
    "party": ("party_", ["legal_entity", "party"]),
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("semantic")) as made:
        yield made


def _amount(told: Any) -> Decimal | None:
    return None if told is None else Decimal(str(told))


def _same(found: Any, wanted: Any) -> bool:
    """An amount to the cent, a ratio to half of the mart's last digit; and no value only where there is none."""
    first, second = _amount(found), _amount(wanted)
    if first is None or second is None:
        return first is second
    return abs(first - second) <= _HALF + abs(second) * Decimal("1e-12")


# --- measures


@pytest.mark.parametrize("level", _LEVELS)
def test_measures_are_those_of_otc_metrics(there: Company, level: str) -> None:
    """Each saved query, on every day that the mart holds; the mart is what `otc metrics` says, asked for three days."""
    prefix, by = _LEVELS[level]
    asked = [prefix + name for name in (*_LISTED, *_NET)]
    saved, more = there.ask(
        {"saved": f"measures_by_{level}"}, {"metrics": asked, "by": [_DAY, *by, "measured__base_currency"]}
    )
    assert sorted(map(str, saved)) == sorted(str({k: r[k] for k in saved[0]}) for r in more)
    compared = valued = 0
    days = sorted({row[_DAY] for row in more})
    kept = there.rows(f"select * from marts.fct_measures where grouped_by = '{level}'")
    for day in days:
        wanted = {_key(level, r): r for r in kept if r["as_of"].isoformat() == day}
        if day in (days[1], days[2], days[-1]):
            question = MetricsQuestion(date.fromisoformat(day), 90, group_by=level)
            wanted = {_key(level, r): r for r in metrics_report(there.instance, question).rows}
        found = {tuple(r[name] for name in by): r for r in more if r[_DAY] == day}
        assert found.keys() == wanted.keys()
        for key, row in found.items():
            for name in (*_LISTED, *_NET):
                assert _same(row[prefix + name], wanted[key][name]), (day, key, name, row, wanted[key])
                compared += 1
                valued += wanted[key][name] is not None
    assert compared > 150
    assert valued > 50


def _key(level: str, row: dict[str, Any]) -> tuple[Any, ...]:
    if level == "party":
        return row["legal_entity"], f"{row['source_system']}:{row['party_id']}"
    return (row["legal_entity"],) if level == "legal_entity" else (row["legal_entity"], row["segment"])


@pytest.mark.parametrize("level", _LEVELS)
def test_amounts_are_those_of_the_mart_exactly(there: Company, level: str) -> None:
    prefix, by = _LEVELS[level]
    [found] = there.ask({"metrics": [prefix + name for name in (*_AMOUNTS, "overdue_ar")], "by": [_DAY, *by]})
    party = "source_system || ':' || party_id as party"
    wanted = there.rows(f"select *, segment as measured__segment, {party} from marts.fct_measures")
    rows = {
        (r["as_of"].isoformat(), *(r[name] for name in by)): {**r, "overdue_ar": _less(r["ar"], r["not_due_ar"])}
        for r in wanted
        if r["grouped_by"] == level
    }
    assert {(r[_DAY], *(r[name] for name in by)) for r in found} == rows.keys()
    for row in found:
        kept = rows[row[_DAY], *(row[name] for name in by)]
        for name in (*_AMOUNTS, "overdue_ar"):
            told = row[prefix + name]
            assert not isinstance(told, float), f"{name} is no decimal"
            assert _amount(told) == kept[name], (row, name)


def _less(whole: Decimal | None, part: Decimal | None) -> Decimal | None:
    return None if whole is None or part is None else whole - part


def test_a_worked_window(there: Company) -> None:
    """March at hand, before the invoice without a rate: 90 days to 2026-03-31 of DE, to 2026-02-28 of US."""
    [rows] = there.ask(
        {
            "metrics": ["ar", "sales", "cash_applied", "dso", "collection_rate", "promise_kept_rate"],
            "by": [_DAY, "legal_entity"],
        }
    )
    said = {(r[_DAY], r["legal_entity"]): r for r in rows}
    march = said["2026-03-31", "DE"]  # 200 from before, 900 billed and sold, 400 paid as promised
    assert [_amount(march[n]) for n in ("ar", "sales", "cash_applied")] == [700, 900, 400]
    assert _same(march["dso"], "70.0000")
    assert _same(march["collection_rate"], "36.3636")  # 400 / (200 + 900)
    assert _same(march["promise_kept_rate"], "100.0000")
    february = said["2026-02-28", "US"]  # 1000 + 550 + 80 sold; 600 and 100 paid, the 100 not bounced yet
    assert [_amount(february[n]) for n in ("ar", "sales", "cash_applied")] == [930, 1630, 700]
    assert said["2026-03-31", "US"]["ar"] is None  # 300 GBP that no rate is known for
    assert _amount(said["2026-03-31", "US"]["cash_applied"]) == 600  # 600 and 100, less the 100 that bounced


def test_of_several_days_the_last_one_counts(there: Company) -> None:
    """Windows overlap: over a month, a year, or without any day, the figure is that of the last day, never a sum."""
    month, year, none, daily = there.ask(
        {"metrics": ["sales", "dso", "dso_countback"], "by": ["metric_time__month", "legal_entity"]},
        {"metrics": ["sales", "dso", "dso_countback"], "by": ["metric_time__year", "legal_entity"]},
        {"metrics": ["sales", "dso", "dso_countback"], "by": ["legal_entity"]},
        {"metrics": ["sales", "dso", "dso_countback"], "by": [_DAY, "legal_entity"]},
    )
    on = {(r[_DAY], r["legal_entity"]): [r[n] for n in ("sales", "dso", "dso_countback")] for r in daily}
    last = {r["legal_entity"]: [r[n] for n in ("sales", "dso", "dso_countback")] for r in none}
    assert last == {name: on["2026-03-31", name] for name in ("US", "DE")}
    ends = {
        ("2026-03-01", "DE"): "2026-03-31",
        ("2026-02-01", "DE"): "2026-02-28",
        ("2026-01-01", "US"): "2026-01-31",
    }
    got = {
        (r["metric_time__month"], r["legal_entity"]): [r[n] for n in ("sales", "dso", "dso_countback")] for r in month
    }
    for (begun, name), end in ends.items():
        assert got[begun, name] == on[end, name]
    of_year = {(r["metric_time__year"], r["legal_entity"]): r["sales"] for r in year}
    assert of_year["2025-01-01", "US"] == on["2025-12-31", "US"][0]


def test_what_may_not_be_summed_has_no_value(there: Company) -> None:
    """Two base currencies, customers with windows of different length, a figure of more than one row."""
    whole, parts, countback = there.ask(
        {"metrics": ["sales", "dso", "cash_applied"], "by": [_DAY], "where": [_before("2026-03-30")]},
        {"metrics": ["party_sales", "party_dso"], "by": [_DAY, "legal_entity"]},
        {"metrics": ["segment_dso", "segment_dso_countback"], "by": [_DAY, "legal_entity"]},
    )
    both = {r[_DAY]: r for r in whole}["2026-02-28"]
    assert (both["sales"], both["dso"], both["cash_applied"]) == (None, None, None)
    customers = {(r[_DAY], r["legal_entity"]): r for r in parts}
    assert _amount(customers["2026-02-28", "US"]["party_sales"]) == 1630  # amounts of customers add up
    assert customers["2026-02-28", "US"]["party_dso"] is None  # their windows differ
    segments = {(r[_DAY], r["legal_entity"]): r for r in countback}
    assert _same(segments["2026-02-28", "US"]["segment_dso"], "51.3497")  # 930 x 90 / 1630
    assert segments["2026-02-28", "US"]["segment_dso_countback"] is None


def _before(day: str) -> str:
    return f"{{{{ TimeDimension('metric_time', 'day') }}}} <= '{day}'"


# --- balances


def _aged(there: Company, day: str, known_at: datetime | None = None) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Receivables and unapplied by legal entity and currency, as ``otc aging`` says them."""
    asked = AgingQuestion(date.fromisoformat(day), known_at=known_at)
    totals: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in aging_report(there.instance, asked).rows:
        net, unapplied = Decimal(row["total"]), Decimal(row["unapplied"])
        kept = totals[row["legal_entity"], row["currency"]]
        kept[0] += net - unapplied
        kept[1] += unapplied
    return {key: (first, second) for key, (first, second) in totals.items() if (first, second) != (0, 0)}


_BALANCES = ["open_receivables", "open_unapplied", "net_receivables"]
_BY_CURRENCY = ["legal_entity", "movement__currency"]


def _told(rows: list[dict[str, Any]], day: str, time: str = _DAY) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    found = {}
    for r in rows:
        if r[time] == day:
            receivables, unapplied = Decimal(r["open_receivables"] or 0), Decimal(r["open_unapplied"] or 0)
            assert Decimal(r["net_receivables"]) == receivables + unapplied
            if (receivables, unapplied) != (0, 0):
                found[r["legal_entity"], r["movement__currency"]] = receivables, unapplied
    return found


def test_balances_on_any_day_are_those_of_aging_and_of_a_hand(there: Company) -> None:
    known = datetime(2026, 3, 25, tzinfo=UTC)
    then = "{{ Dimension('movement__recorded_at') }} <= cast('2026-03-25 00:00:00+00' as timestamptz)"
    rows, monthly, past = there.ask(
        {"metrics": _BALANCES, "by": [_DAY, *_BY_CURRENCY]},
        {"metrics": _BALANCES, "by": ["metric_time__month", *_BY_CURRENCY]},
        {"metrics": _BALANCES, "by": [_DAY, *_BY_CURRENCY], "where": [then]},
    )
    days = sorted({r[_DAY] for r in rows})
    assert (days[0], days[-1], len(days)) == ("2025-11-30", "2026-03-31", 122)
    for day in [*days[::9], *days[-4:]]:
        assert _told(rows, day) == _aged(there, day), day
    for month, end in (("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31")):
        assert _told(monthly, month, "metric_time__month") == _aged(there, end)
    assert _told(past, "2026-03-31") == _aged(there, "2026-03-31", known) != _aged(there, "2026-03-31")
    assert _told(rows, "2026-03-31") == {
        ("US", "USD"): (Decimal(1160), Decimal(-150)),  # 400 + 700 + 10 + 50; -50 - 100
        ("US", "EUR"): (Decimal(500), Decimal(0)),
        ("US", "GBP"): (Decimal(300), Decimal(0)),
        ("DE", "EUR"): (Decimal(700), Decimal(0)),
    }


def test_money_is_never_summed_over_currencies(there: Company) -> None:
    """Without a currency there is no value, in base currency there is one, unless a rate or the company is unclear."""
    loose, base, whole = there.ask(
        {"metrics": [*_BALANCES, "receivables_change"], "by": [_DAY, "legal_entity"]},
        {"metrics": [f"{n}_base" for n in _BALANCES], "by": [_DAY, "legal_entity"]},
        {"metrics": [f"{n}_base" for n in _BALANCES], "by": [_DAY]},
    )
    said = {(r[_DAY], r["legal_entity"]): r for r in loose}
    assert [said["2026-03-15", "US"][n] for n in _BALANCES] == [None, None, None]  # USD and EUR
    assert Decimal(said["2026-01-15", "US"]["open_receivables"]) == 1080  # USD alone so far
    booked = {(r[_DAY], r["legal_entity"]): [_amount(r[f"{n}_base"]) for n in _BALANCES] for r in base}
    assert booked["2026-03-15", "US"] == [1740, -50, 1690]  # 400 + 500 x 1.1 + 700 + 10 + 80; -50
    assert booked["2026-03-31", "US"] == [None, -150, None]  # 300 GBP that no rate is known for
    assert booked["2026-03-31", "DE"] == [700, 0, 700]
    together = {r[_DAY]: [r[f"{n}_base"] for n in _BALANCES] for r in whole}
    assert together["2026-03-15"] == [None, None, None]  # USD and EUR are base currencies


def test_unapplied_of_receivables_is_that_of_the_measures(there: Company) -> None:
    [rows] = there.ask({"metrics": ["unapplied_of_receivables_pct"], "by": [_DAY, "legal_entity"]})
    compared = 0
    for row in rows:
        if row[_DAY] in ("2026-01-31", "2026-02-28", "2026-03-25", "2026-03-31"):
            question = MetricsQuestion(date.fromisoformat(row[_DAY]), 90)
            wanted = {r["legal_entity"]: r for r in metrics_report(there.instance, question).rows}
            said = wanted[row["legal_entity"]]["unapplied_of_ar_pct"]
            assert _same(row["unapplied_of_receivables_pct"], said), row
            compared += 1
    assert compared == 8


def test_what_is_overdue_today(there: Company) -> None:
    txn, base, customer = there.ask(
        {"metrics": ["overdue_today"], "by": ["legal_entity", "open_item__currency"]},
        {"metrics": ["overdue_today_base", "overdue_today"], "by": ["legal_entity"]},
        {"metrics": ["overdue_today"], "by": ["party__party_name", "open_item__currency"]},
    )
    assert {(r["legal_entity"], r["open_item__currency"]): _amount(r["overdue_today"]) for r in txn} == {
        ("US", "USD"): Decimal(460),  # I1 400, W1 50, F1 10
        ("US", "EUR"): Decimal(500),
        ("US", "GBP"): Decimal(300),
        ("DE", "EUR"): Decimal(700),
    }
    assert {r["legal_entity"]: (_amount(r["overdue_today_base"]), r["overdue_today"] is None) for r in base} == {
        "US": (None, True),
        "DE": (Decimal(700), False),
    }
    named = {(r["party__party_name"], r["open_item__currency"]): _amount(r["overdue_today"]) for r in customer}
    assert named["Alpha", "USD"] == 410
    assert named["Beta", "USD"] == 50


def test_changes_add_up_to_balances(there: Company) -> None:
    changes, balance = there.ask(
        {"metrics": ["receivables_change"], "by": [*_BY_CURRENCY, "movement__movement_type"], "end": "2026-03-31"},
        {"metrics": ["net_receivables"], "by": [_DAY, *_BY_CURRENCY], "start": "2026-03-31", "end": "2026-03-31"},
    )
    moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for r in changes:
        moved[r["legal_entity"], r["movement__currency"]] += Decimal(r["receivables_change"])
    assert moved == {(r["legal_entity"], r["movement__currency"]): Decimal(r["net_receivables"]) for r in balance}
    assert moved["US", "USD"] == 1010


# --- a definition that somebody altered


def _measures_of_companies(there: Company) -> None:
    test_measures_are_those_of_otc_metrics(there, "legal_entity")


def _amounts_of_customers(there: Company) -> None:
    test_amounts_are_those_of_the_mart_exactly(there, "party")


_ALTERED: dict[str, tuple[str, str, str, Callable[[Company], None]]] = {
    "unapplied is left out": (
        *("net_receivables", "coalesce(part_unapplied, 0)", "0"),
        test_balances_on_any_day_are_those_of_aging_and_of_a_hand,
    ),
    "the currencies are not looked at": (
        *("open_receivables", "part_currencies = 1", "part_currencies > 0"),
        test_money_is_never_summed_over_currencies,
    ),
    "an unknown rate is not looked at": (
        *("open_receivables_base", "and part_receivables_without_base = 0", ""),
        test_money_is_never_summed_over_currencies,
    ),
    "sales are divided by receivables": (
        *(
            "dso",
            "part_sales > 0 then part_ar * part_days / (part_sales)",
            "part_ar > 0 then part_sales * part_days / part_ar",
        ),
        _measures_of_companies,
    ),
    "the opening is left out": (
        *("collection_rate", "part_opening_ar + part_billed", "part_billed"),
        _measures_of_companies,
    ),
    "what is not due is not taken off": (
        *("party_overdue_ar", "part_ar - part_not_due_ar", "part_ar"),
        _amounts_of_customers,
    ),
    "base currencies are not looked at": (
        *("addable", "part_measured_currencies = 1 and", ""),
        test_what_may_not_be_summed_has_no_value,
    ),
}


@pytest.mark.parametrize("name", _ALTERED)
def test_an_altered_definition_turns_its_comparison_red(there: Company, name: str) -> None:
    metric, old, new, comparison = _ALTERED[name]
    written = json.loads((there.project / "target/semantic_manifest.json").read_text(encoding="utf-8"))
    [found] = [m for m in written["metrics"] if m["name"] == metric]
    formula = found["type_params"]["expr"]
    assert old in formula
    told = [json.dumps({"expr": f})[1:-1] for f in (formula, formula.replace(old, new))]
    with pytest.raises(AssertionError):
        comparison(replace(there, edits=((told[0], told[1]),)))


def test_the_days_of_balances_are_all_there(there: Company) -> None:
    [spine] = there.rows("select min(date_day) as a, max(date_day) as z, count(*) as n from marts.dim_day")
    assert (spine["a"], spine["z"], spine["n"]) == (date(2025, 11, 1), date(2026, 3, 31), 151)


def test_no_part_is_shown_as_if_it_were_a_metric(there: Company) -> None:
    """What sums whatever it is given is called a part, and every metric that people ask for looks at currencies."""
    written = json.loads(Path(there.project, "target/semantic_manifest.json").read_text(encoding="utf-8"))
    inputs = {m["name"]: {i["name"] for i in m["type_params"].get("metrics") or []} for m in written["metrics"]}
    guards = {"addable", "part_rows", "part_currencies", "part_base_currencies", "part_moved_currencies"}
    guards |= {"part_open_currencies", "part_open_base_currencies"}
    for metric in written["metrics"]:
        part = metric["label"].startswith("Part: ")
        assert part == (metric["name"].startswith("part_") or metric["name"] == "addable"), metric["name"]
        assert metric["description"] and (part or inputs[metric["name"]] & guards), metric["name"]
