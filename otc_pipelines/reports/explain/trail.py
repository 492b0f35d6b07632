"""The rows of an explanation: numbered, each beneath what it is evidence of, all with the same columns.

Belongs here: the stable shape that programs rely on, and how a movement, a source row, a decision becomes a row of it.
Not here: which of them belong to a thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.money import shown
from otc_pipelines.reports.explain.model import Moved, RowVersion
from otc_pipelines.reports.explain.source_rows import Place

COLUMNS = (
    "n", "of", "kind", "role", "status",
    "legal_entity", "party_id", "item_type", "item_id", "installment_no", "due_date",
    "movement_type", "effective_date", "recorded_at", "loaded_at",
    "amount", "currency", "base_amount", "base_currency", "balance", "item_balance",
    "cause_entity", "cause_id", "movement_id",
    "source_system", "connector", "entity", "key", "version", "versions", "replaced_at", "deleted",
    "stated_amount", "stated_currency", "stated_date",
    "source_file", "source_line", "source_table", "record_key", "record_version", "load_id",
    "rule", "score", "reason", "evidence", "actor", "decided_at", "run_id", "audit_seq",
)  # fmt: skip
"""``amount`` stands on movements alone, so that it sums to the figure; what other rows state is ``stated_amount``."""

KINDS = ("movement", "later", "source", "decision", "quarantine", "verdict", "delivery", "attempt")
"""``later``: a movement that was not known at the time that is asked for; it is no part of the figure."""

_DATES = ("effective_date", "posting_date", "document_date", "receipt_date", "event_date", "value_date", "booking_date",
          "order_date", "date", "due_date", "to_date")  # fmt: skip


class Trail:
    """Collects rows. ``of`` is the number of the row that a row is evidence of; None: of the figure itself."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._versions: list[tuple[int, RowVersion]] = []

    def add(self, kind: str, of: int | None = None, **values: Any) -> int:
        """Add a row and return its number."""
        unknown = set(values) - set(COLUMNS)
        if unknown:
            raise KeyError(f"an explanation has no column {', '.join(sorted(unknown))}")
        n = len(self.rows) + 1
        self.rows.append({"n": n, "of": of, "kind": kind} | {name: _text(value) for name, value in values.items()})
        return n

    def movement(self, m: Moved, counted: bool, balance: Decimal | None, item_balance: Decimal | None) -> int:
        """Add a movement; running balances in its currency, None where it does not count."""
        values = {
            name: getattr(m, name)
            for name in Moved._fields
            if name in COLUMNS and name not in ("amount", "base_amount", "posting_state", "posted_in_load")
        }
        return self.add(
            "movement" if counted else "later",
            None,
            status=m.posting_state if counted else "came later",
            amount=shown(m.amount, m.currency),
            base_amount=None if m.base_amount is None else shown(m.base_amount, m.base_currency),
            balance=None if balance is None else shown(balance, m.currency),
            item_balance=None if item_balance is None else shown(item_balance, m.currency),
            run_id=m.posted_in_load,
            **values,
        )

    def source(self, v: RowVersion, of: int | None, role: str, status: str, currency: str | None = None) -> int:
        """Add a version of a source's row. ``currency`` where the row itself states none."""
        amount = v.said.get("amount", v.said.get("rate"))
        stated_in = v.said.get("currency") or currency
        dated = next((v.said[name] for name in _DATES if v.said.get(name) is not None), None)
        n = self.add(
            "source",
            of,
            role=role,
            status=status,
            source_system=v.source_system,
            connector=v.connector,
            entity=v.entity,
            key=v.row_key,
            version=v.nth,
            versions=v.versions,
            recorded_at=v.recorded_at,
            loaded_at=v.loaded_at,
            replaced_at=v.replaced_at,
            deleted=v.deleted,
            stated_amount=_amount(amount, stated_in if "amount" in v.said else None),
            stated_currency=stated_in,
            stated_date=dated,
            source_file=v.source_file,
            source_line=v.source_line,
            load_id=v.load_id,
        )
        self._versions.append((n, v))
        return n

    @property
    def versions(self) -> list[RowVersion]:
        """The versions that were added."""
        return [v for _, v in self._versions]

    def placed(self, place_of: Any) -> None:
        """Say of each version where it lies; ``place_of`` gives a version's Place, or None."""
        for n, v in self._versions:
            place: Place | None = place_of(v)
            if place is not None:
                self.rows[n - 1] |= {
                    "source_table": place.table,
                    "record_key": place.record,
                    "record_version": _text(place.stamped_at),
                }

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the rows of some kinds."""
        return [row for row in self.rows if row["kind"] in kinds]


def whole(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> list[dict[str, Any]]:
    """Return rows that have every column."""
    return [{name: row.get(name) for name in columns} for row in rows]


def _amount(value: Any, currency: str | None) -> str | None:
    if not isinstance(value, Decimal):
        return None
    return shown(value, currency) if currency else f"{value.normalize():f}"


def _text(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value
