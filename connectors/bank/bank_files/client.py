"""The folder: which files are there and finished, and their bytes. Through fsspec, so that any storage will do.

Not here: what is in a file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import fsspec

from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.errors import FatalError

#: Names that senders give a file while they write it.
UNFINISHED = (".part", ".tmp", ".filepart", ".partial", ".crdownload", ".swp", "~")
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class DropFile:
    """A file of the folder. ``stamp`` changes when the file does; ``modified`` is 0 where the storage does not say."""

    name: str
    path: str
    size: int
    modified: float

    @property
    def stamp(self) -> tuple[int, float]:
        """Size and time of change."""
        return self.size, self.modified


class Drop:
    """One folder of bank files."""

    def __init__(self, settings: BankFilesSettings) -> None:
        options = dict(settings.storage_options)
        if settings.password is not None:
            options["password"] = settings.password.get_secret_value()
        self._settings = settings
        try:
            self._fs, self._root = fsspec.core.url_to_fs(settings.path, **options)
        except (ImportError, ValueError) as problem:
            raise FatalError(f"path {settings.path!r} cannot be reached: {problem}") from None

    def files(self) -> list[DropFile]:
        """Return the finished files, oldest first. FatalError where the folder cannot be read."""
        try:
            found = self._listed()
            settle = self._settings.settle_seconds
            young = [f for f in found if f.modified and time.time() - f.modified < settle]
            if young:
                time.sleep(settle)
                found = [f for f in found if f not in young or self.is_unchanged(f)]
        except (OSError, RuntimeError) as problem:
            raise FatalError(f"folder {self._settings.path!r} cannot be read: {_why(problem)}") from None
        return sorted(found, key=lambda f: (f.modified, f.name))

    def _listed(self) -> list[DropFile]:
        root = self._root.rstrip("/")
        if not self._fs.isdir(self._root):
            raise FatalError(f"folder {self._settings.path!r} is not there; create it, or correct path")
        self._fs.invalidate_cache()
        listed: dict[str, Any] = self._fs.glob(f"{root}/{self._settings.glob}", detail=True)
        files = []
        for path, info in listed.items():
            name = str(PurePosixPath(path).relative_to(root)) if path.startswith(f"{root}/") else path
            parts = PurePosixPath(name).parts
            if info.get("type") != "file" or any(p.startswith((".", "~$")) for p in parts):
                continue
            if name.lower().endswith(UNFINISHED):
                continue
            files.append(DropFile(name, path, int(info.get("size") or 0), _modified(info)))
        return files

    def is_unchanged(self, file: DropFile) -> bool:
        """Whether a file is still as it was listed: one that grew is being written."""
        try:
            self._fs.invalidate_cache()
            info = self._fs.info(file.path)
        except OSError:
            return False
        return (int(info.get("size") or 0), _modified(info)) == file.stamp

    def chunks(self, file: DropFile) -> Iterator[bytes]:
        """Yield a file's bytes, a bounded piece at a time."""
        with self._fs.open(file.path, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk


def _modified(info: dict[str, Any]) -> float:
    for key in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0


def _why(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
