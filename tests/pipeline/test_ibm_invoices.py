"""2,466 real invoices through the file drop by the documented mapping alone, aged as pandas ages the same file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import median, stdev

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import mannwhitneyu

from otc_pipelines.flow.run import RunReport
from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.reports.behaviour import behaviour_report
from otc_pipelines.reports.windows import Window
from otc_pipelines.settings import load
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import ROOT, SHARED, configure, counts, grown, passed, rows, step

FOLDER = SHARED / "data" / "ibm_late_payment"
CLEAN, DIRTY = FOLDER / "WA_Fn-UseC_-Accounts-Receivable.csv", FOLDER / "variant_with_missing.csv"
DATES = [pd.Timestamp(d) for d in ("2012-12-31", "2013-06-30", "2013-10-15")]
BUCKETS = ["not_due", "d1_30", "d31_60", "d61_90", "d91_plus"]
COLUMNS = [*BUCKETS, "unapplied", "total"]
Drop = tuple[Path, RunReport]
pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the third-party invoices are not beside the project"),
    pytest.mark.xdist_group("files"),
]


def instance(folder: Path) -> Path:
    """An instance whose only ERP is the documented example; the bank's inbox stays empty."""
    example = yaml.safe_load((ROOT / "docs" / "examples" / "single_table_export.yaml").read_text(encoding="utf-8"))
    return configure(folder, [example, {"name": "bank", "connector": "bank_files", "path": "./bank"}])


