"""Which version of each row counts: recorded by K and loaded by L; or, for splits, as rows came.

Belongs here: version order, inherited recording times, one legal entity for a document. Written from the rules alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ENTITY = {
    "DocumentVersion": "documents",
    "InstallmentVersion": "installments",
    "ReceiptVersion": "receipts",
    "ReceiptEventVersion": "receipt_events",
    "AllocationVersion": "allocations",
    "AdjustmentVersion": "adjustments",
    "FxRateVersion": "fx_rates",
}


@dataclass
class Arrived:
    """Versions with the time each counts as recorded, and when each row first came (loaded, recorded)."""

    stamped: list[tuple[Any, datetime]]
    of: dict[tuple[str, str], tuple[datetime, datetime]]


@dataclass
class Visible:
    """The one version of each row that counts. Tombstones stay among documents and receipts, and nowhere else."""

    documents: dict[str, Any] = field(default_factory=dict)
    installments: dict[str, list[Any]] = field(default_factory=dict)
    receipts: dict[str, Any] = field(default_factory=dict)
    events: dict[str, Any] = field(default_factory=dict)
    allocations: dict[str, Any] = field(default_factory=dict)
    adjustments: dict[str, Any] = field(default_factory=dict)
    rates: dict[str, Any] = field(default_factory=dict)


def entity_of(version: Any) -> str:
    return ENTITY[type(version).__name__]


def first_arrival(rows: list[Any]) -> Arrived:
    rows = [r for r in rows if not _of_another_entity(r, rows)]
    of: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for row in rows:
        name, came = (entity_of(row), row.row_key), (row.loaded_at, row.recorded_at)
        of[name] = min(of.get(name, came), came)
    return Arrived([(r, _recorded(r, rows)) for r in rows], of)


def _of_another_entity(row: Any, rows: list[Any]) -> bool:
    if entity_of(row) != "documents" or row.deleted:
        return False
    claims = [r for r in rows if entity_of(r) == "documents" and r.document_id == row.document_id and not r.deleted]
    claims.sort(key=lambda r: (r.loaded_at, r.recorded_at, r.source_file or "", r.source_line or 0))
    return row.legal_entity != claims[0].legal_entity


def _recorded(row: Any, rows: list[Any]) -> datetime:
    if entity_of(row) != "installments" or row.recorded_by_source:
        return row.recorded_at
    documents = [r for r in rows if entity_of(r) == "documents" and r.document_id == row.document_id]
    if not documents:
        return row.recorded_at
    there = [d for d in documents if d.loaded_at <= row.loaded_at]
    if there:
        return max(there, key=_order_of_document).recorded_at
    return min(
        documents, key=lambda d: (d.loaded_at, d.recorded_at, d.source_file or "", d.source_line or 0)
    ).recorded_at


def _order_of_document(row: Any) -> Any:
    return (row.recorded_at, row.loaded_at, row.source_file or "", row.source_line or 0)


def visible_at(arrived: Arrived, known: datetime, loaded: datetime) -> Visible:
    return _latest([(v, r) for v, r in arrived.stamped if r <= known and v.loaded_at <= loaded])


def visible_on_arrival(arrived: Arrived, loaded: datetime, recorded: datetime) -> Visible:
    return _latest(
        [(v, r) for v, r in arrived.stamped if v.loaded_at < loaded or (v.loaded_at == loaded and r <= recorded)]
    )


def _latest(stamped: list[tuple[Any, datetime]]) -> Visible:
    last: dict[tuple[str, str], Any] = {}
    for row, _ in sorted(stamped, key=lambda s: (s[1], s[0].loaded_at, s[0].source_file or "", s[0].source_line or 0)):
        last[entity_of(row), row.row_key] = row
    visible = Visible()
    for (entity, key), row in last.items():
        if entity in ("documents", "receipts"):
            getattr(visible, entity)[key] = row
        elif row.deleted:
            continue
        elif entity == "installments":
            visible.installments.setdefault(row.document_id, []).append(row)
        else:
            getattr(visible, {"receipt_events": "events", "fx_rates": "rates"}.get(entity, entity))[key] = row
    for parts in visible.installments.values():
        parts.sort(key=lambda i: i.installment_no)
    return visible
