"""The measures as SQL text, rendered from the macros that the mart is built with: one definition for both.

Belongs here: checking the parameters and rendering. Not here: the SQL (``macros/measures.sql``), running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from otc_pipelines.transform.rendering import (
    day_texts,
    macros,
    moment_text,
    must_be_a_window,
    must_be_one_of,
    must_name_relations,
)

GROUPED_BY = ("legal_entity", "segment", "party")
SEGMENTS = ("country", "payment_terms", "currency")
_FILES = (
    "quotient.sql",
    "measures_of_parties.sql",
    "balances.sql",
    "amounts_of_parties.sql",
    "measures_of_groups.sql",
    "measures.sql",
)


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
    must_name_relations(ledger, inputs, parties)
    for name, value, allowed in (("group_by", group_by, GROUPED_BY), ("segment", segment, SEGMENTS)):
        must_be_one_of(name, value, allowed)
    must_be_a_window(days)
    rendered = macros(*_FILES).measures(
        ledger=ledger,
        inputs=inputs,
        parties=parties,
        asked=[(group_by, day) for day in day_texts(as_of)],
        days=days,
        known_at=moment_text("known_at", known_at),
        loaded_at=moment_text("loaded_at", loaded_at),
        segment=segment,
    )
    return str(rendered).strip()
