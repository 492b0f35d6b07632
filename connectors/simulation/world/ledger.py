"""Sums over the company's own ledger: items, unapplied money, control accounts, on any day, as known at any time.

Belongs here: adding entries up. Not here: making them (``books``).
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from connectors.simulation.world.days import closing
from connectors.simulation.world.model import Entry, GlBalance

ZERO = Decimal(0)


class Item(NamedTuple):
    """An instalment of a debit document, or the unapplied balance (number 0) of a receipt or credit memo."""

    item_type: str
    item_id: str
    installment_no: int


@dataclass(slots=True)
class Balance:
    """Whose it is and how much: in its currency and in its legal entity's."""

    party_id: str
    legal_entity: str
    currency: str
    amount: Decimal
    base_amount: Decimal


def balances(entries: Iterable[Entry], as_of: date, known_at: datetime | None = None) -> dict[Item, Balance]:
    """Return every item that ever moved by then, also those that stand at zero."""
    found: dict[Item, Balance] = {}
    for e in entries:
        if e.effective_date > as_of or (known_at is not None and e.recorded_at > known_at):
            continue
        item = Item(e.item_type, e.item_id, e.installment_no)
        balance = found.get(item)
        if balance is None:
            found[item] = Balance(e.party_id, e.legal_entity, e.currency, e.amount, e.base_amount)
        else:
            balance.amount += e.amount
            balance.base_amount += e.base_amount
    return found


def control_balances(entries: Iterable[Entry], days: list[date]) -> list[GlBalance]:
    """Return the control accounts at the end of each day, as known then, and again when a later day restates one."""
    moments = [closing(d) for d in days]
    changes: defaultdict[tuple[str, str, str], dict[tuple[int, int], list[Decimal]]] = defaultdict(dict)
    for e in entries:
        effective = _first_at_or_after(days, e.effective_date)
        recorded = _first_at_or_after(moments, e.recorded_at)
        if effective is None or recorded is None:
            continue
        cell = changes[e.legal_entity, e.gl_account, e.currency].setdefault((effective, recorded), [ZERO, ZERO])
        cell[0] += e.amount
        cell[1] += e.base_amount
    rows = []
    for (entity, account, currency), cells in sorted(changes.items()):
        shown: dict[int, tuple[Decimal, Decimal]] = {}
        for known in range(len(days)):
            for day in range(known + 1):
                inside = [c for (eff, rec), c in cells.items() if eff <= day and rec <= known]
                total = (sum((c[0] for c in inside), ZERO), sum((c[1] for c in inside), ZERO))
                if shown.get(day) != total:
                    shown[day] = total
                    rows.append(GlBalance(entity, account, currency, days[day], *total, moments[known]))
    return sorted(rows, key=lambda r: (r.recorded_at, r.legal_entity, r.gl_account, r.currency, r.date))


def _first_at_or_after(marks: list[date] | list[datetime], value: date | datetime) -> int | None:
    at = bisect.bisect_left(marks, value)
    return at if at < len(marks) else None
