"""The dlt source: the inbox's files that were not loaded yet, each as statements, lines and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from connectors.bank.bank_files.detect import scan
from connectors.bank.bank_files.reading import items
from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.banking import BANK_STATEMENTS
from connectors.kit.contract import CheckResult, Cursor, Cursors, Item, Reject, Rejects
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.inbox import Inbox, Stored, Taken, waits
from connectors.kit.inbox import acknowledge as acknowledge_files

_CHUNK_BYTES = 256 * 1024


def source(name: str, settings: BankFilesSettings, cursors: Cursors) -> Any:
    """Return the dlt source of one folder; its only resource yields contract items."""
    import dlt

    @dlt.source(name=name, max_table_nesting=0)
    def bank_files() -> Any:
        return dlt.resource(read_new, name="statement_files")(settings, cursors)

    return bank_files()


def read_new(settings: BankFilesSettings, cursors: Cursors) -> Iterator[Item]:
    """Yield what the files give that are not in ``cursors``, oldest first; a file twice in the folder counts once."""
    with _inbox(settings) as inbox:
        listing = inbox.listing(settings.glob)
        taken = Taken(inbox, cursors)
        files = [f for f in listing.files if not taken.knows(f)]
        finished, moving = inbox.finished(files, lambda f: taken.content_of(f) is None)
        known = dict(cursors)
        for file in sorted(finished, key=lambda f: (f.modified, f.name)):
            for item in _file(inbox, file, settings, known, taken):
                if item is None:
                    moving.append(file)
                else:
                    yield item
        yield from waits(moving, listing.unfinished)


def _file(
    inbox: Inbox, file: Stored, settings: BankFilesSettings, known: dict[str, Cursor], taken: Taken
) -> Iterator[Item | None]:
    """Yield what a file gives that is not known; None where it is still being written."""
    try:
        with inbox.content(file) as (stream, digest):
            if not digest:
                yield None
                return
            content = f"file:{digest}"
            if content in known:
                yield from taken.repeats(file, content, known[content].position)
                return
            found = items(file.name, scan(_chunks(stream)), lambda: _chunks(stream), settings)
    except FatalError as problem:
        yield Rejects((Reject(BANK_STATEMENTS.name, str(problem), file=file.name),))
        return
    known[content] = Cursor(content, file.name)
    yield from found
    yield from taken.marks(file, content)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes from its beginning, a bounded piece at a time."""
    stream.seek(0)
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def check(settings: BankFilesSettings) -> Iterator[CheckResult]:
    """Say whether the folder can be read and what is in it."""
    try:
        with _inbox(settings) as inbox:
            files = inbox.listing(settings.glob).files
    except ConnectorError as problem:
        yield CheckResult("folder", False, str(problem))
        return
    size = sum(f.size for f in files)
    yield CheckResult("folder", True, f"{len(files)} files, {size / 1_000_000:.1f} MB, match {settings.glob!r}")


def acknowledge(settings: BankFilesSettings, cursors: Cursors) -> Iterable[str]:
    """Archive or delete what was taken over, where the settings say so; one line for what was done."""
    with _inbox(settings) as inbox:
        return acknowledge_files(inbox, settings.glob, cursors)


def _inbox(settings: BankFilesSettings) -> Inbox:
    return Inbox(settings, settings.storage_options)
