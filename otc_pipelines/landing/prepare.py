"""From what a source said to rows that may be stored: redacted, typed, keyed, pseudonymised; the rest set aside.

Belongs here: what happens to a batch before any file or table sees it. Not here: SQL, dlt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.kit.contract import ARROW_TYPES, Batch, Cursor, Entity, Item, KeySweep, Reject, Rejects
from connectors.kit.redact import redact_table, redact_text
from connectors.kit.validation import validate

KEY_SEPARATOR = "|"


@dataclass
class Chunk:
    """Items that will be committed together: rows and sweeps by entity, rejects, cursors."""

    rows: dict[str, list[pa.Table]] = field(default_factory=dict)
    sweeps: dict[str, list[pa.Table]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    rows_in: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    unknown_columns: dict[str, set[str]] = field(default_factory=dict)
    redacted: int = 0
    size: int = 0
    bytes: int = 0


class Preparer:
    """Turns a source's items into a chunk. ``salt`` keys the pseudonyms; it never leaves the instance."""

    def __init__(self, source: str, entities: Mapping[str, Entity], salt: bytes) -> None:
        self._source = source
        self._entities = entities
        self._salt = salt
        self._sequence = 0

    def add(self, chunk: Chunk, item: Item) -> None:
        """Add one item to the chunk. Raises TypeError for a thing that is no item: a connector's defect."""
        if isinstance(item, Batch):
            self._batch(chunk, item)
        elif isinstance(item, Rejects):
            self._reject(chunk, item.items)
            for one in item.items:
                chunk.rows_in[one.entity] = chunk.rows_in.get(one.entity, 0) + 1
        elif isinstance(item, KeySweep):
            keys = item.keys.select(list(item.entity.key))
            chunk.sweeps.setdefault(item.entity.name, []).append(pa.table({"_key": _joined(keys)}))
            chunk.size += keys.num_rows
        else:
            raise TypeError(f"source {self._source} gave a {type(item).__name__}; Batch, Rejects or KeySweep is meant")
        cursor = getattr(item, "cursor", None)
        if cursor is not None:
            chunk.cursors[cursor.stream] = Cursor(cursor.stream, redact_text(cursor.position), cursor.key)

    def pseudonym(self, entity: str, key: str) -> str:
        """The name under which a person is known after landing: keyed, stable, meaningless by itself."""
        return hmac.new(self._salt, f"{self._source}|{entity}|{key}".encode(), hashlib.sha256).hexdigest()[:32]

    def _batch(self, chunk: Chunk, batch: Batch) -> None:
        entity = batch.entity
        clean, hits = redact_table(batch.rows)
        chunk.redacted += hits
        validated = validate(Batch(entity, clean, batch.absent))
        self._reject(chunk, validated.rejects)
        chunk.rows_in[entity.name] = chunk.rows_in.get(entity.name, 0) + batch.rows.num_rows
        declared = {f.name for f in entity.fields}
        unknown = {c for c in batch.rows.column_names if c not in declared and not c.startswith("_")}
        if unknown:
            chunk.unknown_columns.setdefault(entity.name, set()).update(unknown)
        if validated.good.num_rows:
            table = self._complete(entity, validated.good, batch.absent)
            chunk.rows.setdefault(entity.name, []).append(table)
            chunk.bytes += table.nbytes
        chunk.size += batch.rows.num_rows

    def _complete(self, entity: Entity, good: pa.Table, absent: Iterable[str]) -> pa.Table:
        count = good.num_rows
        columns: dict[str, Any] = {}
        for f in entity.fields:
            present = f.name in good.column_names
            columns[f.name] = good.column(f.name) if present else pa.nulls(count, ARROW_TYPES[f.type])
        for name, kind in (("_extra", pa.string()), ("_file", pa.string()), ("_line", pa.int64())):
            columns[name] = good.column(name).cast(kind) if name in good.column_names else pa.nulls(count, kind)
        key = _joined(good.select(list(entity.key)))
        columns["_key"] = key
        left_out = sorted(set(absent) - {"recorded_at", "deleted"})
        columns["_absent"] = pa.array([",".join(left_out)] * count, pa.string())
        columns["_seq"] = pa.array(range(self._sequence, self._sequence + count), pa.int64())
        self._sequence += count
        if entity.personal:
            columns["person"] = pa.array([self.pseudonym(entity.name, k) for k in key.to_pylist()], pa.string())
        return pa.table(columns)

    def _reject(self, chunk: Chunk, rejects: Iterable[Reject]) -> None:
        for r in rejects:
            row = {str(k): redact_text(str(v)) for k, v in r.row.items() if v is not None}
            reason, file, key = (redact_text(text) for text in (r.reason, r.file, r.key))
            clean = Reject(r.entity, reason, file, r.line, key, row, r.whole)
            chunk.rejects.append(clean)
            chunk.rejected[r.entity] = chunk.rejected.get(r.entity, 0) + 1
            chunk.size += 1


def reject_id(source: str, reject: Reject) -> str:
    """Identity of a quarantined row, so that meeting it again adds nothing."""
    said = json.dumps(
        [source, reject.entity, reject.file, reject.line, reject.key, reject.reason, dict(sorted(reject.row.items()))]
    )
    return hashlib.sha256(said.encode()).hexdigest()


def _joined(keys: pa.Table) -> pa.Array:
    parts = [pc.fill_null(column.cast(pa.string()), "") for column in keys.columns]
    if len(parts) == 1:
        return pa.chunked_array(parts[0].chunks, pa.string()).combine_chunks()
    joined = pc.binary_join_element_wise(*parts, KEY_SEPARATOR)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
