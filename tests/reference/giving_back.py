"""What gives back what an allocation or adjustment took: undos, events, voids; and what they leave of it.

Belongs here: arithmetic over the parts of one taker. Not here: who gets what, and when.
"""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.booked import rounded

ALL = Decimal("Infinity")


def take(day, came, amount, in_source_currency, rule, cause) -> dict[str, Any]:
    return {
        "day": day,
        "came": came,
        "amount": amount,
        "source": in_source_currency,
        "rule": rule,
        "cause": cause,
        "counted": False,
    }


def undo_day(row: Any) -> date:
    return row.effective_date or getattr(row, "allocation_date", None) or row.recorded_at.astimezone(UTC).date()


def proportion(whole, part, of, currency) -> Decimal:
    return whole if part == of else rounded(Fraction(whole) * Fraction(part) / Fraction(of), currency)


def alike(taker) -> bool:
    return not taker["document"] or not taker["source"] or taker["want"] == taker["want_source"]


def in_source_of(taker, amount) -> Decimal:
    if not taker["source"]:
        return Decimal(0)
    return (
        amount if alike(taker) else proportion(taker["want_source"], amount, taker["want"], taker["source"]["currency"])
    )


def in_document(taker, amount) -> Decimal:
    return (
        amount
        if alike(taker)
        else proportion(taker["want"], amount, taker["want_source"], taker["document"]["currency"])
    )


def in_source(taker, x) -> Decimal:
    if x["source"] is not None:
        return x["source"]
    return taker["want_source"] if x["amount"] == ALL else in_source_of(taker, x["amount"])


def left_nominal(taker, by: date) -> Decimal:
    takes = [x for x in taker["takes"] if x["day"] <= by]
    if any(x["amount"] == ALL for x in takes):
        return Decimal(0)
    return max(Decimal(0), taker["want_source"] - sum(in_source(taker, x) for x in takes))


def in_time(taker) -> list[dict[str, Any]]:
    return sorted(taker["takes"], key=lambda x: (max(x["day"], taker["day"]), bool(x["rule"]), x["rule"], x["cause"]))


def without(taker, parts, x):
    """Parts without what a take takes of them, the last filled first; and what that is."""
    sign = 1 if taker["want"] > 0 else -1
    amount, source = abs(sum(p[1] for p in parts)), abs(sum((p[2] for p in parts), Decimal(0)))
    if x["amount"] < amount and (x["source"] is None or x["source"] < source):
        source = min(source, abs(in_source_of(taker, x["amount"])) if x["source"] is None else x["source"])
        amount = x["amount"]
    left, gone = [], []
    for number, has, has_source in reversed(parts):
        part, own = min(amount, abs(has)), min(source, abs(has_source))
        amount, source = amount - part, source - own
        gone.append((number, sign * part, sign * own))
        left.append((number, has - sign * part, has_source - sign * own))
    return left[::-1], [g for g in gone if g[1] or g[2]]


def left_by(taker, day):
    left = taker["got"]
    for x in in_time(taker):
        if max(x["day"], taker["day"]) <= max(day, taker["day"]):
            left = without(taker, left, x)[0]
    return left


def finally_left(taker):
    return left_by(taker, date.max)
