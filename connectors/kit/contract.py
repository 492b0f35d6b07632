"""What a connector is: roles, entities, batches of rows, cursors, writers. The words every vendor folder speaks.

Belongs here: types and their meaning. Not here: anything that talks to a network, a file or a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import pyarrow as pa
from pydantic import BaseModel, ConfigDict


class Role(StrEnum):
    """What a system is to the house; also its folder under ``connectors/``."""

    ERP = "erp"
    CRM = "crm"
    BANK = "bank"
    PAYMENTS = "payments"
    MESSAGING = "messaging"


class Capability(StrEnum):
    """What a connector can do; the contract suite tests exactly what is declared."""

    INCREMENTAL = "incremental"  #: later runs ask only for what changed
    DELETES_FEED = "deletes_feed"  #: the vendor says what was deleted
    DELETES_SWEEP = "deletes_sweep"  #: deletions are found by comparing key sets
    FILES = "files"  #: reads files; a file is known by the hash of its content
    TOTALS = "totals"  #: can be asked how many living rows it holds, and what their amounts come to
    WRITES = "writes"  #: can be a target


class FieldType(StrEnum):
    """Declared type of a field, and what lands in the warehouse for it."""

    TEXT = "text"
    DECIMAL = "decimal"  #: money, decimal(18,4)
    RATE = "rate"  #: exchange rate, decimal(28,10)
    DATE = "date"
    TIMESTAMP = "timestamp"  #: timestamp with offset, stored UTC
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CURRENCY = "currency"  #: ISO 4217 code


ARROW_TYPES: Mapping[FieldType, pa.DataType] = {
    FieldType.TEXT: pa.string(),
    FieldType.DECIMAL: pa.decimal128(18, 4),
    FieldType.RATE: pa.decimal128(28, 10),
    FieldType.DATE: pa.date32(),
    FieldType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    FieldType.INTEGER: pa.int64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.CURRENCY: pa.string(),
}


@dataclass(frozen=True)
class Field:
    """One declared column of an entity.

    ``required``: a row without it is quarantined. ``personal``: it lands only in the entity's personal table.
    ``choices``: the values allowed. ``non_negative``: an amount that has no sign of its own.
    """

    name: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    personal: bool = False
    choices: tuple[str, ...] = ()
    non_negative: bool = False
    description: str = ""


RECORDED_AT = Field("recorded_at", FieldType.TIMESTAMP, description="When the source recorded this version.")
DELETED = Field("deleted", FieldType.BOOLEAN, description="True: a tombstone; then the key alone is enough.")


@dataclass(frozen=True)
class Entity:
    """A kind of row a connector gives: its key, its columns. ``recorded_at`` and ``deleted`` are added to each.

    ``name`` is the table's name in ``raw_<connector>``. ``current_only``: knowledge clocks do not matter for it
    (reference data), the latest version is the one that counts.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Field, ...]
    description: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        """All declared columns, the two standard ones included."""
        own = {c.name for c in self.columns}
        return (*self.columns, *(f for f in (RECORDED_AT, DELETED) if f.name not in own))

    @property
    def personal(self) -> tuple[Field, ...]:
        """The columns that identify a person or an account holder."""
        return tuple(f for f in self.fields if f.personal)

    def column(self, name: str) -> Field:
        """Return the declared column, or raise KeyError."""
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(f"entity {self.name} has no column {name!r}")

    def with_columns(self, *more: Field) -> Entity:
        """Return the same entity with further columns."""
        return Entity(self.name, self.key, (*self.columns, *more), self.description)


@dataclass(frozen=True)
class Cursor:
    """How far a stream of a source has been read; stored in the warehouse in the transaction of its rows.

    ``position`` is the source's own literal, never parsed and printed again; ``key`` breaks ties.
    A file that was loaded is a stream of its own: ``file:<sha256 of its content>``.
    """

    stream: str
    position: str
    key: str = ""


Cursors: TypeAlias = Mapping[str, Cursor]


@dataclass(frozen=True)
class Batch:
    """Rows of one entity, as the source said them.

    ``rows`` has text columns only (null = nothing stated), named by the entity's fields; further columns are kept
    as unknown columns; ``_file`` (text) and ``_line`` (int64) say where a row stood. ``absent`` names declared
    columns that the source does not carry at all: they keep the earlier version's value, while a null clears it.
    ``cursor`` is committed with the rows; put it on the last batch of what it covers.
    """

    entity: Entity
    rows: pa.Table
    absent: frozenset[str] = frozenset()
    cursor: Cursor | None = None


@dataclass(frozen=True)
class Reject:
    """A row, or a whole file or statement, that the connector itself could not read; it goes to quarantine.

    ``row`` is what was there, as far as it could be read; card numbers are removed before it is stored. ``whole``: it
    stands for a file or statement, whose row without the rest must not land when quarantine is replayed.
    """

    entity: str
    reason: str
    file: str = ""
    line: int | None = None
    key: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True)
class Rejects:
    """What could not be read; ``cursor`` as in Batch, so that a bad file is not read again at each run."""

    items: tuple[Reject, ...]
    cursor: Cursor | None = None


@dataclass(frozen=True)
class KeySweep:
    """All keys of an entity that are alive at the source (text columns = the entity's key): the rest was deleted."""

    entity: Entity
    keys: pa.Table


