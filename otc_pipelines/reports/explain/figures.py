"""What another way of asking shows for a figure: ``otc aging`` over the published marts, row by row.

Belongs here: asking it the same question, and holding the sums against each other. Not here: how aging sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.reports.explain.ledger import base_of
from otc_pipelines.reports.explain.model import Figure, Known, Moved, Question
from otc_pipelines.settings import Instance

Where = tuple[str | None, str]
"""Legal entity and currency: amounts of two of these are never summed."""


def aged_figures(
    instance: Instance,
    question: Question,
    as_of: date,
    group_by: str,
    mine: Callable[[Mapping[str, Any]], bool],
    moved: Iterable[Moved],
    column: str = "total",
    name: str = "open",
) -> list[Figure]:
    """Return a figure per legal entity and currency: the sum of what counts, beside a column of ``otc aging``.

    ``mine``: which rows of aging are meant. ``column`` is the column of aging. Of a change both are differences.
    """
    counted: dict[Where, list[Moved]] = defaultdict(list)
    bases: dict[Where, str | None] = {}
    for m in moved:
        bases[m.legal_entity, m.currency] = m.base_currency
        if question.counts(m.recorded_at, m.loaded_at):
            counted[m.legal_entity, m.currency].append(m)
    shown = _aged(instance, question, question.known, as_of, group_by, mine, column)
    before = question.before
    if before is not None:
        for where, (amount, _) in _aged(instance, question, before, as_of, group_by, mine, column).items():
            shown[where] = (shown.get(where, (Decimal(0), None))[0] - amount, None)
    asked = f"otc aging --as-of {as_of.isoformat()} --group-by {group_by}, column {column}"
    whole = column == "total" and before is None
    found = []
    for where in sorted({*counted, *shown, *bases}, key=str):
        of_it = counted.get(where, [])
        amount = sum((m.amount for m in of_it), Decimal(0))
        other, other_base = shown.get(where, (Decimal(0), Decimal(0)))
        base = base_of(of_it) if whole else None
        found.append(
            Figure(
                f"change of {name}" if before else name,
                asked,
                where[0],
                where[1],
                amount,
                other,
                bases.get(where),
                base,
                other_base if whole else None,
                whole,
            )
        )
    return found


def _aged(
    instance: Instance,
    question: Question,
    known: Known,
    as_of: date,
    group_by: str,
    mine: Callable[[Mapping[str, Any]], bool],
    column: str,
) -> dict[Where, tuple[Decimal, Decimal | None]]:
    asked = AgingQuestion(
        as_of, by=question.by, group_by=group_by, unapplied=question.unapplied, include_pending=question.include_pending
    )
    report = aging_report(instance, replace(asked, known_at=known.known_at, loaded_at=known.loaded_at))
    sums: dict[Where, tuple[Decimal, Decimal | None]] = {}
    for row in report.rows:
        if mine(row):
            amount, base = sums.get((row["legal_entity"], row["currency"]), (Decimal(0), Decimal(0)))
            own = row["base_total"]
            sums[row["legal_entity"], row["currency"]] = (
                amount + Decimal(row[column]),
                None if base is None or own is None else base + Decimal(own),
            )
    return sums
