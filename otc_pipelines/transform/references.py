"""Industry reference values: the file that an instance names, else the one that is shipped, checked line by line.

Belongs here: what a line must be. Not here: comparing (``macros/reference_comparison.sql``). The file is configuration:
a line that is wrong is one error that names file, line and value, and nothing is run.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from connectors.kit.errors import ConfigError
from otc_pipelines.settings import INDUSTRY
from otc_pipelines.transform.project import project_dir

COLUMNS = ("measure", "industry", "region", "year", "value", "unit", "source", "note")
MEASURES = {
    **dict.fromkeys(("dso", "dso_countback", "best_possible_dso", "add", "weighted_days_to_pay", "days_late"), "days"),
    **dict.fromkeys(("cei", "collection_rate", "bad_debt_ratio", "unapplied_pct", "unapplied_of_ar_pct"), "percent"),
    **dict.fromkeys(("promise_kept_rate", "promise_kept_count_rate", "overdue_pct", "late_pct"), "percent"),
    "ar_turnover": "times",
}
"""The measures that can be compared, with their units."""
_KEY = ("measure", "industry", "region", "year", "source")
_MAY_BE_EMPTY = ("region", "note")
_LONGEST = 400
_MOST = Decimal("1e12")


def shipped() -> Path:
    """Return the file of reference values that comes with the project."""
    return project_dir() / "seeds" / "reference_values.csv"


def reference_values(path: Path | None = None) -> list[dict[str, str]]:
    """Return the reference values of a file (None: those shipped) as text. ConfigError names file and line."""
    file = path or shipped()
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return list(_checked(csv.reader(opened, strict=True), file.name))
    except FileNotFoundError:
        raise ConfigError(
            f"measures.reference_values: {file} is not there; correct the path, or leave it out"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError(f"measures.reference_values: {file.name} cannot be read: {problem}") from None


def _checked(lines: Iterator[list[str]], name: str) -> Iterator[dict[str, str]]:
    header = [cell.strip() for cell in next(lines, [])]
    if header != list(COLUMNS):
        raise ConfigError(f"{name}:1: the columns are {', '.join(header) or 'none'}; they must be {', '.join(COLUMNS)}")
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=False))
        wrong = f"{len(cells)} cells instead of {len(COLUMNS)}" if len(cells) != len(COLUMNS) else _wrong(row)
        if wrong:
            raise ConfigError(f"{name}:{number}: {wrong}")
        key = tuple(row[column] for column in _KEY)
        if key in seen:
            raise ConfigError(f"{name}:{number}: says again what line {seen[key]} says: {', '.join(key)}; keep one")
        seen[key] = number
        yield row


def _wrong(row: dict[str, str]) -> str | None:
    """What is wrong with a row, with the value and what is allowed."""
    for column, cell in row.items():
        if not cell and column not in _MAY_BE_EMPTY:
            return f"{column} is empty; fill it in"
        if len(cell) > _LONGEST or not cell.isprintable():
            return f"{column} must be one line of printable text, at most {_LONGEST} characters"
    if row["measure"] not in MEASURES:
        return f"measure {row['measure']!r} cannot be compared; use one of: {', '.join(MEASURES)}"
    if not re.fullmatch(INDUSTRY, row["industry"]):
        return f"industry {row['industry']!r} must be lower case letters, digits, blanks and & / , . -"
    if not re.fullmatch(r"[12][0-9]{3}", row["year"]):
        return f"year {row['year']!r} must be a year of four digits"
    if row["unit"] != MEASURES[row["measure"]]:
        return f"unit {row['unit']!r} of {row['measure']} must be {MEASURES[row['measure']]}"
    try:
        value = Decimal(row["value"])
    except InvalidOperation:
        return f"value {row['value']!r} is not a decimal"
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]{1,4})?", row["value"]) or abs(value) >= _MOST:
        return f"value {row['value']!r} must be a decimal with a point and at most four decimals"
    return None
