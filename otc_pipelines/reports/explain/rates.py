"""The published rate that a movement's base amount was booked at, where its row states none.

Belongs here: finding that one row, by the rule of posting itself. Not here: the rule (``posting.fx``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otc_pipelines.posting import FxRateVersion, Rates
from otc_pipelines.posting.versions import Known as Cut
from otc_pipelines.reports.explain.model import Known, Moved, RowVersion
from otc_pipelines.reports.explain.source_rows import SourceRows, version_at
from otc_pipelines.warehouse import Tx


class Booked:
    """The rates that movements in other currencies than their books' could have been booked at."""

    def __init__(self, tx: Tx, rows: SourceRows, moved: Sequence[Moved]) -> None:
        """Read the published rates of the pairs that occur."""
        self._rows = rows
        pairs = {(m.currency, m.base_currency) for m in moved if m.currency != m.base_currency}
        currencies = sorted({currency for currency, _ in pairs})
        found: list[dict[str, Any]] = []
        if currencies:
            listed = ", ".join(f'"{name}"' for name in FxRateVersion._fields)
            found = tx.rows(
                f"select {listed} from conformed.int_fx_rates__unioned where from_currency = any(:currencies)",  # noqa: S608
                currencies=currencies,
            )
        self._rates = Rates(FxRateVersion(**row) for row in found)

    def rate(self, m: Moved, stated: Sequence[RowVersion], at: Known) -> RowVersion | None:
        """Return the rate that counted when a movement came; None where its row states what it was booked at."""
        row = version_at(stated, at)
        if row is None or m.currency == m.base_currency or m.base_currency is None:
            return None
        said = row.said
        day = said.get("posting_date") or said.get("document_date") or said.get("receipt_date")
        if said.get("fx_rate") is not None or (said.get("base_amount") is not None and said.get("amount")) or not day:
            return None
        cut = Cut(m.recorded_at, m.loaded_at)
        since = (min(v.recorded_at for v in stated), min(v.loaded_at for v in stated))
        for history in self._rates.candidates((m.currency, m.base_currency), day, m.source_system, since):
            live = history.live(cut)
            if live is not None and live.rate is not None:
                key = (live.source_system, live.row_key)
                self._rows.fetch("fx_rates", [key])
                return version_at(self._rows.of("fx_rates", key), at)
        return None
