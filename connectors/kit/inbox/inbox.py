"""An inbox through fsspec: what lies in it, whether it is finished, its bytes, moving and deleting.

Belongs here: one storage and its errors in the house's words. Not here: what was read before (``known``), what stands
in a file. A lost connection is tried again, as often as the settings say.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import IO, Any, TypeVar

from fsspec.core import url_to_fs
from fsspec.utils import glob_translate
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.inbox import opening
from connectors.kit.inbox.settings import InboxSettings

#: Names that senders give a file while they write it.
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
_BLOCK = 2**20
_IN_MEMORY = 16 * 2**20
_EMPTY_WAITS = 600  # seconds in which a file that is still empty is somebody's that has only been opened
_CLOCKS_DIFFER = 86_400  # seconds by which a server's clock may differ from ours, and a file still be looked at twice
T = TypeVar("T")


@dataclass(frozen=True)
class Stored:
    """A file of an inbox: its name below the folder, its full path, and what changes when its content does."""

    name: str
    path: str
    size: int
    modified: float
    etag: str = ""

    @property
    def stamp(self) -> str:
        """Size with time of change or ETag: another one means another content."""
        return f"{self.size}|{self.etag or self.modified}"


@dataclass(frozen=True)
class Listing:
    """The files of an inbox by name, and the names of those that their senders still call unfinished."""

    files: tuple[Stored, ...]
    unfinished: tuple[str, ...] = ()


class Inbox:
    """One folder, wherever it is; a context manager. ``options`` go to fsspec as they are."""

    def __init__(self, settings: InboxSettings, options: Mapping[str, Any]) -> None:
        self.settings = settings
        try:
            self._fs, root = opening.filesystem(settings, options, url_to_fs)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"path {settings.path!r} cannot be used: {error}") from None
        except OSError as error:
            raise self._unusable(error) from None
        self._root = str(root).rstrip("/") or "/"

    @property
    def is_remote(self) -> bool:
        """Whether another machine keeps the files: its clock is not ours, and its connection may be lost."""
        return bool(self.settings.scheme) and self.settings.scheme not in ("file", "local", "memory")

    @cached_property
    def _is_store(self) -> bool:
        return self.settings.scheme in ("s3", "s3a", "gs", "gcs", "az", "abfs")

    def listing(self, pattern: str = "*") -> Listing:
        """Return the files that fit the pattern, by name; ``**`` goes deeper. FatalError when there is no folder."""
        deep = "/" in pattern or "**" in pattern
        found = self._tried(lambda: list(self._found(deep)))
        fits = re.compile(glob_translate(pattern)).match
        archive = self.settings.archive_folder + "/"
        files, unfinished = [], []
        for entry in sorted(found, key=lambda f: f.name):
            hidden = any(part.startswith((".", "~")) for part in PurePosixPath(entry.name).parts)
            if hidden or entry.name.startswith(archive):
                continue
            if entry.name.lower().endswith(UNFINISHED):
                unfinished.append(entry.name)
            elif fits(entry.name):
                files.append(entry)
        return Listing(tuple(files), tuple(unfinished))

    def finished(self, files: Iterable[Stored], is_new: Callable[[Stored], bool]) -> tuple[list[Stored], list[Stored]]:
        """Part the files into those that may be read and those still being written.

        A fresh one that is not known yet is looked at again after the settle time: by its stamp and not by a clock,
        since a server's clock is not ours. Without a settle time every file counts as finished.
        """
        listed, settle = list(files), self.settings.settle_seconds
        fresh = [
            f for f in listed if settle and is_new(f) and self._age(f) < (_CLOCKS_DIFFER if self.is_remote else settle)
        ]
        moving: set[Stored] = set()
        if fresh:
            time.sleep(settle)
            moving = {f for f in fresh if not self.unchanged(f)}
        if settle:
            patience = _CLOCKS_DIFFER if self.is_remote else _EMPTY_WAITS
            moving |= {f for f in listed if not f.size and is_new(f) and self._age(f) < patience}
        return [f for f in listed if f not in moving], [f for f in listed if f in moving]

    def unchanged(self, file: Stored) -> bool:
        """Whether a file is still there and as it was listed."""
        now = self.stat(file.path, file.name)
        return now is not None and now.stamp == file.stamp

    def stat(self, path: str, name: str = "") -> Stored | None:
        """Return what the storage says of a path now; None where there is nothing."""

        def asked() -> Stored | None:
            self._fs.invalidate_cache()
            try:
                return _stored(self._fs.info(path), name or path)
            except FileNotFoundError:
                return None

        return self._tried(asked)

    @contextmanager
    def content(self, file: Stored) -> Iterator[tuple[IO[bytes], str]]:
        """Give a copy of a file's content, and its hash: what is read is what was hashed.

        The hash is empty where the file changed meanwhile. FatalError where it may not be read.
        """
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            digest = self._tried(lambda: self._copied(file, copy), file)
            size = copy.tell()
            copy.seek(0)
            yield copy, digest if size == file.size and self.unchanged(file) else ""

    def archive(self, file: Stored, digest: str) -> bool:
        """Move a file into the archive, under another name where that one is taken; False where it has changed."""
        folder = posixpath.join(self._root, self.settings.archive_folder)
        target = posixpath.join(folder, file.name)
        if self.stat(target) is not None:
            stem, ending = posixpath.splitext(target)
            target = f"{stem}.{digest[:12]}{ending}"
            if self.stat(target) is not None:  # the same content is in the archive already
                return self.delete(file)
        return self._tried(lambda: self._moved(file, target), file)

    def delete(self, file: Stored) -> bool:
        """Delete a file; False where it has changed, or is gone."""
        return self.unchanged(file) and self._tried(lambda: self._removed(file), file)

    def __enter__(self) -> Inbox:
        return self

    def __exit__(self, *_: object) -> None:
        """End the connection, where there is one."""
        if hasattr(self._fs, "close"):
            self._fs.close()

    def _found(self, deep: bool) -> Iterator[Stored]:
        self._fs.invalidate_cache()
        if not self._is_store:
            self._expect_folder()
            yield from self._walk(self._root, deep)
            return
        listed = list(self._fs.find(self._root, detail=True).values() if deep else []) or self._objects()
        for info in listed:
            if info["type"] == "file" and not info["name"].endswith("/") and info["name"].strip("/") != self._root:
                yield _stored(info, self._below(info["name"]))

    def _objects(self) -> list[dict[str, Any]]:
        try:
            return list(self._fs.ls(self._root, detail=True))
        except FileNotFoundError:  # nothing under the prefix is an empty inbox; no bucket is none
            bucket = self._root.partition("/")[0]
            if self._root == bucket or not self._fs.exists(bucket):
                raise FatalError(f"bucket {bucket} of {self.settings.path} is not there; correct path") from None
            return []

    def _expect_folder(self) -> None:
        try:
            kind = self._fs.info(self._root)["type"]
        except FileNotFoundError:
            raise FatalError(
                f"folder {self.settings.path} is not there; create it, or name an existing folder as path"
            ) from None
        if kind not in ("directory", "link"):
            raise FatalError(f"folder {self.settings.path} is a file, not a folder; name an existing folder as path")

    def _walk(self, folder: str, deep: bool) -> Iterator[Stored]:
        for info in self._fs.ls(folder, detail=True):
            if info["type"] == "link":
                try:
                    info = {**self._fs.info(info["name"]), "name": info["name"]}
                except FileNotFoundError:
                    continue  # a link to nowhere
            if info["type"] == "file":
                yield _stored(info, self._below(info["name"]))
            elif deep and info["type"] == "directory":
                yield from self._walk(info["name"], deep)

    def _below(self, path: str) -> str:
        return path.removeprefix(self._root).lstrip("/")

    def _age(self, file: Stored) -> float:
        return abs(time.time() - file.modified)

    def _copied(self, file: Stored, copy: IO[bytes]) -> str:
        copy.seek(0)
        copy.truncate()
        digest = hashlib.sha256()
        with self._fs.open(file.path, "rb") as original:
            while block := original.read(_BLOCK):
                digest.update(block)
                copy.write(block)
        return digest.hexdigest()

    def _moved(self, file: Stored, target: str) -> bool:
        before = self.stat(file.path, file.name)
        if before is None or before.stamp != file.stamp:
            return False
        if self._is_store:
            self._fs.copy(file.path, target)
            return self.delete(file)
        self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self._fs.mv(file.path, target)
        after = self.stat(target, file.name)
        if after is not None and after.stamp != file.stamp and self.stat(file.path) is None:
            self._fs.mv(target, file.path)  # somebody wrote to it between the two looks
            return False
        return True

    def _removed(self, file: Stored) -> bool:
        self._fs.rm_file(file.path)
        return True

    def _tried(self, action: Callable[[], T], file: Stored | None = None) -> T:
        def once() -> T:
            try:
                return action()
            except ConnectorError:
                raise
            except Exception as error:
                raise self._unusable(error, file) from None

        again = Retrying(
            stop=stop_after_attempt(self.settings.attempts if self.is_remote else 1),
            wait=wait_exponential_jitter(multiplier=0.2, max=10, jitter=0.2),
            retry=retry_if_exception_type(RetriableError),
            reraise=True,
        )
        return again(once)

    def _unusable(self, error: Exception, file: Stored | None = None) -> ConnectorError:
        what = f"file {file.path}" if file else f"folder {self.settings.path}"
        return opening.translated(error, what, is_remote=self.is_remote, is_file=file is not None)


def _stored(info: Mapping[str, Any], name: str) -> Stored:
    stamp: Any = next(
        (info[k] for k in ("mtime", "LastModified", "last_modified", "updated", "created") if info.get(k)), 0
    )
    modified = stamp.timestamp() if isinstance(stamp, datetime) else float(stamp)
    return Stored(name, str(info["name"]), int(info.get("size") or 0), modified, str(info.get("ETag") or "").strip('"'))
