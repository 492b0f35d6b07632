"""Which rows of what landed count where a source is asked for its own count.

Belongs here: the rows of our side. Not here: adding them (``totals``), naming those that differ (``missing``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.kit.contract import Question
from connectors.kit.totals import stripped_key
from otc_pipelines.landing.tables import raw_table
from otc_pipelines.landing.versions import latest_versions


def counted_here(connector: str, source: str, question: Question, until: datetime | None) -> tuple[str, dict[str, Any]]:
    """Return the SELECT of the living versions up to a bound, but for those left out, and its parameters."""
    without = sorted({*question.without, *map(stripped_key, question.without)})
    left_out = {f"k{n}": key for n, key in enumerate(without)}
    conditions = ["not deleted"]
    if until is not None:
        conditions.append("(recorded_at <= :until or not recorded_by_source)")
    if left_out:
        conditions.append(f'"_key" not in ({", ".join(":" + k for k in left_out)})')
    sql = " and ".join([latest_versions(raw_table(connector, question.entity.name)), *conditions])
    return sql, {"source": source, **({"until": until} if until is not None else {}), **left_out}
