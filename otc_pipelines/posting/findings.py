"""Collects the rows that stand in no balance, and says why.

Belongs here: how a finding is made from a row. Not here: deciding that a row is one.
"""

from __future__ import annotations

from otc_pipelines.posting.fx import amount_of
from otc_pipelines.posting.model import Finding, Version


class Held:
    """Findings of one source."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(
        self, entity: str, row: Version, code: str, reason: str, amount: int | None = None, currency: str | None = None
    ) -> None:
        """Report a row; ``amount`` is the part of it that is held, where not all of it is."""
        self.found.append(
            Finding(
                row.source_system,
                entity,
                row.row_key,
                code,
                reason,
                row.source_file,
                row.source_line,
                row.loaded_at,
                None if amount is None else amount_of(amount),
                currency,
            )
        )


def shown(amount: int, currency: str) -> str:
    """Return an amount for people: no more decimals than it has, two at least."""
    text = str(amount_of(amount))
    return f"{text[:-2] if text.endswith('00') else text} {currency}"
