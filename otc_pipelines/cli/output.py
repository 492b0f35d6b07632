"""How rows are printed: a table for people, JSON or CSV for programs. Amounts are text with the currency's decimals."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """What ``--format`` takes."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


console = Console(width=None if sys.stdout.isatty() else 140)

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def emit(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    form: Format,
    *,
    title: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Print rows. ``facts`` stand beside them in JSON, and under the table as one line each."""
    if form is Format.JSON:
        document = {**(facts or {}), "rows": [{c: r.get(c) for c in columns} for r in rows]}
        sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False, indent=2) + "\n")
    elif form is Format.CSV:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(r.get(c)) for c in columns] for r in rows)
        sys.stdout.write(text.getvalue())
    else:
        _table(rows, columns, title, facts or {})


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, facts: Mapping[str, Any]) -> None:
    shown = [c for c in columns if not rows or any(r.get(c) is not None for r in rows)]
    table = Table(title=title or None, title_justify="left", header_style="bold", row_styles=("", "dim"))
    for c in shown:
        numeric = any(_is_number(r.get(c)) for r in rows)
        table.add_column(c, justify="right" if numeric else "left", overflow="fold")
    for r in rows:
        table.add_row(*(Text("" if r.get(c) is None else str(_plain(r.get(c)))) for c in shown))
    if rows:
        console.print(table)
    else:
        console.print(Text(f"{title + ': ' if title else ''}no rows"))
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            console.print(
                Text(f"{name}: {value if isinstance(value, str) else json.dumps(value, default=_plain)}", style="dim")
            )


def _is_number(value: Any) -> bool:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return True
    return isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit()


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet would take for a formula is escaped; a number stays a number."""
    if isinstance(value, str) and value.startswith(_RISKY) and not _is_number(value):
        return "'" + value
    return "" if value is None else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict | list | str | int | float | bool) or value is None:
        return value
    return str(value)