def cents_aged(file: Path, day: pd.Timestamp) -> pd.DataFrame:
    """What each customer owes, by days late, from nothing but the file: in cents, so that sums are whole numbers.

    A payment whose invoice cannot be read stands as unapplied money.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    for column in ("InvoiceDate", "DueDate", "SettledDate"):
        table[column] = pd.to_datetime(table[column], format="%m/%d/%Y", errors="coerce")
    amount = pd.to_numeric(table["InvoiceAmount"], errors="coerce")
    table["customerID"] = table["customerID"].str.strip()
    table = table[(table["invoiceNumber"] != "") & amount.notna()].copy()
    table["cents"] = (pd.to_numeric(table["InvoiceAmount"]) * 100).round().astype("int64")
    readable = (table["customerID"] != "") & table["InvoiceDate"].notna() & table["DueDate"].notna()
    paid = table["SettledDate"] <= day
    table["bucket"] = pd.cut((day - table["DueDate"]).dt.days, [-100_000, 0, 30, 60, 90, 100_000], labels=BUCKETS)
    table["bucket"] = table["bucket"].astype(str).where(readable, "unapplied")
    table["cents"] = table["cents"].where(readable, -table["cents"])
    shown = table[(readable & ~paid & (table["InvoiceDate"] <= day)) | (~readable & paid)]
    wide = shown.pivot_table(index="customerID", columns="bucket", values="cents", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=COLUMNS[:-1], fill_value=0).astype("int64")
    return wide.assign(total=wide.sum(axis=1))


def aged(config: Path, day: pd.Timestamp) -> dict[str, dict[str, Decimal]]:
    report = aging_report(load(config), AgingQuestion(day.date()))
    assert {(r["legal_entity"], r["currency"]) for r in report.rows} <= {("US", "USD")}
    return {r["party_id"] or "": {c: Decimal(r[c]) for c in COLUMNS} for r in report.rows}


def wanted(file: Path, day: pd.Timestamp) -> dict[str, dict[str, Decimal]]:
    table = cents_aged(file, day)
    return {str(party): {c: Decimal(int(row[c])) / 100 for c in COLUMNS} for party, row in table.iterrows()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Drop:
    config = prepared(instance(tmp_path_factory.mktemp("ibm")))
    (config.parent / "drop" / CLEAN.name).write_bytes(CLEAN.read_bytes())
    return config, passed(config)


def test_all_of_it_came_and_nothing_was_set_aside(clean: Drop) -> None:
    config, report = clean
    assert report.code == 0, report.error
    assert rows(config, "select * from ops.quarantine") == []
    found = {
        name: rows(config, f"select count(*) as n from raw_files.{name}")[0]["n"]
        for name in ("documents", "parties", "receipts", "allocations")
    }
    assert found == {"documents": 2466, "parties": 100, "receipts": 2466, "allocations": 2466}
    assert report.facts["tie_out"]["status"] == "not checked, no control balances"


@pytest.mark.parametrize("day", DATES, ids=lambda d: str(d.date()))
def test_the_clean_file_is_aged_as_pandas_does(clean: Drop, day: pd.Timestamp) -> None:
    expected = wanted(CLEAN, day)
    assert len(expected) > 40
    assert aged(clean[0], day) == expected


def test_at_the_end_everything_is_settled(clean: Drop) -> None:
    assert aged(clean[0], pd.Timestamp("2014-01-19")) == wanted(CLEAN, pd.Timestamp("2014-01-19")) == {}


def test_the_same_file_under_another_name_changes_nothing(clean: Drop) -> None:
    config, _ = clean
    before = counts(config)
    (config.parent / "drop" / "again.csv").write_bytes(CLEAN.read_bytes())
    report = passed(config)
    assert step(report, "extract", "export").rows_new == 0
    assert grown(before, counts(config)) == {'ops."cursor"': 1}  # the name under which it lies, too
    assert any("has the content of" in s.message for s in report.steps)


def read_payments(day: date, days: int) -> dict[str, list[tuple[date, Decimal, int, int]]]:
    """Of each customer the invoices settled in the window: day, amount, days late, days to settle, from the file."""
    found: dict[str, list[tuple[date, Decimal, int, int]]] = {}
    with CLEAN.open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            settled, due = (pd.to_datetime(row[c], format="%m/%d/%Y").date() for c in ("SettledDate", "DueDate"))
            late = (settled - due).days
            assert int(row["DaysLate"]) == max(0, late), "the file's own days late are those of its dates"
            if day - timedelta(days=days) < settled <= day:
                said = (settled, Decimal(row["InvoiceAmount"]), late, int(row["DaysToSettle"]))
                found.setdefault(row["customerID"], []).append(said)
    return found


def cut(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("day", "days"), [(date(2012, 12, 31), 90), (date(2013, 6, 30), 180), (date(2013, 10, 15), 30)]
)
def test_customers_pay_as_the_file_says(clean: Drop, day: date, days: int) -> None:
    """Days late and days to settle of each invoice stand in the file: averages, spread and shares in plain decimals."""
    report = behaviour_report(load(clean[0]), Window(day, days))
    rows = {r["party_id"]: r for r in report.rows if r["payments"]}
    wanted = read_payments(day, days)
    assert rows.keys() == wanted.keys()
    assert len(wanted) > 60
    before = read_payments(day - timedelta(days=days), 3 * days)
    for party, paid in wanted.items():
        row, total, late = rows[party], sum(a for _, a, _, _ in paid), sorted(d for _, _, d, _ in paid)
        assert row["payments"] == len({on for on, _, _, _ in paid})
        assert row["instalments"] == len(paid)
        assert Decimal(row["paid"]) == total
        assert Decimal(row["days_late"]) == cut(sum(a * d for _, a, d, _ in paid) / total)
        assert Decimal(row["days_late_plain"]) == cut(Decimal(sum(late)) / len(late))
        assert Decimal(row["days_to_pay"]) == cut(sum(a * d for _, a, _, d in paid) / total)
        assert Decimal(row["days_late_median"]) == Decimal(str(median(late)))
        assert row["days_late_p90"] == np.percentile(late, 90, method="inverted_cdf")
        if len(late) > 1:
            assert Decimal(row["days_late_deviation"]) == stdev(map(Decimal, late)).quantize(
                Decimal("0.01"), ROUND_HALF_UP
            )
        overdue = sum(a for _, a, d, _ in paid if d > 0)
        assert Decimal(row["late_pct"]) == cut(overdue * 100 / total)
        if overdue:
            assert Decimal(row["days_late_of_late"]) == cut(sum(a * d for _, a, d, _ in paid if d > 0) / overdue)
        assert Decimal(row["early_pct"]) == cut(sum(a for _, a, d, _ in paid if d < 0) * 100 / total)
        assert row["last_paid_on"] == max(on for on, _, _, _ in paid).isoformat()
        earlier = before.get(party, [])
        assert row["change_earlier"] == len({on for on, _, _, _ in earlier})
        if row["change_earlier"]:
            values = [[float(v) for v in by_day(of)] for of in (paid, earlier)]
            p = mannwhitneyu(*values, use_continuity=False, method="asymptotic")
            assert Decimal(row["change_later_pct"]) == cut(
                Decimal(p.statistic) * 100 / (len(values[0]) * len(values[1]))
            )


def by_day(paid: list[tuple[date, Decimal, int, int]]) -> list[Decimal]:
    """Days late of each day of payment, weighted by amount."""
    days = {on for on, _, _, _ in paid}
    return [
        cut(sum(a * d for on, a, d, _ in paid if on == day) / sum(a for on, a, _, _ in paid if on == day))
        for day in days
    ]


SPOILT: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], str]] = {
    "no number": (lambda r: {**r, "invoiceNumber": ""}, "document_id"),
    "no customer": (lambda r: {**r, "customerID": " "}, "party_id"),
    "no amount": (lambda r: {**r, "InvoiceAmount": ""}, "amount"),
    "an amount in words": (lambda r: {**r, "InvoiceAmount": "twelve"}, "amount"),
    "no such month": (lambda r: {**r, "InvoiceDate": "13/45/2013"}, "document_date"),
    "an ISO date": (lambda r: {**r, "DueDate": "2013-02-01"}, "due_date"),
}


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> tuple[Path, Path, dict[str, str]]:
    """The dirty variant, with every hundredth row spoilt further in one of several ways: line → which way."""
    config = prepared(instance(tmp_path_factory.mktemp("ibm_dirty")))
    file = config.parent / "drop" / DIRTY.name
    with DIRTY.open(encoding="utf-8", newline="") as source:
        table = list(csv.DictReader(source))
    spoilt: dict[str, str] = {}
    ways = list(SPOILT)
    for n in range(50, len(table), 100):
        way = ways[len(spoilt) % len(ways)]
        table[n] = SPOILT[way][0](table[n])
        spoilt[str(n + 2)] = way
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    report = passed(config)
    assert report.code == 0, report.error
    return config, file, spoilt


def test_the_dirty_variant_loads_what_is_good(dirty: tuple[Path, Path, dict[str, str]]) -> None:
    config, file, spoilt = dirty
    kept = rows(config, "select count(*) as n from raw_files.documents")[0]["n"]
    assert kept == 2586 - len(spoilt)
    for day in DATES:
        expected = wanted(file, day)
        assert aged(config, day) == expected
    assert any(row["unapplied"] for row in expected.values()), "payments of invoices that could not be read"


def test_the_rest_is_set_aside_with_its_line_and_reason(dirty: tuple[Path, Path, dict[str, str]]) -> None:
    config, file, spoilt = dirty
    found = rows(config, "select * from ops.quarantine where entity = 'documents'")
    assert {str(r["line"]): True for r in found} == dict.fromkeys(spoilt, True)
    assert len(found) == len(spoilt)
    for row in found:
        assert row["file"] == file.name
        assert SPOILT[spoilt[str(row["line"])]][1] in row["reason"]
