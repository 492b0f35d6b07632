"""Writes the company's books as an ERP without an API exports them: a folder of CSV, JSON Lines and Parquet files.

For the demo's world and for tests only. Belongs here: what the export looks like, and the few bad rows that every real
one has. It shares no code with the readers, so that a reader's mistake cannot hide behind the writer's.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.simulation.world.model import Customer
from connectors.simulation.world.world import World

_PARTY = (
    "party_id name parent_party_id tax_id duns email phone street city postal_code country currency payment_terms "
    "credit_limit customer_since legal_entity recorded_at"
)
_ORDER = "order_id party_id legal_entity order_date currency amount status delivered_amount billed_amount recorded_at"
_DOCUMENT = (
    "document_id document_type party_id legal_entity document_date posting_date due_date currency amount tax_amount "
    "base_amount status voided_on reference order_id gl_account fx_rate payment_terms recorded_at deleted"
)
_RECEIPT = (
    "receipt_id legal_entity receipt_date posting_date currency amount party_id fx_rate method reference "
    "bank_line_ref recorded_at"
)
_ALLOCATION = (
    "allocation_id source_type source_id document_id amount source_amount installment_no allocation_date "
    "effective_date recorded_at reverses_id"
)
_ADJUSTMENT = "adjustment_id document_id adjustment_type amount effective_date installment_no reason_code recorded_at"
_RECENT = timedelta(days=150)
_FX_RATE = "from_currency to_currency date rate rate_type recorded_at"


@dataclass(frozen=True)
class BadRow:
    """A row that no reader can take, and the word that its reason should have."""

    entity: str
    key: str
    wrong: str


@dataclass(frozen=True)
class Drop:
    """What was written: the files, good rows by entity, and the bad ones among them."""

    files: tuple[Path, ...]
    rows: dict[str, int]
    bad: tuple[BadRow, ...]


def project_files(world: World, folder: Path, since: World | None = None) -> Drop:
    """Write all exports until the world's day; with ``since``, only what was recorded after that earlier view of it.

    The first export carries six bad rows, as every migration does; later ones carry none.
    """
    return _Export(world, folder, since).write()


class _Export:
    def __init__(self, world: World, folder: Path, since: World | None) -> None:
        self._world = world
        self._folder = folder
        self._since = since
        self._files: list[Path] = []
        self._rows: Counter[str] = Counter()
        self._bad: list[BadRow] = []

    def write(self) -> Drop:
        self._folder.mkdir(parents=True, exist_ok=True)
        world, new = self._world, self._new
        customers = new(world.customers)
        known = [c for c in customers if not _unknown_account(c)]
        self._csv("parties", _PARTY, customers)
        self._csv("party_bank_accounts", "party_id iban_or_account bic_or_routing recorded_at", known)
        profiles = [_profile(c) for c in customers]
        self._csv("credit_profiles", "party_id legal_entity limit currency risk_class valid_from recorded_at", profiles)
        self._csv("installments", "document_id installment_no due_date amount recorded_at", new(world.installments))
        self._csv("receipt_events", "receipt_id event_type event_date amount recorded_at", new(world.receipt_events))
        self._csv("adjustments", _ADJUSTMENT, new(world.adjustments))
        self._csv(
            "disputes", "dispute_id document_id opened_on amount reason closed_on recorded_at", new(world.disputes)
        )
        balances = "legal_entity gl_account currency date balance base_balance recorded_at"
        self._csv("gl_balances", balances, new(world.gl_balances))
        self._monthly("documents", _DOCUMENT, new(world.documents), _bad_document)
        self._monthly("receipts", _RECEIPT, new(world.receipts), _bad_receipt)
        self._monthly("allocations", _ALLOCATION, new(world.allocations))
        self._json_lines("orders", _ORDER, new(world.orders))
        self._parquet("fx_rates", new(world.fx_rates))
        return Drop(tuple(self._files), dict(self._rows), tuple(self._bad))

    def _new(self, rows: Iterable[Any]) -> list[Any]:
        return self._world.since(rows, self._since)

    def _name(self, entity: str, ending: str, period: str = "") -> Path:
        if self._since is not None:
            return self._folder / f"{entity}_until_{self._world.as_of}.{ending}"
        return self._folder / f"{entity}{'_' + period if period else ''}.{ending}"

    def _csv(self, entity: str, header: str, rows: Sequence[Any], period: str = "", more: Sequence[str] = ()) -> None:
        if not rows and not more:
            return
        columns = header.split()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(_cells(columns, row) for row in rows)
        self._save(self._name(entity, "csv", period), (text.getvalue() + "".join(more)).encode())
        self._rows[entity] += len(rows)

    def _monthly(
        self,
        entity: str,
        header: str,
        rows: Sequence[Any],
        bad: Callable[[list[str], Any], list[tuple[list[str], BadRow]]] | None = None,
    ) -> None:
        """Write a file a month, of older history a file a quarter; the last of the first export has the bad rows."""
        if self._since is not None:
            self._csv(entity, header, rows)
            return
        recent = self._world.now - _RECENT
        periods: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            at: datetime = row.recorded_at
            periods[f"{at:%Y-%m}" if at > recent else f"{at.year}-Q{(at.month + 2) // 3}"].append(row)
        for nth, (period, inside) in enumerate(periods.items(), 1):
            spoiled = bad(header.split(), inside[0]) if bad and nth == len(periods) else []
            self._bad += [row for _, row in spoiled]
            self._csv(entity, header, inside, period, [",".join(cells) + "\n" for cells, _ in spoiled])

    def _json_lines(self, entity: str, header: str, rows: Sequence[Any]) -> None:
        if not rows:
            return
        columns = header.split()
        lines = [json.dumps(dict(zip(columns, _cells(columns, row), strict=True)), ensure_ascii=False) for row in rows]
        if self._since is None:
            lines.append('{"order_id": "SO-CUT", "party_id": "C100')
            self._bad.append(BadRow(entity, "", "JSON"))
        self._save(self._name(entity, "jsonl"), ("\n".join(lines) + "\n").encode())
        self._rows[entity] += len(rows)

    def _parquet(self, entity: str, rows: Sequence[Any]) -> None:
        if not rows:
            return
        types = (
            pa.string(),
            pa.string(),
            pa.date32(),
            pa.decimal128(28, 10),
            pa.string(),
            pa.timestamp("us", tz="UTC"),
        )
        columns = _FX_RATE.split()
        arrays = [pa.array([getattr(r, c) for r in rows], t) for c, t in zip(columns, types, strict=True)]
        buffer = io.BytesIO()
        pq.write_table(pa.table(dict(zip(columns, arrays, strict=True))), buffer)
        self._save(self._name(entity, "parquet"), buffer.getvalue())
        self._rows[entity] += len(rows)

    def _save(self, path: Path, content: bytes) -> None:
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        self._files.append(path)


def _cells(columns: Sequence[str], row: Any) -> list[str]:
    if getattr(row, "deleted", False):  # a tombstone: the key and when
        kept = {columns[0], "recorded_at", "deleted"}
        return [_cell(getattr(row, c)) if c in kept else "" for c in columns]
    if isinstance(row, dict):
        return [_cell(row[c]) for c in columns]
    return [_cell(getattr(row, c)) for c in columns]


def _cell(value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "true"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _unknown_account(customer: Customer) -> bool:
    """Whether the ERP does not know from which account the customer pays: one in six."""
    return int(customer.party_id[1:]) % 6 == 5


def _profile(customer: Customer) -> dict[str, object]:
    return {
        "party_id": customer.party_id,
        "legal_entity": customer.legal_entity,
        "limit": customer.credit_limit,
        "currency": customer.currency,
        "risk_class": "ABC"[int(customer.party_id[1:]) % 3],
        "valid_from": customer.customer_since,
        "recorded_at": customer.recorded_at,
    }


def _spoiled(columns: list[str], row: Any, key: str, column: str, value: str) -> list[str]:
    """Return the row under another key, posted, with one cell made wrong."""
    stated = {columns[0]: key, "status": "posted", "deleted": "", column: value}
    return [stated.get(c, cell) for c, cell in zip(columns, _cells(columns, row), strict=True)]


def _bad_document(columns: list[str], row: Any) -> list[tuple[list[str], BadRow]]:
    spoilt = (
        ("D-BAD-1", "amount", "1234.5x"),
        ("D-BAD-2", "document_date", "2025-02-30"),
        ("D-BAD-3", "currency", "QQQ"),
        ("D-BAD-4", "party_id", ""),
    )
    return [(_spoiled(columns, row, key, c, v), BadRow("documents", key, c)) for key, c, v in spoilt]


def _bad_receipt(columns: list[str], row: Any) -> list[tuple[list[str], BadRow]]:
    return [(_spoiled(columns, row, "R-BAD-1", "reference", "RF\x0018"), BadRow("receipts", "R-BAD-1", "reference"))]
