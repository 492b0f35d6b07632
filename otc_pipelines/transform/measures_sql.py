"""The measures as SQL text, rendered from the macros that the mart is built with: one definition for both.

Belongs here: checking the parameters and rendering. Not here: the SQL (``macros/measures.sql``), running it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otc_pipelines.transform.project import project_dir

GROUPED_BY = ("legal_entity", "segment", "party")
SEGMENTS = ("country", "payment_terms", "currency")
MOST_DAYS = 3660
_RELATION = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){0,2}")
_MACROS = ("quotient", "measures_of_parties", "measures_of_groups")


def measures_sql(
    *,
    as_of: date | Sequence[date],
    days: int,
    known_at: datetime | None = None,
    loaded_at: datetime | None = None,
    group_by: str = "legal_entity",
    segment: str = "country",
    ledger: str = "marts.fct_ar_ledger",
    inputs: str = "marts.fct_measure_inputs",
    parties: str = "marts.dim_party",
) -> str:
    """Return the SELECT of the measures for the ``days`` days to ``as_of`` (one day or several), as known, as loaded.

    Every value is checked and written as a literal: nothing that a user types reaches the text. ValueError otherwise.
    """
    for relation in (ledger, inputs, parties):
        if not _RELATION.fullmatch(relation):
            raise ValueError(f"{relation!r} is not the name of a relation")
    for name, value, allowed in (("group_by", group_by, GROUPED_BY), ("segment", segment, SEGMENTS)):
        if value not in allowed:
            raise ValueError(f"{name} {value!r} is not one of: {', '.join(allowed)}")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days {days!r} must be a whole number from 1 to {MOST_DAYS}")
    asked = [as_of] if isinstance(as_of, date) else sorted(set(as_of))
    if not asked:
        raise ValueError("as_of names no day; give at least one")
    rendered = _macro().measures(
        ledger=ledger,
        inputs=inputs,
        parties=parties,
        asked=[(group_by, _day(day)) for day in asked],
        days=days,
        known_at=_moment("known_at", known_at),
        loaded_at=_moment("loaded_at", loaded_at),
        segment=segment,
    )
    return str(rendered).strip()


def _day(value: date) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"as_of {value!r} is not a date")
    return value.isoformat()


def _moment(name: str, value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{name} {value.isoformat()} has no offset; give one, such as {value.isoformat()}+00:00")
    return value.astimezone(UTC).isoformat()


@cache
def _macro() -> Any:
    loader = FileSystemLoader(project_dir() / "macros")
    # SQL, not HTML: escaping would break it; every value is checked above.
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701
    for name in _MACROS:
        environment.globals[name] = getattr(environment.get_template(f"{name}.sql").module, name)
    return environment.get_template("measures.sql").module
