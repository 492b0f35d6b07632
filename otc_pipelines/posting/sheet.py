"""A sheet of movements: amounts by everything else that a movement says, so that equal ones add up.

Belongs here: adding, and the difference of sheets. Not here: which movements there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

#: (legal entity, party, item type, item, instalment, document type, document date, due date)
Head = tuple[object, ...]
#: (currency, base currency, gl account)
Tail = tuple[object, ...]


class Exchange(NamedTuple):
    """The two sides of an allocation, as they stand: what each of its movements, and of what undoes it, says.

    ``valued``: both sides have a base amount. Sides that change in any of this are another exchange, so that the
    movements of one always concern the same two items in the same currencies and are all valued, or not.
    """

    allocation_id: str
    legal_entity: object
    party_id: object
    document_id: str
    document_currency: str
    source_type: str
    source_id: str
    source_currency: str
    valued: bool


#: head, (movement type, cause entity, cause id, effective date), tail, whether the base amount is known, exchange
Line = tuple[Head, tuple[str, str, str, date], Tail, bool, Exchange | None]


#: Amounts and base amounts by everything else.
Lines = dict[Line, tuple[int, int]]


class Sheet:
    """Movements as known at one cut."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: Lines = {}

    def add(
        self,
        head: Head,
        what: str,
        cause: str,
        cause_id: str,
        effective: date,
        tail: Tail,
        amount: int,
        base: int | None,
        exchange: Exchange | None = None,
    ) -> None:
        """Add a movement; one that moves nothing is left out. ``exchange``: of which allocation it is one side."""
        if amount or base:
            line = (head, (what, cause, cause_id, effective), tail, base is not None, exchange)
            held = self.lines.get(line)
            self.lines[line] = (amount, base or 0) if held is None else (held[0] + amount, held[1] + (base or 0))

    def less(self, others: Iterable[Sheet]) -> Sheet:
        """Return what this sheet says beyond all the others together."""
        rest = Sheet()
        rest.lines = dict(self.lines)
        for other in others:
            for line, (amount, base) in other.lines.items():
                mine = rest.lines.get(line, (0, 0))
                rest.lines[line] = (mine[0] - amount, mine[1] - base)
        return rest


def minus(amounts: int | None) -> int | None:
    """Return the opposite of an amount that may be unknown."""
    return None if amounts is None else -amounts
