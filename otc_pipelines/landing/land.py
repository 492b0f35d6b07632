"""Landing a source: its items in bounded chunks, each committed whole with its cursor and its load record.

The order inside the transaction: versions, tombstones, personal rows, quarantine, cursors, load records, audit. Any
failure leaves the warehouse, cursor included, as it was. Not here: what is written beside the versions (``records``).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connectors.kit.contract import Connector, Item, Note, Settings
from connectors.kit.errors import ConnectorError
from connectors.kit.redact import redact_text
from otc_pipelines.audit import append, audited
from otc_pipelines.landing import records
from otc_pipelines.landing.package import packaged
from otc_pipelines.landing.prepare import Chunk, Preparer
from otc_pipelines.landing.tables import ensure_tables
from otc_pipelines.landing.versions import insert_returns, insert_tombstones, insert_versions
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.identity import salt
from otc_pipelines.warehouse.killpoint import killpoint

CHUNK_ROWS = 100_000


@dataclass
class EntityLoad:
    """What came of one entity: rows read, new versions written, rows set aside."""

    rows_in: int = 0
    rows_new: int = 0
    quarantined: int = 0


@dataclass
class LandingReport:
    """What a landing did. ``error`` is the one line of what stopped it; what was committed before stays."""

    source: str
    connector: str
    entities: dict[str, EntityLoad] = field(default_factory=dict)
    bytes: int = 0
    redacted: int = 0
    chunks: int = 0
    seconds: float = 0.0
    unknown_columns: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rows_in(self) -> int:
        """Rows that the source gave, bad ones included."""
        return sum(e.rows_in for e in self.entities.values())

    @property
    def rows_new(self) -> int:
        """Versions that were not known before."""
        return sum(e.rows_new for e in self.entities.values())

    @property
    def quarantined(self) -> int:
        """Rows set aside with a reason."""
        return sum(e.quarantined for e in self.entities.values())


def land(
    warehouse: Warehouse,
    connector: Connector,
    source: str,
    settings: Settings,
    *,
    progress: Callable[[LandingReport], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    actor: str = "otc",
    anew: bool = False,
) -> LandingReport:
    """Read what is new of a source and commit it. Raises ConnectorError for what the source did, after its chunks.

    ``anew``: read all of it from the start. What is here already adds nothing, and a pass that dies half-way goes on
    from where it had come to.
    """
    started = time.monotonic()
    report = LandingReport(source, connector.name)
    with warehouse.transaction("loader") as tx:
        ensure_tables(tx, [connector])
        known = {} if anew else records.cursors(tx, source)
        key = salt(tx)
    entities = {e.name: e for e in connector.entities}
    preparer = Preparer(source, entities, key)
    try:
        for chunk in _chunks(_told(_items(connector.source(source, settings, known)), report), preparer, chunk_rows):
            _commit(warehouse, connector, source, chunk, report, actor)
            if progress:
                progress(report)
        if connector.acknowledge is not None:
            killpoint("landing.before_acknowledge")
            with warehouse.reading() as tx:
                committed = records.cursors(tx, source)
            report.notes += connector.acknowledge(settings, committed)
    finally:
        report.seconds = time.monotonic() - started
    return report


def _items(source: Any) -> Iterator[Item]:
    """Run the connector's dlt resources one by one; dlt's wrapping of a connector's error is taken off."""
    for resource in source.resources.values():
        try:
            yield from resource
        except ConnectorError:
            raise
        except Exception as problem:
            cause: BaseException | None = problem
            while cause is not None and not isinstance(cause, ConnectorError):
                cause = cause.__cause__
            raise cause or problem from None


def _told(items: Iterable[Item], report: LandingReport) -> Iterator[Item]:
    """Pass on what may land; what is only to be told goes into the report."""
    for item in items:
        if isinstance(item, Note):
            report.notes.append(redact_text(item.text))
        else:
            yield item


def _chunks(items: Iterable[Item], preparer: Preparer, limit: int) -> Iterator[Chunk]:
    chunk = Chunk()
    for item in items:
        preparer.add(chunk, item)
        killpoint("landing.fetched")
        if chunk.size >= limit:
            yield chunk
            chunk = Chunk()
    if chunk.size or chunk.cursors:
        yield chunk


def _commit(
    warehouse: Warehouse, connector: Connector, source: str, chunk: Chunk, report: LandingReport, actor: str
) -> None:
    entities = {e.name: e for e in connector.entities}
    tables: dict[str, list[pa.Table]] = dict(chunk.rows)
    tables |= {f"sweep_{name}": parts for name, parts in chunk.sweeps.items()}
    load_id = uuid.uuid4().hex
    started = datetime.now(UTC)
    with packaged(source, tables, warehouse.folder / "work") as files:
        killpoint("landing.packaged")
        with audited(warehouse, "loader") as tx:
            stamp = {"loaded_at": records.next_loaded_at(tx), "load_id": load_id}
            fresh: dict[str, int] = {}
            for name in chunk.rows:
                tx.stage_parquet("otc_staged", files[name])
                fresh[name] = insert_versions(tx, connector.name, source, entities[name], stamp)
                records.resolve(tx, source, name, stamp)
            for name in chunk.sweeps:
                tx.stage_parquet("otc_sweep", files[f"sweep_{name}"])
                swept = insert_tombstones(tx, connector.name, source, entities[name], stamp)
                swept += insert_returns(tx, connector.name, source, entities[name], stamp)
                fresh[name] = fresh.get(name, 0) + swept
            set_aside = records.quarantine(tx, connector, source, chunk, stamp)
            records.unknown_columns(tx, source, chunk, stamp)
            records.move_cursors(tx, source, chunk, stamp)
            changed = records.record(tx, connector, source, chunk, fresh, set_aside, started, stamp)
            if changed:
                append(
                    tx,
                    kind="load",
                    subject=f"source:{source}",
                    actor=actor,
                    details={
                        "load_id": load_id,
                        "rows_in": sum(chunk.rows_in.values()),
                        "rows_new": sum(fresh.values()),
                        "quarantined": sum(set_aside.values()),
                    },
                )
            killpoint("landing.before_commit")
        killpoint("landing.after_commit")
    for name in entities:
        if name in chunk.rows_in or name in fresh or name in set_aside:
            entry = report.entities.setdefault(name, EntityLoad())
            entry.rows_in += chunk.rows_in.get(name, 0)
            entry.rows_new += fresh.get(name, 0)
            entry.quarantined += set_aside.get(name, 0)
    report.bytes += chunk.bytes
    report.redacted += chunk.redacted
    report.chunks += 1
    for name, columns in chunk.unknown_columns.items():
        report.unknown_columns[name] = sorted({*report.unknown_columns.get(name, []), *columns})
