"""Reference values: a file of one's own is checked line by line, and what is compared is told from what is measured."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.kit.errors import ConfigError
from otc_pipelines.transform import dbt_vars, project_dir, reference_values
from otc_pipelines.transform.reference_sql import reference_sql
from otc_pipelines.transform.references import COLUMNS, MEASURES

HEADER = ",".join(COLUMNS)
GOOD = "dso,retail,US,2025,31.5,days,our bank's study,"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def told(values: list[dict[str, str]] | None) -> Any:
    """What the models are told."""
    return dbt_vars(project_dir(), ["files"], today=date(2026, 1, 31), reference_values=values)["reference_values"]


def test_those_shipped_are_right_and_name_their_source() -> None:
    rows = reference_values()
    assert len(rows) > 20
    assert all(len(row["source"]) > 10 and any(c.isdigit() for c in row["source"]) for row in rows)
    assert {row["measure"] for row in rows} <= MEASURES.keys()


def test_a_file_of_ones_own_stands_in_place_of_those_shipped(tmp_path: Path) -> None:
    own = reference_values(written(tmp_path, GOOD, "", "cei,all,,2025,80,percent,ours,whole year"))
    assert [(row["measure"], row["value"]) for row in own] == [("dso", "31.5"), ("cei", "80")]
    assert told(own) == own
    assert len(told(None)) > 20


def test_an_empty_file_is_none_and_not_those_shipped(tmp_path: Path) -> None:
    assert told(reference_values(written(tmp_path))) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dso,retail,US,2025,31.5,days", "6 cells instead of 8"),
        ("dsos,retail,US,2025,31.5,days,s,", "measure 'dsos' cannot be compared; use one of: dso,"),
        ("dso,Retail,US,2025,31.5,days,s,", "industry 'Retail' must be lower case"),
        ("dso,retail,US,25,31.5,days,s,", "year '25' must be a year of four digits"),
        ('dso,retail,US,2025,"31,5",days,s,', "value '31,5' is not a decimal"),
        ("dso,retail,US,2025,1e3,days,s,", "value '1e3' must be a decimal with a point"),
        ("dso,retail,US,2025,NaN,days,s,", "value 'NaN' must be a decimal with a point"),
        ("dso,retail,US,2025,1.23456,days,s,", "at most four decimals"),
        ("dso,retail,US,2025,31.5,percent,s,", "unit 'percent' of dso must be days"),
        ("dso,retail,US,2025,31.5,days,,", "source is empty; fill it in"),
        ("dso,retail,US,2025,,days,s,", "value is empty; fill it in"),
        (GOOD, "says again what line 2 says"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_its_value(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        reference_values(written(tmp_path, GOOD, line))
    assert str(raised.value).startswith("own.csv:3: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the columns are none"),
        (b"measure,value\n", "the columns are measure, value; they must be measure, industry,"),
        (b"\xff\xfe", "cannot be read"),
        (HEADER.encode() + b'\n"dso,retail', "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=r"own\.csv") as raised:
        reference_values(tmp_path / "own.csv")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="is not there; correct the path, or leave it out"):
        reference_values(Path("nowhere.csv"))


_MEASURED = """select cast('legal_entity' as text) as grouped_by, date '2026-01-31' as as_of, 'US' as legal_entity,
    'USD' as base_currency, 90 as days, cast(200 as decimal(38, 4)) as ar, cast(150 as decimal(38, 4)) as not_due_ar,
    cast(70 as decimal(38, 4)) as dso"""
_NONE = "dso_countback best_possible_dso add cei collection_rate bad_debt_ratio unapplied_pct unapplied_of_ar_pct"
_REST = "promise_kept_rate promise_kept_count_rate ar_turnover weighted_days_to_pay"
_PAID = """select date '2026-01-31' as as_of, 'US' as legal_entity, 'USD' as base_currency,
    cast(paid as decimal(38, 4)) as paid, cast(25 as decimal(38, 4)) as paid_late,
    cast(600 as decimal(38, 4)) as late_days
    from (values (100), (null)) as payers (paid)"""


def compared(*values: tuple[str, str, str | None, str], region: str | None) -> list[tuple[str, str | None, Decimal]]:
    """What is shown beside which reference value; one customer's payments have an unknown base amount."""
    measured = _MEASURED + "".join(f", cast(null as decimal(38, 4)) as {n}" for n in (_NONE + " " + _REST).split())
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            """create table marts.dim_reference_values (measure text, industry text, region text, year bigint,
            value decimal(18, 4), unit text, source text, note text)"""
        )
        connection.executemany(
            "insert into marts.dim_reference_values values (?, ?, ?, 2025, ?, 'days', 's', null)", values
        )
        sql = reference_sql(measured, _PAID, [{"legal_entity": "US", "industry": "o'neill", "region": region}])
        found = connection.execute(f"select measure, region, difference from ({sql}) as x").fetchall()
    return [(str(m), r, d) for m, r, d in found]


def test_what_has_no_value_of_its_own_is_compared_with_nothing() -> None:
    assert compared(("late_pct", "all", "US", "30"), ("cei", "all", "US", "30"), region=None) == []


def test_a_value_without_a_region_is_of_every_one() -> None:
    values = [("dso", "o'neill", r, "65") for r in (None, "US", "world", "CN")]
    values += [("dso", "other", None, "65")]
    found = compared(*values, region="US")
    assert sorted(r or "" for _, r, _ in found) == ["", "US", "world"]
    assert {d for _, _, d in found} == {Decimal(5)}
    assert len(compared(*values, region=None)) == 4
