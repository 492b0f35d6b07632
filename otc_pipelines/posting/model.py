"""What the posting engine is given and what it gives back: row versions, settings, movements, findings.

Belongs here: plain data. Not here: any rule. Fields stand in the order in which a reader should select columns, so that
``DocumentVersion._make(row)`` takes a row of the conformed table as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import NamedTuple, TypeAlias


class DocumentVersion(NamedTuple):
    """One version of a document row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    document_id: str
    document_type: str | None
    party_id: str | None
    legal_entity: str | None
    document_date: date | None
    currency: str | None
    amount: Decimal | None
    posting_date: date | None = None
    due_date: date | None = None
    status: str | None = None
    voided_on: date | None = None
    base_amount: Decimal | None = None
    gl_account: str | None = None
    fx_rate: Decimal | None = None


class InstallmentVersion(NamedTuple):
    """One version of an instalment row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    document_id: str
    installment_no: int
    due_date: date | None
    amount: Decimal | None


class ReceiptVersion(NamedTuple):
    """One version of a receipt row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    receipt_id: str
    legal_entity: str | None
    receipt_date: date | None
    currency: str | None
    amount: Decimal | None
    party_id: str | None = None
    posting_date: date | None = None
    fx_rate: Decimal | None = None
    gl_account: str | None = None


class ReceiptEventVersion(NamedTuple):
    """One version of a receipt event row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    receipt_id: str
    event_type: str
    event_date: date
    amount: Decimal | None = None


class AllocationVersion(NamedTuple):
    """One version of an allocation row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    allocation_id: str
    source_type: str | None
    source_id: str | None
    document_id: str | None
    amount: Decimal | None
    source_amount: Decimal | None = None
    installment_no: int | None = None
    allocation_date: date | None = None
    effective_date: date | None = None
    reverses_id: str | None = None
    base_amount: Decimal | None = None


class AdjustmentVersion(NamedTuple):
    """One version of an adjustment row."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    adjustment_id: str
    document_id: str | None
    adjustment_type: str | None
    amount: Decimal | None
    effective_date: date | None
    installment_no: int | None = None
    reverses_id: str | None = None


class FxRateVersion(NamedTuple):
    """One version of an exchange rate row: ``to_currency`` per unit of ``from_currency``."""

    source_system: str
    row_key: str
    recorded_at: datetime
    recorded_by_source: bool
    loaded_at: datetime
    deleted: bool
    source_file: str | None
    source_line: int | None
    from_currency: str
    to_currency: str
    date: date
    rate_type: str | None
    rate: Decimal | None


Version: TypeAlias = (
    DocumentVersion
    | InstallmentVersion
    | ReceiptVersion
    | ReceiptEventVersion
    | AllocationVersion
    | AdjustmentVersion
    | FxRateVersion
)


@dataclass(slots=True)
class Cluster:
    """All versions of the rows of one source that can move each other's balances: it is posted as one."""

    source_system: str
    documents: list[DocumentVersion] = field(default_factory=list)
    installments: list[InstallmentVersion] = field(default_factory=list)
    receipts: list[ReceiptVersion] = field(default_factory=list)
    receipt_events: list[ReceiptEventVersion] = field(default_factory=list)
    allocations: list[AllocationVersion] = field(default_factory=list)
    adjustments: list[AdjustmentVersion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """What a legal entity's books are kept in, and its receivables control account."""

    base_currency: str
    ar_account: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What posting has to know beside the rows. An entity that is not named has the company's base currency.

    ``timezone`` tells which day a moment is, where an undo has no date but the moment it was recorded.
    """

    base_currency: str
    legal_entities: Mapping[str, LegalEntity] = field(default_factory=dict)
    timezone: tzinfo = UTC
    _company: LegalEntity = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_company", LegalEntity(self.base_currency))

    def entity(self, name: str | None) -> LegalEntity:
        """Return the settings of a legal entity."""
        return self.legal_entities.get(name or "", self._company)


class Movement(NamedTuple):
    """One signed movement on an instalment or on an unapplied balance: a row of ``ops.ar_movement``.

    ``base_amount`` None: not known for want of a rate. An item's base balance is known where its movements without a
    base amount sum to nothing. ``allocation_id``: the allocation it is one side of, or gives back; ``exchange_id``
    names both sides as they stood, so that the movements of one concern the same two items, in the same currencies.
    """

    movement_id: str
    source_system: str
    legal_entity: str | None
    party_id: str | None
    item_type: str
    item_id: str
    installment_no: int | None
    document_type: str | None
    document_date: date | None
    due_date: date | None
    movement_type: str
    cause_entity: str
    cause_id: str
    effective_date: date
    recorded_at: datetime
    loaded_at: datetime
    amount: Decimal
    currency: str
    base_amount: Decimal | None
    base_currency: str
    gl_account: str | None
    posted_in_load: str
    allocation_id: str | None = None
    exchange_id: str | None = None


class Finding(NamedTuple):
    """A row, or a part of it, that stands in no balance, and why; as known now. ``amount``: the part that is held.

    ``code`` is stable and names the rule; ``reason`` is for people.
    """

    source_system: str
    entity: str
    key: str
    code: str
    reason: str
    file: str | None
    line: int | None
    loaded_at: datetime
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """New movements (only of loads after ``since``), and everything that is held as known now."""

    movements: Sequence[Movement]
    findings: Sequence[Finding]
