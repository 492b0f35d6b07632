"""The legacy system's own list of open items, as a file: read, checked, and summed by customer, currency and due date.

Belongs here: the file's headers, its dates and decimals, what is wrong with a line. Not here: comparing it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from connectors.kit.errors import ConfigError
from connectors.kit.money import amount, currencies

COLUMNS = ("party_id", "currency", "due_date", "amount", "document_id", "legal_entity")
NEEDED = ("party_id", "currency", "amount")


class Slot(NamedTuple):
    """What a legacy list is compared by. ``due_date`` None: credits and cash in hand, or no due date."""

    party_id: str
    currency: str
    due_date: date | None


@dataclass(frozen=True)
class ListFormat:
    """How the list is written: our column -> its header, dates, the decimal sign, what separates cells."""

    columns: Mapping[str, str] = field(default_factory=dict)
    date: str = "%Y-%m-%d"
    decimal: str = "."
    delimiter: str = ","
    encoding: str = "utf-8-sig"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown:
            raise ConfigError(f"--column {unknown[0]!r} is not a column of the list; there are: {', '.join(COLUMNS)}")
        if self.decimal not in (".", ","):
            raise ConfigError(f"--decimal {self.decimal!r} is not a decimal sign; use . or ,")
        if len(self.delimiter) != 1:
            raise ConfigError(f"--delimiter {self.delimiter!r} must be one character, such as ;")


@dataclass(frozen=True)
class LegacyItem:
    """One line of the list: debit-positive, credits negative."""

    line: int
    slot: Slot
    amount: Decimal
    document_id: str | None
    legal_entity: str | None


@dataclass(frozen=True)
class LegacyList:
    """All lines that could be read, what was wrong with the others, and the hash of the file's bytes."""

    items: tuple[LegacyItem, ...]
    problems: tuple[tuple[int, str], ...]
    sha256: str

    def by_slot(self) -> dict[Slot, list[LegacyItem]]:
        """The lines of each customer, currency and due date."""
        found: defaultdict[Slot, list[LegacyItem]] = defaultdict(list)
        for item in self.items:
            found[item.slot].append(item)
        return dict(found)


def read_list(path: Path, form: ListFormat) -> LegacyList:
    """Read a list; a bad line is a problem, not the end. ConfigError: it cannot be read, or lacks a column."""
    try:
        content = path.read_bytes()
        text = content.decode(form.encoding)
    except (OSError, UnicodeDecodeError, LookupError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}; give the list as CSV, and its --encoding") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=form.delimiter)
    header = reader.fieldnames or []
    for name in NEEDED:
        wanted = form.columns.get(name, name)
        if wanted not in header:
            has = ", ".join(header)[:200]
            raise ConfigError(f"{path} has no column {wanted!r}, its {name}; it has: {has}; name it with --column")
    items, problems = [], []
    for row in reader:
        try:
            items.append(_item(reader.line_num, row, form))
        except ValueError as problem:
            problems.append((reader.line_num, str(problem)))
    return LegacyList(tuple(items), tuple(problems), hashlib.sha256(content).hexdigest())


def _item(line: int, row: Mapping[str, str | None], form: ListFormat) -> LegacyItem:
    def cell(name: str) -> str:
        return (row.get(form.columns.get(name, name)) or "").strip()

    party, currency = cell("party_id"), cell("currency")
    if not party:
        raise ValueError("names no customer")
    if currency not in currencies():
        raise ValueError(f"{currency!r} is not an ISO 4217 currency")
    value = _amount(cell("amount"), form.decimal)
    due: date | None = None
    if value >= 0 and cell("due_date"):
        try:
            due = datetime.strptime(cell("due_date"), form.date).date()  # noqa: DTZ007
        except ValueError:
            raise ValueError(f"{cell('due_date')!r} is not a date as {form.date}") from None
    return LegacyItem(
        line, Slot(party, currency, due), value, cell("document_id") or None, cell("legal_entity") or None
    )


def _amount(said: str, decimal: str) -> Decimal:
    text = said.replace(" ", "").replace("\u00a0", "")
    if decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    elif "," in text:
        raise ValueError(f"{said!r} is not an amount with a decimal point and no thousands; see --decimal")
    if text.endswith("-"):
        text = "-" + text[:-1]
    return amount(text)
