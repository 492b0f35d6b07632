"""The drop's folder: which files are there, whose they are, and a file's content with its hash.

Belongs here: fsspec, names, bytes. Not here: what stands in a file.
"""

from __future__ import annotations

import codecs
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, Any

from fsspec.core import url_to_fs

from connectors.erp.files.readers.chunk import UnreadableFileError
from connectors.erp.files.settings import ENTITIES, FilesSettings
from connectors.kit.errors import ConfigError, FatalError, RetriableError

FORMATS = ("csv", "jsonl", "parquet")
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".partial")
_BLOCK = 2**20
_IN_MEMORY = 16 * 2**20


@dataclass(frozen=True)
class DropFile:
    """A file of the drop: its name below the folder, its full path, and the entities that are read from it."""

    name: str
    path: str
    entities: tuple[str, ...]

    @property
    def format(self) -> str:
        """Return csv, jsonl, parquet, or whatever the name ends in."""
        return PurePosixPath(self.name).suffix.removeprefix(".").lower()


class Folder:
    """A folder anywhere that fsspec reaches."""

    def __init__(self, settings: FilesSettings) -> None:
        self._settings = settings
        try:
            self._fs, self._root = url_to_fs(settings.path, **settings.storage)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"path {settings.path!r} cannot be used: {error}") from None
        except OSError as error:
            raise _unusable(settings.path, error) from None

    def files(self) -> list[DropFile]:
        """Return the folder's finished files by name. FatalError when there is no folder that can be read."""
        deep = any("/" in pattern for patterns in self._settings.files.values() for pattern in patterns)
        try:
            if not self._fs.isdir(self._root):
                there = "is a file, not a folder" if self._fs.exists(self._root) else "is not there"
                raise FatalError(f"folder {self._settings.path} {there}; name an existing folder as path")
            paths = self._fs.find(self._root) if deep else self._entries()
        except OSError as error:
            raise _unusable(self._settings.path, error) from None
        root = self._root.rstrip("/") + "/"
        names = sorted((str(p).removeprefix(root), str(p)) for p in paths)
        return [DropFile(n, p, self._entities(n)) for n, p in names if _is_finished(n)]

    def _entries(self) -> list[str]:
        listed = self._fs.ls(self._root, detail=True)
        return [entry["name"] for entry in listed if entry["type"] != "directory"]

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
        if (changed := _changed(self._fs.info(file.path))) is None or time.time() - changed > settle:
            return False
        time.sleep(settle)
        self._fs.invalidate_cache()
        now = self._fs.info(file.path)
        return (now.get("size"), _changed(now)) != (size, changed)

    @contextmanager
    def content(self, file: DropFile) -> Iterator[tuple[IO[bytes], str]]:
        """Give a file's content as a stream, in UTF-8 where it is text, with the hash of the file as it is.

        The stream is a copy: what is read is what was hashed. The hash is empty where the file is still growing.
        """
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            digest = hashlib.sha256()
            try:
                with self._fs.open(file.path, "rb") as original:
                    while block := original.read(_BLOCK):
                        digest.update(block)
                        copy.write(block)
            except OSError as error:
                raise FatalError(f"file {file.path} cannot be read: {_why(error)}; give the right to read it") from None
            if self._is_growing(file, copy):
                yield copy, ""
                return
            copy.seek(0)
            yield copy, digest.hexdigest()


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


def _changed(info: dict[str, Any]) -> float | None:
    stamp = info.get("mtime", info.get("LastModified"))
    return stamp.timestamp() if isinstance(stamp, datetime) else stamp


def _is_finished(name: str) -> bool:
    base = PurePosixPath(name).name
    return not base.startswith((".", "~", "_")) and not base.lower().endswith(_UNFINISHED)


def _unusable(path: str, error: OSError) -> FatalError | RetriableError:
    if isinstance(error, ConnectionError | TimeoutError):
        return RetriableError(f"folder {path} cannot be reached: {_why(error)}; try again later")
    return FatalError(f"folder {path} cannot be read: {_why(error)}; check path and rights")


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
