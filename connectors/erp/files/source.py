"""The drop as a dlt source: file by file in the order of their names, each known by the hash of its content.

Belongs here: the order of things, cursors, what is set aside whole. Not here: formats, mapping, the folder.
"""

from __future__ import annotations

import logging
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
from connectors.erp.files.settings import FilesSettings
from connectors.kit.contract import Batch, Cursor, Cursors, Item, Reject, Rejects
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.text_table import Writing

_log = logging.getLogger(__name__)


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
    refused: ConnectorError | None = None
    for file in folder.files():
        if not file.entities and (settings.files or file.format not in FORMATS):
            continue
        try:
            yield from _read_new(folder, file, settings, cursors)
        except FatalError as error:
            refused = refused or error
    if refused:
        raise refused


def _read_new(folder: Folder, file: DropFile, settings: FilesSettings, cursors: Cursors) -> Iterator[Item]:
    with folder.content(file) as (stream, digest):
        if not digest:
            _log.info("%s is still being written; it is left for the next run", file.name)
            return
        cursor = Cursor(f"file:{digest}:{fingerprint(settings, file.entities)}", file.name)
        if cursor.stream in cursors:
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
            entity = file.entities[0] if file.entities else ""
            held = Rejects((Reject(entity, f"{file.name} {error}", file.name),))
        if isinstance(held, Batch | Rejects):
            yield replace(held, cursor=cursor)


def _items(file: DropFile, stream: IO[bytes], settings: FilesSettings) -> Iterator[Batch | Rejects]:
    if not file.entities:
        raise UnreadableFileError(
            "is no entity's by its name; begin it with one such as documents, or list it under files"
        )
    readings = mappings(settings, file.entities)
    judged = file.format == "jsonl"
    empty = True
    for chunk in _chunks(file, stream, readings, settings):
        empty = False
        if not judged:
            _expect_some_column(chunk, readings)
            judged = True
        if chunk.bad:
            yield Rejects(tuple(Reject(file.entities[0], b.reason, file.name, b.line, row=b.row) for b in chunk.bad))
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
