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
from connectors.erp.files.settings import ENTITIES, FilesSettings, Formats, entity_of
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
    name: str
    columns: dict[str, str | tuple[str, ...] | None] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    absolute: bool = False
    filter: Filter | None = None
    formats: Formats = field(default_factory=Formats)
    keeps_unmapped: bool = True
    others: frozenset[str] = frozenset()

    def headers_of(self, column: Field) -> tuple[str, ...]:
        """Return the headers that a column is read from: the mapped ones, else its own name if no other uses that."""
        if column.name in self.columns:
            return _several(self.columns[column.name])
        return () if column.name in self.mapped else (column.name,)

    @property
    def mapped(self) -> set[str]:
        """The headers that the mapping names."""
        return {header for headers in self.columns.values() for header in _several(headers)}

    def kinds(self) -> dict[str, FieldType]:
        """Return what the file's columns are, by their headers."""
        return {
            header: f.type if len(headers) == 1 else FieldType.TEXT
            for f in self.entity.fields
            for headers in [self.headers_of(f)]
            for header in headers
        }

    def learn(self, chunk: Chunk) -> None:
        """Show the filter some of the file, where it has to see all of it first."""
        if self.filter is not None and self.filter.selected and chunk.rows.num_rows:
            self._expect_columns(self.filter, chunk)
            for selected in self.filter.selected:
                selected.learn(chunk.rows.combine_chunks())

    def read(self, chunk: Chunk, file: str) -> tuple[Batch, list[Reject]]:
        """Return the chunk's rows as a batch, and those whose values are not written as configured."""
        rows, lines = self._picked(chunk)
        columns: dict[str, pa.Array] = {}
        faults: list[tuple[Field, pa.Array, str]] = []
        for column in self.entity.fields:
            headers = self.headers_of(column)
            if headers and set(headers) <= set(rows.column_names):
                said = _joined(rows, headers)
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
        self._expect_columns(self.filter, chunk)
        mask = self.filter.mask(chunk.rows.combine_chunks())
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        return chunk.rows.filter(mask), chunk.lines.filter(mask)

    def _expect_columns(self, picks: Filter, chunk: Chunk) -> None:
        missing = sorted(picks.columns - set(chunk.rows.column_names))
        if missing:
            has = ", ".join(chunk.rows.column_names)
            raise UnreadableFileError(f"has no column {missing[0]!r}, which filters.{self.name} asks for; it has {has}")

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


def mappings(settings: FilesSettings, readings: Sequence[str]) -> list[Mapping]:
    """Return how each of a file's entities is read. What none of them maps stays with the first one."""
    plain = [
        Mapping(
            ENTITIES[entity_of(name)],
            name,
            columns=settings.columns.get(name, {}),
            constants=settings.constants.get(name, {}),
            values=settings.values.get(name, {}),
            absolute=name in settings.sign,
            filter=parse_filter(settings.filters[name]) if name in settings.filters else None,
            formats=settings.formats,
        )
        for name in readings
    ]
    taken = frozenset(header for mapping in plain for header in mapping.mapped)
    return [
        Mapping(**{**vars(mapping), "keeps_unmapped": mapping.entity is plain[0].entity, "others": taken})
        for mapping in plain
    ]


def fingerprint(settings: FilesSettings, readings: Sequence[str]) -> str:
    """Return a short hash of how these entities are read: another mapping makes the same file a new one."""
    said = {
        "entities": list(readings),
        "formats": settings.formats.model_dump(mode="json"),
        **{
            key: {name: getattr(settings, key)[name] for name in readings if name in getattr(settings, key)}
            for key in ("columns", "constants", "values", "sign", "filters")
        },
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _several(headers: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if headers is None:
        return ()
    return (headers,) if isinstance(headers, str) else headers


def _joined(rows: pa.Table, headers: tuple[str, ...]) -> pa.Array:
    """Return a column of one header as it is; of several, their cells joined, null where one of them is empty."""
    if len(headers) == 1:
        return _flat(rows, headers[0])
    cells = [pc.utf8_trim_whitespace(_flat(rows, header)) for header in headers]
    stated = [pc.if_else(pc.equal(pc.binary_length(c), 0), pa.scalar(None, pa.string()), c) for c in cells]
    return pc.binary_join_element_wise(*stated, "/")


def _flat(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