@dataclass(frozen=True)
class Note:
    """One line about what is no row and no error: a file left for the next run, or one that says nothing new."""

    text: str


Item: TypeAlias = Batch | Rejects | KeySweep | Note


class Settings(BaseModel):
    """Base of every connector's settings: an unknown key is an error that names it."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class CheckResult:
    """One line of ``otc check``: what was tried, whether it works, and what to do where it does not."""

    what: str
    ok: bool
    message: str


@dataclass(frozen=True)
class Intent:
    """One change to deliver: the record's key in the target and the fields to set. ``version`` only ever grows.

    Values are JSON scalars; money is text with the currency's decimals, as the wire wants it.
    """

    key: str
    fields: Mapping[str, str | int | bool | None]
    idempotency_key: str
    version: int
    action: str = "update"


class OutcomeStatus(StrEnum):
    """What became of an intent."""

    DELIVERED = "delivered"
    FAILED = "failed"  #: the vendor said no; not retried by itself
    RETRY = "retry"  #: certainly not applied; may be sent again
    UNKNOWN = "unknown"  #: it may have been applied: read back before anything else


@dataclass(frozen=True)
class Outcome:
    """The vendor's answer for one intent."""

    key: str
    status: OutcomeStatus
    reason: str = ""
    target_id: str = ""


class Writer(Protocol):
    """Writes to a target. Every write is idempotent by the record's key."""

    def objects(self) -> Mapping[str, str]:
        """Return the outbound objects it can write, each with the vendor's own name for it."""
        ...

    def write(self, object_name: str, intents: Sequence[Intent]) -> Iterable[Outcome]:
        """Send the intents and yield exactly one outcome for each, in any order."""
        ...

    def read_back(
        self, object_name: str, keys: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Return what the target holds now, by key; a key that is absent there is absent here."""
        ...


@dataclass(frozen=True)
class Question:
    """What a source is asked of one entity. ``without``: keys, as ``key_text`` writes them, that are not to count.

    ``cursors`` are those of the source that are committed: of a stream that has one, only rows at or before it count,
    and those without a place in it. What is newer will be read, and is nobody's loss.
    """

    entity: Entity
    cursors: Cursors
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Group:
    """Living rows of one legal entity and currency (None: the rows do not say): how many, and their amounts' sums.

    ``sums`` by the entity's columns that are money (``kit.totals``); a column that the source cannot add exactly is
    not there.
    """

    rows: int
    sums: Mapping[str, Decimal]
    legal_entity: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Totals:
    """A source's own answer, never made of rows that were read to land. ``until``: the bound it went by; None: all."""

    groups: tuple[Group, ...]
    until: datetime | None = None


@dataclass(frozen=True)
class Listed:
    """Keys that the source counts (text columns = the entity's key) and, where it says so, when each was recorded."""

    keys: pa.Table
    recorded_at: pa.Array | None = None


class Counter(Protocol):
    """Asks a source what it holds, beside the way its rows are read. Raises ConnectorErrors as reading does."""

    def totals(self, question: Question) -> Totals | None:
        """Return what it holds of the entity; None where it holds no such entity."""
        ...

    def listed(self, question: Question) -> Iterable[Listed]:
        """Give the key of every row that it counts: asked only where counts or sums differ."""
        ...


SourceFactory: TypeAlias = Callable[[str, Any, Cursors], Any]
"""(source name, settings, cursors) -> a dlt source whose resources yield ``Item``s."""

Counting: TypeAlias = Callable[[Any], AbstractContextManager[Counter]]
"""settings -> what can be asked for totals, as a context."""

Acknowledge: TypeAlias = Callable[[Any, Cursors], Iterable[str]]
"""(settings, cursors that are committed) -> one line for each thing done at the source, or that could not be done."""


@dataclass(frozen=True)
class Connector:
    """A vendor's declaration, which ``connectors/<role>/<vendor>/connector.py`` must define as ``CONNECTOR``.

    ``simulator`` is the dotted name of ``module:function`` that serves the vendor's wire format on loopback.
    ``acknowledge`` tells the source what was taken over: landing calls it after the commit, never before. It acts on
    nothing but what the committed cursors cover, may be called again for the same, and raises no ConnectorError.
    ``counting``: how it is asked for its own totals (capability TOTALS).
    ``creates`` names the outbound objects of which a first delivery makes a new record in the target; of all others
    it changes a record that is there.
    ``outbound_fields``: of outbound objects, our name of a field and the vendor's own.
    """

    name: str
    role: Role
    title: str
    settings: type[Settings]
    entities: tuple[Entity, ...]
    source: SourceFactory
    check: Callable[[Any], Iterable[CheckResult]]
    capabilities: frozenset[Capability] = frozenset()
    writer: Callable[[Any], Writer] | None = None
    simulator: str | None = None
    acknowledge: Acknowledge | None = None
    counting: Counting | None = None
    creates: frozenset[str] = frozenset()
    outbound_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def entity(self, name: str) -> Entity:
        """Return the entity of that name, or raise KeyError that names those there are."""
        for e in self.entities:
            if e.name == name:
                return e
        raise KeyError(
            f"connector {self.name} has no entity {name!r}; it has {', '.join(e.name for e in self.entities)}"
        )
