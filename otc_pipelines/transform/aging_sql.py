"""Aging as SQL text, rendered from the macro that the mart is built with: one definition for both.

Belongs here: checking the parameters and rendering. Not here: the SQL (``macros/aging.sql``), running it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined

from otc_pipelines.transform.project import project_dir

BY = ("due_date", "document_date")
GROUP_BY = ("party", "parent", "document", "total")
UNAPPLIED = ("column", "own_date")
_RATE_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")
_FILES = ("money.sql", "closing_rates.sql", "aging.sql")
_RELATION = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){0,2}")


def aging_sql(
    *,
    ledger: str = "marts.fct_ar_ledger",
    parties: str = "marts.dim_party",
    as_of: date,
    known_at: datetime | None = None,
    loaded_at: datetime | None = None,
    edges: Sequence[int] = (30, 60, 90),
    by: str = "due_date",
    group_by: str = "party",
    unapplied: str = "column",
    include_pending: bool = False,
    rates: str | None = None,
    rate_type: str | None = None,
) -> str:
    """Return the SELECT that answers who owed what on ``as_of``, as known at ``known_at``, as loaded by ``loaded_at``.

    With ``rates`` (fct_fx_rates) also ``revaluation`` and ``revalued_total``, in base currency: each open item at the
    rate that its currency closes at, less what it is booked at; gain positive, null where a rate is missing.

    Every value is checked and written as a literal: nothing that a user types reaches the text. ValueError otherwise.
    """
    for relation in (ledger, parties, *([rates] if rates else [])):
        if not _RELATION.fullmatch(relation):
            raise ValueError(f"{relation!r} is not the name of a relation")
    for name, value, allowed in (("by", by, BY), ("group_by", group_by, GROUP_BY), ("unapplied", unapplied, UNAPPLIED)):
        if value not in allowed:
            raise ValueError(f"{name} {value!r} is not one of: {', '.join(allowed)}")
    if rate_type is not None and not _RATE_TYPE.fullmatch(rate_type):
        raise ValueError(f"rate_type {rate_type!r} is not a name of letters, digits, blanks, '-' and '_'")
    days = [int(e) for e in edges]
    if not days or days != sorted(set(days)) or days[0] < 1:
        raise ValueError(f"edges {list(edges)} must be whole days above 0, ascending")
    rendered = _macro().aging(
        ledger=ledger,
        parties=parties,
        as_of=_day(as_of),
        known_at=_moment("known_at", known_at),
        loaded_at=_moment("loaded_at", loaded_at),
        edges=days,
        by=by,
        group_by=group_by,
        unapplied=unapplied,
        include_pending=bool(include_pending),
        rates=rates,
        rate_type=rate_type,
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
    text = "".join((project_dir() / "macros" / name).read_text(encoding="utf-8") for name in _FILES)
    # SQL, not HTML: escaping would break it; every value is checked above.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text).module  # noqa: S701
