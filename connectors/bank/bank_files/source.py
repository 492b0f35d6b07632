"""The dlt source: the folder's files that were not loaded yet, each as statements, lines and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.bank.bank_files.client import Drop, DropFile
from connectors.bank.bank_files.detect import scan
from connectors.bank.bank_files.reading import items
from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.banking import BANK_STATEMENTS
from connectors.kit.contract import CheckResult, Cursors, Item, Reject, Rejects
from connectors.kit.errors import ConnectorError

_log = logging.getLogger(__name__)


def source(name: str, settings: BankFilesSettings, cursors: Cursors) -> Any:
    """Return the dlt source of one folder; its only resource yields contract items."""
    import dlt

    @dlt.source(name=name, max_table_nesting=0)
    def bank_files() -> Any:
        return dlt.resource(read_new, name="statement_files")(settings, cursors)

    return bank_files()


def read_new(settings: BankFilesSettings, cursors: Cursors) -> Iterator[Item]:
    """Yield what the files give that are not in ``cursors``, oldest first; a file twice in the folder counts once."""
    drop = Drop(settings)
    seen = set(cursors)
    for file in drop.files():
        yield from _file(drop, file, settings, seen)


def _file(drop: Drop, file: DropFile, settings: BankFilesSettings, seen: set[str]) -> Iterable[Item]:
    try:
        content = scan(drop.chunks(file))
        stream = f"file:{content.sha256}"
        if stream in seen:
            return ()
        found = items(file.name, content, lambda: drop.chunks(file), settings)
    except OSError as problem:
        reason = f"the file cannot be read: {problem.strerror or type(problem).__name__}"
        return (Rejects((Reject(BANK_STATEMENTS.name, reason, file=file.name),)),)
    if content.size != file.size or not drop.is_unchanged(file):
        _log.info("%s is still being written; it is left for the next run", file.name)
        return ()
    seen.add(stream)
    return found


def check(settings: BankFilesSettings) -> Iterator[CheckResult]:
    """Say whether the folder can be read and what is in it."""
    try:
        files = Drop(settings).files()
    except ConnectorError as problem:
        yield CheckResult("folder", False, str(problem))
        return
    size = sum(f.size for f in files)
    yield CheckResult("folder", True, f"{len(files)} files, {size / 1_000_000:.1f} MB, match {settings.glob!r}")
