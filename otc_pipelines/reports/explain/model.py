"""What an explanation speaks of: the question, what was known when, movements, the rows of sources, figures.

Belongs here: plain data. Not here: how any of it is found or shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.kit.errors import ConfigError

Key = tuple[str, str]
"""A source's name and an id within it."""


@dataclass(frozen=True)
class Known:
    """What the sources had recorded by one moment and this system had loaded by another; None: everything."""

    known_at: datetime | None = None
    loaded_at: datetime | None = None

    def sees(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether something that was recorded and loaded then is known."""
        return (self.known_at is None or recorded_at <= self.known_at) and (
            self.loaded_at is None or loaded_at <= self.loaded_at
        )

    @property
    def everything(self) -> bool:
        """True if nothing is left out."""
        return self.known_at is None and self.loaded_at is None


@dataclass(frozen=True)
class Question:
    """What is asked: of which thing, as of which day, as known when; and since when, where only a change is asked.

    ``since_known`` and ``since_loaded``: earlier values of the two knowledge clocks; what is explained then is the
    difference between the figure as known now (or at ``known_at``, ``loaded_at``) and as known then. ``settled``: the
    movements of items that sum to 0 are listed too. ``decided_by``: when decisions came too late; None: ``loaded_at``.
    """

    thing: str
    as_of: date | None = None
    known_at: datetime | None = None
    loaded_at: datetime | None = None
    since_known: datetime | None = None
    since_loaded: datetime | None = None
    by: str | None = None
    unapplied: str | None = None
    include_pending: bool = False
    settled: bool = False
    decided_by: datetime | None = None

    def __post_init__(self) -> None:
        for name, earlier, later in (
            ("known", self.since_known, self.known_at),
            ("loaded", self.since_loaded, self.loaded_at),
        ):
            if earlier is not None and later is not None and earlier > later:
                raise ConfigError(
                    f"--since-{name} {earlier.isoformat()} is after --{name}-at {later.isoformat()}; "
                    "give the earlier of the two times to --since"
                )

    @property
    def known(self) -> Known:
        """What counts."""
        return Known(self.known_at, self.loaded_at)

    @property
    def before(self) -> Known | None:
        """What counted before, where a change is asked for."""
        if self.since_known is None and self.since_loaded is None:
            return None
        return Known(self.since_known or self.known_at, self.since_loaded or self.loaded_at)

    def counts(self, recorded_at: datetime, loaded_at: datetime) -> bool:
        """Tell whether a movement belongs to what is explained: known now and, of a change, not known before."""
        before = self.before
        return self.known.sees(recorded_at, loaded_at) and not (before and before.sees(recorded_at, loaded_at))


class ItemKey(NamedTuple):
    """What aging takes for one item: the grain of its sums."""

    source_system: str
    legal_entity: str | None
    party_id: str | None
    item_type: str
    item_id: str
    installment_no: int | None
    currency: str
    base_currency: str | None
    due_date: date | None
    document_date: date | None


class Moved(NamedTuple):
    """One movement of the ledger, or of cash that is matched and not posted yet (``posting_state`` pending)."""

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
    base_currency: str | None
    gl_account: str | None
    posting_state: str
    posted_in_load: str

    @property
    def item(self) -> ItemKey:
        """The item whose balance it moves."""
        return ItemKey(*(getattr(self, name) for name in ItemKey._fields))


@dataclass(frozen=True)
class RowVersion:
    """One version of a row of a source, as the posting read it. ``said``: the entity's own columns, none personal.

    ``nth`` of ``versions`` in version order; ``replaced_at``: when the next one was recorded.
    """

    connector: str
    source_system: str
    entity: str
    row_key: str
    recorded_at: datetime
    loaded_at: datetime
    deleted: bool
    row_hash: str
    load_id: str
    source_file: str | None
    source_line: int | None
    said: Mapping[str, Any] = field(repr=False)
    nth: int = 1
    versions: int = 1
    replaced_at: datetime | None = None


@dataclass(frozen=True)
class Figure:
    """A sum of movements, and what another way of asking shows for it.

    ``amount`` is the sum of the movements listed; ``shown`` what ``shown_by`` says. Base amounts None: not known, or
    not a part of this figure.
    """

    name: str
    shown_by: str
    legal_entity: str | None
    currency: str
    amount: Decimal
    shown: Decimal
    base_currency: str | None = None
    base_amount: Decimal | None = None
    shown_base: Decimal | None = None
    compares_base: bool = False

    @property
    def agrees(self) -> bool:
        """True if both ways come to the same, to the last decimal."""
        return self.amount == self.shown and (not self.compares_base or self.base_amount == self.shown_base)
