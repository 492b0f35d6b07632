"""An explanation as it is handed over, and what every kind of thing needs to make one.

Belongs here: listing movements with running balances and their evidence. Not here: which movements a thing has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.kit.money import shown
from otc_pipelines.reports.explain.behind import Behind
from otc_pipelines.reports.explain.model import Figure, ItemKey, Key, Moved, Question
from otc_pipelines.reports.explain.source_rows import SourceRows
from otc_pipelines.reports.explain.things import Thing
from otc_pipelines.reports.explain.trail import Trail
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Tx, Warehouse


@dataclass(frozen=True)
class Asked:
    """A question about a thing that was found, and where the answer is read."""

    instance: Instance
    warehouse: Warehouse
    tx: Tx
    thing: Thing
    question: Question
    as_of: date


@dataclass(frozen=True)
class Told:
    """An explanation: its rows, the figures that its movements come to, and one line for each that does not agree.

    ``about``: what the thing is, for people. ``also``: rows that have no movement, of which quarantine may know.
    """

    thing: Thing
    as_of: date
    trail: Trail
    figures: tuple[Figure, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    also: tuple[tuple[str, Key], ...] = ()


def listed(asked: Asked, trail: Trail, moved: Sequence[Moved], evidence: bool = True) -> None:
    """Add movements with their evidence; with those that came later only where a time of knowledge is asked for."""
    question = asked.question
    behind = Behind(asked.tx, SourceRows(asked.tx), moved, question) if evidence else None
    total: defaultdict[tuple[str | None, str], Decimal] = defaultdict(Decimal)
    items: defaultdict[ItemKey, Decimal] = defaultdict(Decimal)
    for m in moved:
        if question.counts(m.recorded_at, m.loaded_at):
            total[m.legal_entity, m.currency] += m.amount
            items[m.item] += m.amount
            n = trail.movement(m, True, total[m.legal_entity, m.currency], items[m.item])
        elif not question.known.sees(m.recorded_at, m.loaded_at):
            n = trail.movement(m, False, None, None)
        else:
            continue
        if behind is not None:
            behind.tell(trail, m, n)


def disagreeing(figures: Iterable[Figure], moved: Sequence[Moved]) -> tuple[str, ...]:
    """Say in a line for each figure that does not agree what both ways come to, and what to do."""
    found = []
    for f in figures:
        if f.agrees:
            continue
        base = f.amount == f.shown
        mine, theirs, currency = (
            (f.base_amount, f.shown_base, f.base_currency) if base else (f.amount, f.shown, f.currency)
        )
        found.append(
            f"{f.name}{f' of {f.legal_entity}' if f.legal_entity else ''}: {_money(mine, currency)} by "
            f"{len(moved)} movements, but {_money(theirs, currency)} by {f.shown_by}; the published marts are not of "
            "this ledger: run `otc run`, and `otc audit verify` if it stays"
        )
    return tuple(found)


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "unknown" if amount is None else f"{shown(amount, currency)} {currency}"
