"""What a chunk's commit writes beside the versions: quarantine, unknown columns, cursors, the load's own record.

Belongs here: rows of ``ops``. Not here: versions (``versions``), the order of things (``land``).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connectors.kit.contract import Connector, Cursor
from otc_pipelines.landing.prepare import Chunk, reject_id
from otc_pipelines.warehouse import Tx

_QUARANTINE = pa.schema(
    [(name, pa.string()) for name in ("quarantine_id", "stage", "source_system", "connector", "entity", "file")]
    + [("line", pa.int64())]
    + [(name, pa.string()) for name in ("row_key", "reason", "row_json")]
    + [("loaded_at", pa.timestamp("us", tz="UTC")), ("load_id", pa.string()), ("status", pa.string())]
    + [("resolved_at", pa.timestamp("us", tz="UTC")), ("resolved_by", pa.string())]
)


def cursors(tx: Tx, source: str) -> dict[str, Cursor]:
    """How far each stream of a source has been read."""
    rows = tx.rows("select stream, position, cursor_key from ops.cursor where source_system = :source", source=source)
    return {r["stream"]: Cursor(r["stream"], r["position"], r["cursor_key"]) for r in rows}


def next_loaded_at(tx: Tx) -> datetime:
    """Now, and later than every load before: a clock that was set back must not reorder what we knew."""
    now = datetime.now(UTC)
    last = tx.scalar("select max(loaded_at) from ops.load")
    return now if last is None or now > last else last + timedelta(microseconds=1)


def resolve(tx: Tx, source: str, entity: str, stamp: dict[str, object]) -> None:
    """Close the entries in quarantine of rows that came right."""
    tx.execute(
        """update ops.quarantine set status = 'resolved', resolved_at = :loaded_at, resolved_by = :load_id
        where status = 'open' and stage in ('landing', 'reading') and source_system = :source and entity = :entity
            and row_key in (select "_key" from otc_new)""",
        source=source,
        entity=entity,
        **stamp,
    )


def quarantine(tx: Tx, connector: Connector, source: str, chunk: Chunk, stamp: dict[str, object]) -> dict[str, int]:
    """Set rows aside that were not set aside before; return how many of each entity."""
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


def unknown_columns(tx: Tx, source: str, chunk: Chunk, stamp: dict[str, object]) -> None:
    """Note the columns that nobody declared, once each."""
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


def move_cursors(tx: Tx, source: str, chunk: Chunk, stamp: dict[str, object]) -> None:
    """Keep how far each stream was read, where that moved."""
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


def record(
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
