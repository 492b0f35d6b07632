"""The drop's folder: which files are there, whose they are, and a file's content with its hash.

Belongs here: names, entities, text encodings. Not here: the storage (``kit/inbox``), what stands in a file.
"""

from __future__ import annotations

import codecs
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO

from connectors.erp.files.readers.chunk import UnreadableFileError
from connectors.erp.files.settings import ENTITIES, FilesSettings
from connectors.kit.inbox import Inbox, Stored

FORMATS = ("csv", "jsonl", "parquet")
_BLOCK = 2**20
_IN_MEMORY = 16 * 2**20


@dataclass(frozen=True)
class DropFile:
    """A file of the drop: its name below the folder, its full path, and the entities that are read from it."""

    stored: Stored
    entities: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name below the folder."""
        return self.stored.name

    @property
    def format(self) -> str:
        """Return csv, jsonl, parquet, or whatever the name ends in."""
        return PurePosixPath(self.name).suffix.removeprefix(".").lower()


@dataclass(frozen=True)
class Listed:
    """The drop's files by name, and the names of those that their senders call unfinished."""

    files: list[DropFile]
    unfinished: list[str] = field(default_factory=list)


class Folder:
    """A folder anywhere that fsspec reaches."""

    def __init__(self, settings: FilesSettings) -> None:
        self._settings = settings
        self.inbox = Inbox(settings, settings.storage)

    @property
    def pattern(self) -> str:
        """How deep it is looked: below the folder only where a pattern says so."""
        return pattern_of(self._settings)

    def listed(self) -> Listed:
        """Return what lies there. FatalError when there is no folder that can be read."""
        found = self.inbox.listing(self.pattern)
        names = [n for n in found.unfinished if self._entities(n)]
        return Listed(
            [DropFile(f, self._entities(f.name)) for f in found.files if not _is_aside(f.name)],
            [n for n in names if not _is_aside(n)],
        )

    def files(self) -> list[DropFile]:
        """Return the folder's finished files by name. FatalError when there is no folder that can be read."""
        return self.listed().files

    def _entities(self, name: str) -> tuple[str, ...]:
        """Return the entities whose patterns a name fits, in the order configured; else the one that it begins with."""
        named = [
            entity
            for entity, patterns in self._settings.files.items()
            if any(fnmatchcase(name, pattern) and ("/" in pattern or "/" not in name) for pattern in patterns)
        ]
        if named or "/" in name:
            return tuple(named)
        begun = [e for e in ENTITIES if name.lower().startswith(e) and e not in self._settings.files]
        return (max(begun, key=len),) if begun else ()

    def _is_growing(self, file: DropFile, copy: IO[bytes]) -> bool:
        """Say whether someone still writes to a file: it is fresh, does not end with a line, and is changing."""
        settle = self._settings.settle_seconds
        size = copy.seek(0, 2)
        copy.seek(max(size - 1, 0))
        if file.format == "parquet" or copy.read(1) in (b"\n", b"") or not settle:
            return False
        changed = file.stored.modified
        if not changed or time.time() - changed > settle:
            return False
        time.sleep(settle)
        return not self.inbox.unchanged(file.stored)

    @contextmanager
    def content(self, file: DropFile) -> Iterator[tuple[IO[bytes], str]]:
        """Give a file's content as a stream, in UTF-8 where it is text, with the hash of the file as it is.

        The stream is a copy: what is read is what was hashed. The hash is empty where the file is still growing.
        """
        with self.inbox.content(file.stored) as (copy, digest):
            if digest and self._is_growing(file, copy):
                digest = ""
            copy.seek(0)
            yield copy, digest


def pattern_of(settings: FilesSettings) -> str:
    """The pattern under which all of a drop's files are listed."""
    deep = any("/" in pattern for patterns in settings.files.values() for pattern in patterns)
    return "**" if deep else "*"


@contextmanager
def in_utf8(stream: IO[bytes], encoding: str) -> Iterator[IO[bytes]]:
    """Give a text stream in UTF-8; UnreadableFileError when it is not in the encoding that is configured."""
    start = stream.read(4)
    stream.seek(0)
    if encoding == "utf-8":
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise UnreadableFileError("is UTF-16, not UTF-8; save it as UTF-8 or set formats.encoding: utf-16")
        yield stream
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        reader = codecs.getreader(encoding)(stream)
        try:
            shutil.copyfileobj(reader, codecs.getwriter("utf-8")(copy), _BLOCK)
        except UnicodeError:
            raise UnreadableFileError(f"is not {encoding} text; set formats.encoding to what it is") from None
        copy.seek(0)
        yield copy


def _is_aside(name: str) -> bool:
    return PurePosixPath(name).name.startswith("_")
