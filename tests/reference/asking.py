"""Asks posted movements for balances, as the ledger's one formula says: a sum under three clocks.

Belongs here: sums over movements. No rule of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from otc_pipelines.posting import FxRateVersion, Rates, Settings, post
from tests.reference.rows import cluster, day, moment


class Ledger:
    """What posting made of some rows."""

    def __init__(self, settings: Settings, *rows) -> None:
        rates = Rates(r for r in rows if isinstance(r, FxRateVersion))
        posting = post(cluster(*rows), settings, rates, posted_in_load="test")
        self.movements, self.findings = posting.movements, posting.findings

    def codes(self) -> list[tuple[str, str, str]]:
        return [(f.entity, f.key, f.code) for f in self.findings]

    def seen(self, on, known=None, loaded=None):
        known, loaded = moment(known or "9999-01-01"), moment(loaded or "9999-01-01")
        return [
            m
            for m in self.movements
            if m.effective_date <= day(on) and m.recorded_at <= known and m.loaded_at <= loaded
        ]

    def balances(self, on, known=None, loaded=None) -> dict[tuple[str, int | None], Decimal]:
        """Open and unapplied, by item; settled ones left out."""
        found: dict[tuple[str, int | None], Decimal] = defaultdict(Decimal)
        for m in self.seen(on, known, loaded):
            found[m.item_id, m.installment_no] += m.amount
        return {k: v for k, v in found.items() if v}

    def open(self, item_id, on, known=None, loaded=None) -> Decimal:
        return sum((v for (i, _), v in self.balances(on, known, loaded).items() if i == item_id), Decimal(0))

    def base(self, item_id, on, known=None, loaded=None) -> Decimal | None:
        """Base balance; None where movements without a base amount do not sum to nothing."""
        mine = [m for m in self.seen(on, known, loaded) if m.item_id == item_id]
        if sum(m.amount for m in mine if m.base_amount is None):
            return None
        return sum((m.base_amount for m in mine if m.base_amount is not None), Decimal(0))

    def due(self, item_id, on) -> set[str]:
        """Due dates of what is open of a document."""
        by_due: dict[str, Decimal] = defaultdict(Decimal)
        for m in self.seen(on):
            if m.item_id == item_id:
                by_due[str(m.due_date)] += m.amount
        return {due for due, amount in by_due.items() if amount}
