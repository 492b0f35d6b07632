"""Macros of the dbt project as SQL text outside dbt: parameters are checked and written as literals, then rendered.

Belongs here: what every such question shares. Not here: which parameters a question has (``aging_sql``,
``measures_sql``), the SQL (``macros/``), running it. Each raises ValueError for a value that may not reach the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined

from otc_pipelines.settings import MOST_DAYS
from otc_pipelines.transform.project import project_dir

_RELATION = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){0,2}")


def must_name_relations(*relations: str) -> None:
    """Refuse what is not the plain name of a table or view, with its schema or without."""
    for relation in relations:
        if not _RELATION.fullmatch(relation):
            raise ValueError(f"{relation!r} is not the name of a relation")


def must_be_one_of(name: str, value: str, allowed: Collection[str]) -> None:
    """Refuse a value that is not among those allowed."""
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not one of: {', '.join(allowed)}")


def must_be_a_window(days: int) -> None:
    """Refuse what is no number of days that a window can have."""
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days {days!r} must be a whole number from 1 to {MOST_DAYS}")


def day_text(value: date) -> str:
    """Return a day as ISO text."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"as_of {value!r} is not a date")
    return value.isoformat()


def day_texts(asked: date | Sequence[date]) -> list[str]:
    """Return one day, or several, each once and in order, as ISO text."""
    days = [asked] if isinstance(asked, date) else sorted(set(asked))
    if not days:
        raise ValueError("as_of names no day; give at least one")
    return [day_text(day) for day in days]


def moment_text(name: str, value: datetime | None) -> str | None:
    """Return a moment as ISO text in UTC, None for none."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{name} {value.isoformat()} has no offset; give one, such as {value.isoformat()}+00:00")
    return value.astimezone(UTC).isoformat()


@cache
def macros(*files: str) -> Any:
    """Return the macros of these files of the project, which may call one another, by their names."""
    text = "".join((project_dir() / "macros" / name).read_text(encoding="utf-8") for name in files)
    # SQL, not HTML: escaping would break it; every value is checked before.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text).module  # noqa: S701
