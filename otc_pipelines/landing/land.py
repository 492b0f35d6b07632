"""Landing a source: its items in bounded chunks, each committed whole with its cursor and its load record.

The order inside the transaction: versions, tombstones, personal rows, quarantine, cursors, load records, audit. Any
failure leaves the warehouse, cursor included, as it was.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connectors.kit.contract import Connector, Cursor, Item, Note, Settings
from connectors.kit.errors import ConnectorError
from connectors.kit.redact import redact_text
from otc_pipelines.audit import append, audited
from otc_pipelines.landing.package import packaged
from otc_pipelines.landing.prepare import Chunk, Preparer, reject_id
from otc_pipelines.landing.tables import ensure_tables
from otc_pipelines.landing.versions import insert_tombstones, insert_versions
from otc_pipelines.warehouse import Tx, Warehouse
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
) -> LandingReport:
    """Read what is new of a source and commit it. Raises ConnectorError for what the source did, after its chunks."""
    started = time.monotonic()
    report = LandingReport(source, connector.name)
    with warehouse.transaction("loader") as tx:
        ensure_tables(tx, [connector])
        known = cursors(tx, source)
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
                committed = cursors(tx, source)
            report.notes += connector.acknowledge(settings, committed)
    finally:
        report.seconds = time.monotonic() - started
    return report


def cursors(tx: Tx, source: str) -> dict[str, Cursor]:
    """How far each stream of a source has been read."""
    rows = tx.rows("select stream, position, cursor_key from ops.cursor where source_system = :source", source=source)
    return {r["stream"]: Cursor(r["stream"], r["position"], r["cursor_key"]) for r in rows}


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
            stamp = {"loaded_at": _next_loaded_at(tx), "load_id": load_id}
            fresh: dict[str, int] = {}
            for name in chunk.rows:
                tx.stage_parquet("otc_staged", files[name])
                fresh[name] = insert_versions(tx, connector.name, source, entities[name], stamp)
                _resolve(tx, source, name, stamp)
            for name in chunk.sweeps:
                tx.stage_parquet("otc_sweep", files[f"sweep_{name}"])
                gone = insert_tombstones(tx, connector.name, source, entities[name], stamp)
                fresh[name] = fresh.get(name, 0) + gone
            set_aside = _quarantine(tx, connector, source, chunk, stamp)
            _unknown_columns(tx, source, chunk, stamp)
            _cursors(tx, source, chunk, stamp)
            changed = _record(tx, connector, source, chunk, fresh, set_aside, started, stamp)
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


def _next_loaded_at(tx: Tx) -> datetime:
    """Now, and later than every load before: a clock that was set back must not reorder what we knew."""
    now = datetime.now(UTC)
    last = tx.scalar("select max(loaded_at) from ops.load")
    return now if last is None or now > last else last + timedelta(microseconds=1)


def _resolve(tx: Tx, source: str, entity: str, stamp: dict[str, object]) -> None:
    tx.execute(
        """update ops.quarantine set status = 'resolved', resolved_at = :loaded_at, resolved_by = :load_id
        where status = 'open' and stage in ('landing', 'reading') and source_system = :source and entity = :entity
            and row_key in (select "_key" from otc_new)""",
        source=source,
        entity=entity,
        **stamp,
    )


def _quarantine(tx: Tx, connector: Connector, source: str, chunk: Chunk, stamp: dict[str, object]) -> dict[str, int]:
    if not chunk.rejects:
        return {}
    rows = {
        reject_id(source, r): {
            "quarantine_id": reject_id(source, r),
            "stage": "reading" if r.whole else "landing",
            "source_system": source,
            "connector": connector.name,
            "entity": r.entity,
            "file": r.file or None,
            "line": r.line,
            "row_key": r.key or None,
            "reason": r.reason,
            "row_json": json.dumps(dict(r.row), ensure_ascii=False),
            "loaded_at": stamp["loaded_at"],
            "load_id": stamp["load_id"],
            "status": "open",
            "resolved_at": None,
            "resolved_by": None,
        }
        for r in chunk.rejects
    }
    known = {
        r["quarantine_id"]
        for r in tx.rows("select quarantine_id from ops.quarantine where source_system = :source", source=source)
    }
    new = [row for key, row in rows.items() if key not in known]
    if new:
        tx.insert_arrow("ops.quarantine", pa.Table.from_pylist(new, schema=_QUARANTINE))
    counts: dict[str, int] = {}
    for row in new:
        counts[str(row["entity"])] = counts.get(str(row["entity"]), 0) + 1
    return counts


_QUARANTINE = pa.schema(
    [(name, pa.string()) for name in ("quarantine_id", "stage", "source_system", "connector", "entity", "file")]
    + [("line", pa.int64())]
    + [(name, pa.string()) for name in ("row_key", "reason", "row_json")]
    + [("loaded_at", pa.timestamp("us", tz="UTC")), ("load_id", pa.string()), ("status", pa.string())]
    + [("resolved_at", pa.timestamp("us", tz="UTC")), ("resolved_by", pa.string())]
)


def _unknown_columns(tx: Tx, source: str, chunk: Chunk, stamp: dict[str, object]) -> None:
    for entity, columns in chunk.unknown_columns.items():
        known = {
            r["column_name"]
            for r in tx.rows(
                "select column_name from ops.unknown_column where source_system = :source and entity = :entity",
                source=source,
                entity=entity,
            )
        }
        tx.insert(
            "ops.unknown_column",
            [
                {"source_system": source, "entity": entity, "column_name": c, "first_seen": stamp["loaded_at"]}
                for c in sorted(columns - known)
            ],
        )


def _cursors(tx: Tx, source: str, chunk: Chunk, stamp: dict[str, object]) -> None:
    known = cursors(tx, source)
    moved = [c for c in chunk.cursors.values() if known.get(c.stream) != c]
    for c in moved:
        if c.stream in known:
            tx.execute(
                "delete from ops.cursor where source_system = :source and stream = :stream",
                source=source,
                stream=c.stream,
            )
    tx.insert(
        "ops.cursor",
        [
            {
                "source_system": source,
                "stream": c.stream,
                "position": c.position,
                "cursor_key": c.key,
                "load_id": stamp["load_id"],
                "updated_at": stamp["loaded_at"],
            }
            for c in moved
        ],
    )


def _record(
    tx: Tx,
    connector: Connector,
    source: str,
    chunk: Chunk,
    fresh: dict[str, int],
    set_aside: dict[str, int],
    started: datetime,
    stamp: dict[str, object],
) -> bool:
    """Write the load's record, an entity a row; a load that brought nothing new leaves none."""
    changed = sorted({n for n, count in fresh.items() if count} | {n for n, count in set_aside.items() if count})
    tx.insert(
        "ops.load",
        [
            {
                "load_id": stamp["load_id"],
                "source_system": source,
                "connector": connector.name,
                "entity": name,
                "started_at": started,
                "loaded_at": stamp["loaded_at"],
                "rows_in": chunk.rows_in.get(name, 0),
                "rows_new": fresh.get(name, 0),
                "quarantined": set_aside.get(name, 0),
                "bytes": sum(t.nbytes for t in chunk.rows.get(name, [])),
            }
            for name in changed
        ],
    )
    return bool(changed)
