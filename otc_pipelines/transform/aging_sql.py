"""Aging as SQL text, rendered from the macro that the mart is built with: one definition for both.

Belongs here: checking the parameters and rendering. Not here: the SQL (``macros/aging.sql``), running it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from otc_pipelines.transform.rendering import day_text, macros, moment_text, must_be_one_of, must_name_relations

BY = ("due_date", "document_date")
GROUP_BY = ("party", "parent", "document", "total")
UNAPPLIED = ("column", "own_date")
_RATE_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")
_FILES = ("money.sql", "closing_rates.sql", "aging.sql")


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
    must_name_relations(ledger, parties, *([rates] if rates else []))
    for name, value, allowed in (("by", by, BY), ("group_by", group_by, GROUP_BY), ("unapplied", unapplied, UNAPPLIED)):
        must_be_one_of(name, value, allowed)
    if rate_type is not None and not _RATE_TYPE.fullmatch(rate_type):
        raise ValueError(f"rate_type {rate_type!r} is not a name of letters, digits, blanks, '-' and '_'")
    days = [int(e) for e in edges]
    if not days or days != sorted(set(days)) or days[0] < 1:
        raise ValueError(f"edges {list(edges)} must be whole days above 0, ascending")
    rendered = macros(*_FILES).aging(
        ledger=ledger,
        parties=parties,
        as_of=day_text(as_of),
        known_at=moment_text("known_at", known_at),
        loaded_at=moment_text("loaded_at", loaded_at),
        edges=days,
        by=by,
        group_by=group_by,
        unapplied=unapplied,
        include_pending=bool(include_pending),
        rates=rates,
        rate_type=rate_type,
    )
    return str(rendered).strip()
