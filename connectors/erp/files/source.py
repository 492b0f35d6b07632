"""The drop as a dlt source: file by file in the order of their names, each known by the hash of its content.

Belongs here: the order of things, cursors, what is set aside whole. Not here: formats, mapping, the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

import pyarrow as pa

from connectors.erp.files.folder import FORMATS, DropFile, Folder, in_utf8
from connectors.erp.files.mapping import Mapping, fingerprint, mappings
from connectors.erp.files.readers.chunk import Chunk, UnreadableFileError
from connectors.erp.files.readers.csv_file import read_csv
from connectors.erp.files.readers.jsonl_file import read_jsonl
from connectors.erp.files.readers.parquet_file import read_parquet
from connectors.erp.files.settings import FilesSettings, entity_of
from connectors.kit.contract import Batch, Cursor, Cursors, Item, Reject, Rejects
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.inbox import REFUSED, Taken, waits
from connectors.kit.text_table import Writing


def source(name: str, settings: FilesSettings, cursors: Cursors) -> Any:
    """Return the dlt source of a drop: one resource, since one file may serve several entities."""
    import dlt

    @dlt.source(name=name)
    def drop() -> Any:
        return dlt.resource(lambda: read_drop(settings, cursors), name="files")

    return drop()


def read_drop(settings: FilesSettings, cursors: Cursors) -> Iterator[Item]:
    """Read every file that is not known yet. A file that may not be read is told of after the others were."""
    folder = Folder(settings)
    with folder.inbox:
        yield from _read_all(folder, settings, cursors)


def _read_all(folder: Folder, settings: FilesSettings, cursors: Cursors) -> Iterator[Item]:
    listed = folder.listed()
    taken = Taken(folder.inbox, cursors)
    named = [f for f in listed.files if f.entities or (not settings.files and f.format in FORMATS)]
    new = [f for f in named if not taken.knows(f.stored, fingerprint(settings, f.entities))]
    moving = set()
    if folder.inbox.is_remote:
        moving = set(folder.inbox.finished([f.stored for f in new], lambda _f: True)[1])
    refused: ConnectorError | None = None
    known = dict(cursors)
    for file in new:
        if file.stored in moving:
            continue
        try:
            for item in _read_new(folder, file, settings, known, taken):
                if item is None:
                    moving.add(file.stored)
                    continue
                yield item
        except FatalError as error:
            refused = refused or error
    yield from waits([f.stored for f in new if f.stored in moving], listed.unfinished)
    if refused:
        raise refused


def _read_new(
    folder: Folder, file: DropFile, settings: FilesSettings, known: dict[str, Cursor], taken: Taken
) -> Iterator[Item | None]:
    """Yield what a file gives that is not known; None where it is still being written."""
    with folder.content(file) as (stream, digest):
        if not digest:
            yield None
            return
        cursor = Cursor(f"file:{digest}:{fingerprint(settings, file.entities)}", file.name)
        if cursor.stream in known:
            yield from taken.repeats(file.stored, cursor.stream, known[cursor.stream].position)
            return
        held: Item | None = None
        try:
            for item in _items(file, stream, settings):
                if held is not None:
                    yield held
                held = item
        except UnreadableFileError as error:
            if held is not None:
                yield held
            entity = entity_of(file.entities[0]) if file.entities else ""
            held = Rejects((Reject(entity, f"{file.name} {error}", file.name),))
            cursor = replace(cursor, key=REFUSED)
        if isinstance(held, Batch | Rejects):
            known[cursor.stream] = cursor
            yield replace(held, cursor=cursor)
            yield from taken.marks(file.stored, cursor.stream)


def _items(file: DropFile, stream: IO[bytes], settings: FilesSettings) -> Iterator[Batch | Rejects]:
    if not file.entities:
        raise UnreadableFileError(
            "is no entity's by its name; begin it with one such as documents, or list it under files"
        )
    readings = mappings(settings, file.entities)
    judged = file.format == "jsonl"
    empty = True
    if any(reading.filter and reading.filter.selected for reading in readings):
        for chunk in _chunks(file, stream, readings, settings):
            for reading in readings:
                reading.learn(chunk)
        stream.seek(0)
    for chunk in _chunks(file, stream, readings, settings):
        empty = False
        if not judged:
            _expect_some_column(chunk, readings)
            judged = True
        if chunk.bad:
            name = readings[0].entity.name
            yield Rejects(tuple(Reject(name, b.reason, file.name, b.line, row=b.row) for b in chunk.bad))
        for mapping in readings:
            batch, rejects = mapping.read(chunk, file.name)
            if rejects:
                yield Rejects(tuple(rejects))
            yield batch
    if empty:
        yield Batch(readings[0].entity, pa.table({}))


def _chunks(file: DropFile, stream: IO[bytes], readings: list[Mapping], settings: FilesSettings) -> Iterator[Chunk]:
    formats = settings.formats
    if file.format == "parquet":
        kinds = {header: kind for mapping in reversed(readings) for header, kind in mapping.kinds().items()}
        yield from read_parquet(stream, kinds, Writing(formats.timezone, formats.floats == "allow"))
        return
    with in_utf8(stream, formats.encoding) as text:
        if file.format == "jsonl":
            yield from read_jsonl(text)
        else:
            yield from read_csv(text, formats.delimiter)


def _expect_some_column(chunk: Chunk, readings: list[Mapping]) -> None:
    """Refuse a file that names no column of its entity: its header is missing, or cut by another delimiter."""
    names = set(chunk.rows.column_names)
    for mapping in readings:
        if not names & set(mapping.kinds()):
            has = ", ".join(chunk.rows.column_names)[:200]
            raise UnreadableFileError(
                f"names no column of {mapping.entity.name} in its header ({has}); a header is needed"
            )
