"""What people look at in the UI: small tables and pictures, as Markdown.

Belongs here: turning values into metadata. Not here: which values.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg


def table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None) -> dg.MarkdownMetadataValue:
    """Return rows as a Markdown table; without rows, the words for it."""
    if not rows:
        return dg.MetadataValue.md("*no rows*")
    names = list(columns or rows[0])
    lines = [_line(names), _line(["---:" if _is_number(rows[0].get(n)) else "---" for n in names])]
    lines += [_line([_cell(r.get(n)) for n in names]) for r in rows]
    return dg.MetadataValue.md("\n".join(lines))


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a PNG as Markdown that carries the picture in itself."""
    if not png:
        return dg.MetadataValue.md("*nothing to draw*")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value)
    if isinstance(value, Decimal) and not isinstance(value, date):
        text = f"{value.normalize():,f}"
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
