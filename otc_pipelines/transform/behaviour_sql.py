"""Payment behaviour as SQL text, rendered from the macros that the mart is built with: one definition for both.

Belongs here: checking the parameters and rendering. Not here: the SQL (``macros/payment_behaviour.sql``), running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from otc_pipelines.settings import ALARM_RATES
from otc_pipelines.transform.rendering import (
    day_texts,
    macros,
    moment_text,
    must_be_a_window,
    must_be_one_of,
    must_name_relations,
)

_FILES = (
    "quotient.sql",
    "deviation.sql",
    "measures_of_parties.sql",
    "balances.sql",
    "payment_change.sql",
    "payment_behaviour.sql",
)


def behaviour_sql(
    *,
    as_of: date | Sequence[date],
    days: int,
    alarm_rate: str = "0.01",
    known_at: datetime | None = None,
    loaded_at: datetime | None = None,
    ledger: str = "marts.fct_ar_ledger",
    inputs: str = "marts.fct_measure_inputs",
    parties: str = "marts.dim_party",
) -> str:
    """Return the SELECT of how customers paid in the ``days`` days to ``as_of`` (one or several), as known and loaded.

    ``alarm_rate``: of customers who pay as ever, the share that the change flag is raised for all the same, at most.
    Every value is checked and written as a literal: nothing that a user types reaches the text. ValueError otherwise.
    """
    must_name_relations(ledger, inputs, parties)
    must_be_one_of("alarm_rate", alarm_rate, ALARM_RATES)
    must_be_a_window(days)
    rendered = macros(*_FILES).payment_behaviour(
        ledger=ledger,
        inputs=inputs,
        parties=parties,
        as_of=day_texts(as_of),
        days=days,
        alarm_rate=alarm_rate,
        known_at=moment_text("known_at", known_at),
        loaded_at=moment_text("loaded_at", loaded_at),
    )
    return str(rendered).strip()
