"""Reads a file's rows as an entity's: filters, renames, translates, fills, rewrites; what nobody maps is kept beside.

Belongs here: the meaning of the mapping settings over one chunk. Not here: files, formats of values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from connectors.erp.files.filters import Filter, parse_filter
from connectors.erp.files.formats import as_contract, unsigned
from connectors.erp.files.readers.chunk import Chunk, UnreadableFileError
from connectors.erp.files.settings import ENTITIES, FilesSettings, Formats
from connectors.kit.contract import Batch, Entity, Field, FieldType, Reject
from connectors.kit.redact import redact_text
from connectors.kit.validation import key_text

_STANDARD = frozenset({"recorded_at", "deleted"})
_RESERVED = frozenset({"_file", "_line"})
_SHOWN = 60


@dataclass(frozen=True)
class Mapping:
    """How one entity is read from a file. ``others``: headers that the file's other entities take for themselves."""

    entity: Entity
    columns: dict[str, str | None] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    absolute: bool = False
    filter: Filter | None = None
    formats: Formats = field(default_factory=Formats)
    keeps_unmapped: bool = True
    others: frozenset[str] = frozenset()

    def header_of(self, column: Field) -> str | None:
        """Return the header that a column is read from: the mapped one, else its own name if nothing else uses that."""
        if column.name in self.columns:
            return self.columns[column.name]
        return None if column.name in self.columns.values() else column.name

    def kinds(self) -> dict[str, FieldType]:
        """Return what the file's columns are, by their headers."""
        return {header: f.type for f in self.entity.fields if (header := self.header_of(f))}

    def read(self, chunk: Chunk, file: str) -> tuple[Batch, list[Reject]]:
        """Return the chunk's rows as a batch, and those whose values are not written as configured."""
        rows, lines = self._picked(chunk)
        columns: dict[str, pa.Array] = {}
        faults: list[tuple[Field, pa.Array, str]] = []
        for column in self.entity.fields:
            header = self.header_of(column)
            if header in rows.column_names:
                said = _flat(rows, header)
                text, wrong, allowed = as_contract(column, self._translated(column, said), self.formats)
                if wrong is not None:
                    faults.append((column, wrong, allowed))
                if self.absolute and column.type is FieldType.DECIMAL:
                    text = unsigned(text)
                columns[column.name] = text
            elif column.name in self.constants:
                columns[column.name] = pa.array([self.constants[column.name]] * rows.num_rows, pa.string())
        absent = frozenset(f.name for f in self.entity.fields if f.name not in columns) - _STANDARD
        columns |= self._unmapped(rows)
        columns["_file"] = pa.array([file] * rows.num_rows, pa.string())
        columns["_line"] = lines
        table = pa.table(columns)
        if not faults:
            return Batch(self.entity, table, absent), []
        good, rejects = self._set_aside(table, rows, faults, file)
        return Batch(self.entity, good, absent), rejects

    def _picked(self, chunk: Chunk) -> tuple[pa.Table, pa.Array]:
        if self.filter is None or not chunk.rows.num_rows:
            return chunk.rows, chunk.lines
        missing = sorted(self.filter.columns - set(chunk.rows.column_names))
        if missing:
            has = ", ".join(chunk.rows.column_names)
            raise UnreadableFileError(
                f"has no column {missing[0]!r}, which filters.{self.entity.name} asks for; it has {has}"
            )
        mask = self.filter.mask(chunk.rows.combine_chunks())
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        return chunk.rows.filter(mask), chunk.lines.filter(mask)

    def _translated(self, column: Field, said: pa.Array) -> pa.Array:
        codes = self.values.get(column.name)
        if not codes:
            return said
        at = pc.index_in(pc.utf8_trim_whitespace(said), value_set=pa.array(list(codes), pa.string()))
        return pc.coalesce(pa.array(list(codes.values()), pa.string()).take(at), said)

    def _unmapped(self, rows: pa.Table) -> dict[str, pa.Array]:
        if not self.keeps_unmapped:
            return {}
        used = set(self.kinds()) | self.others
        taken = {f.name for f in self.entity.fields} | _RESERVED
        return {
            (f"{name} (source)" if name in taken else name): _flat(rows, name)
            for name in rows.column_names
            if name not in used
        }

    def _set_aside(
        self, table: pa.Table, rows: pa.Table, faults: Sequence[tuple[Field, pa.Array, str]], file: str
    ) -> tuple[pa.Table, list[Reject]]:
        wrong = pa.array([False] * rows.num_rows, pa.bool_())
        for _, mask, _ in faults:
            wrong = pc.or_(wrong, mask)
        bad, said = table.filter(wrong), rows.filter(wrong).to_pylist()
        reasons: list[list[str]] = [[] for _ in said]
        for column, mask, allowed in faults:
            values = bad.column(column.name).to_pylist()
            for i, at_fault in enumerate(mask.filter(wrong).to_pylist()):
                if at_fault:
                    shown = "" if column.personal else f"{redact_text(str(values[i]))[:_SHOWN]!r} "
                    reasons[i].append(f"{column.name} {shown}{allowed}")
        keys = key_text(bad, self.entity).to_pylist()
        rejects = [
            Reject(self.entity.name, "; ".join(why), file, line, key, {k: v for k, v in row.items() if v is not None})
            for why, line, key, row in zip(reasons, bad.column("_line").to_pylist(), keys, said, strict=True)
        ]
        return table.filter(pc.invert(wrong)), rejects


def mappings(settings: FilesSettings, entities: Sequence[str]) -> list[Mapping]:
    """Return how each of a file's entities is read. What none of them maps stays with the first one."""
    plain = [
        Mapping(
            ENTITIES[name],
            columns=settings.columns.get(name, {}),
            constants=settings.constants.get(name, {}),
            values=settings.values.get(name, {}),
            absolute=name in settings.sign,
            filter=parse_filter(settings.filters[name]) if name in settings.filters else None,
            formats=settings.formats,
        )
        for name in entities
    ]
    taken = frozenset(header for mapping in plain for header in mapping.columns.values() if header)
    return [
        Mapping(**{**vars(mapping), "keeps_unmapped": index == 0, "others": taken})
        for index, mapping in enumerate(plain)
    ]


def fingerprint(settings: FilesSettings, entities: Sequence[str]) -> str:
    """Return a short hash of how these entities are read: another mapping makes the same file a new one."""
    said = {
        "entities": list(entities),
        "formats": settings.formats.model_dump(mode="json"),
        **{
            key: {name: getattr(settings, key)[name] for name in entities if name in getattr(settings, key)}
            for key in ("columns", "constants", "values", "sign", "filters")
        },
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _flat(rows: pa.Table, name: str | None) -> pa.Array:
    column = rows.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
