"""Who paid whom inside a reconciliation: Tryton states the set of lines, not the pairs. Pure, exact, deterministic.

Belongs here: pairing credits with debits, and in which currency an amount is counted. Not here: reading lines.

The oldest credit pays the debit that falls due first, and so on; write-offs come last on either side, since they take
what cash left. Lines that all have one second currency are counted in it, and a line without one is then an exchange
difference, which pays nobody. Other sets are counted in the company's currency, and each side's own amount follows in
proportion: what is left of a line goes to its last pair, so that nothing is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from connectors.kit.money import rounded

ZERO = Decimal(0)


@dataclass(frozen=True)
class Side:
    """A line of a reconciliation. ``base`` and ``amount`` are debit-positive; ``amount`` is in ``currency``."""

    line: int
    kind: str
    day: date
    due: date
    currency: str
    amount: Decimal
    base: Decimal
    reverses: int | None = None


@dataclass(frozen=True)
class Pair:
    """A credit that paid a debit: face values in the currency of each, and the credit's booked base amount."""

    debit: Side
    credit: Side
    amount: Decimal
    source_amount: Decimal
    base_amount: Decimal


@dataclass
class _Rest:
    """What is still to be paired of a line: in the measure, in its own currency, in the base currency."""

    side: Side
    measure: Decimal
    amount: Decimal
    base: Decimal
    base_currency: str

    def take(self, part: Decimal) -> tuple[Decimal, Decimal]:
        """Take a part of the measure; return it in the line's own and in the base currency."""
        if part == self.measure:
            taken = self.amount, self.base
        else:
            taken = (
                share(self.amount, part, self.measure, self.side.currency),
                share(self.base, part, self.measure, self.base_currency),
            )
        self.measure -= part
        self.amount -= taken[0]
        self.base -= taken[1]
        return taken


def exchange_currency(lines: Sequence[Side], company_currency: str) -> str | None:
    """Return the one second currency of a set whose lines without it are exchange differences; None: there is none."""
    foreign = {s.currency for s in lines if s.currency != company_currency}
    plain = [s for s in lines if s.currency == company_currency]
    if len(foreign) == 1 and all(s.kind in ("write_off", "exchange") for s in plain):
        return foreign.pop()
    return None


def pairs(lines: Sequence[Side], company_currency: str) -> Iterator[Pair]:
    """Yield who paid whom. Lines of a void or a reversal, and exchange differences, pay nobody."""
    foreign = exchange_currency(lines, company_currency)
    counted = [s for s in _without_reversals(lines) if s.kind not in ("exchange", "invoice_cancel")]
    if foreign is not None:
        counted = [s for s in counted if s.currency == foreign]
    alike = len({s.currency for s in counted}) == 1

    def rest(side: Side) -> _Rest:
        measure = abs(side.amount if alike else side.base)
        return _Rest(side, measure, abs(side.amount), abs(side.base), company_currency)

    debits = [rest(s) for s in sorted((s for s in counted if s.base > 0), key=_due)]
    credits = [rest(s) for s in sorted((s for s in counted if s.base < 0), key=_age)]
    while debits and credits:
        debit, credit = debits[0], credits[0]
        part = min(debit.measure, credit.measure)
        if part > 0:
            amount, _ = debit.take(part)
            source_amount, base = credit.take(part)
            yield Pair(debit.side, credit.side, amount, source_amount, base)
        debits = debits[1:] if debit.measure <= 0 else debits
        credits = credits[1:] if credit.measure <= 0 else credits


def _without_reversals(lines: Sequence[Side]) -> list[Side]:
    """Leave out a reversal and what it takes back: that is an event of the receipt, not a payment."""
    gone = {s.line for s in lines if s.kind == "reversal"} | {s.reverses for s in lines if s.kind == "reversal"}
    return [s for s in lines if s.line not in gone]


def _due(side: Side) -> tuple[bool, date, int]:
    return (side.kind == "write_off", side.due, side.line)


def _age(side: Side) -> tuple[bool, date, int]:
    return (side.kind == "write_off", side.day, side.line)


def share(amount: Decimal, part: Decimal, whole: Decimal, currency: str) -> Decimal:
    """Return the part of an amount, with its currency's own decimals; cents where nobody knows the currency."""
    exact = amount * part / whole
    try:
        return rounded(exact, currency)
    except ValueError:  # the row is going to be refused for its currency, by itself
        return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
