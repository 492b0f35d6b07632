"""One file from its bytes to what lands of it: statements and lines that may load, and what is refused and why."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from connectors.bank.bank_files import closing, identity, lines
from connectors.bank.bank_files.detect import Content, Detected, detect
from connectors.bank.bank_files.formats import camt, mt940
from connectors.bank.bank_files.model import Reading, Statement, UnreadableFileError
from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.banking import BANK_LINES, BANK_STATEMENTS
from connectors.kit.contract import Batch, Cursor, Item, Reject, Rejects
from connectors.kit.inbox import REFUSED

#: The account of a statement that names none, where the settings name none either.
NO_ACCOUNT = "unknown"
_UNDATED = "entries without a date are booked on the statement's last day"


def items(
    name: str, content: Content, chunks: Callable[[], Iterable[bytes]], settings: BankFilesSettings
) -> Iterable[Item]:
    """Return what one file gives; the cursor, which says that it was read, is on the last item.

    All of the file is read before anything is returned: what cannot be read to its end is refused whole.
    """
    cursor = Cursor(f"file:{content.sha256}", name)
    try:
        if content.size > settings.max_file_mb * 1024 * 1024:
            raise UnreadableFileError(
                f"the file has {content.size // 1024 // 1024} MB, more than max_file_mb allows ({settings.max_file_mb})"
            )
        detected = detect(content)
        if detected.format not in settings.formats:
            listed = ", ".join(settings.formats)
            raise UnreadableFileError(f"format {detected.format} is not among the source's formats ({listed})")
        accepted, rejects, spool = _read(name, reading(detected, chunks()), settings)
    except UnreadableFileError as problem:
        refused = replace(cursor, key=REFUSED)
        return [Rejects((Reject(BANK_STATEMENTS.name, str(problem), file=name),), refused)]
    if rejects:
        cursor = replace(cursor, key=REFUSED)
    return _marked(_landing(name, accepted, rejects, spool), cursor)


def reading(detected: Detected, chunks: Iterable[bytes]) -> Reading:
    """Return the reader of a format over a file's bytes."""
    if detected.format == "mt940":
        return mt940.read(_text(chunks, detected.encoding))
    return camt.read(chunks, detected.format, None if detected.declared else detected.encoding)


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a stream, so that the standard library decodes it and finds the line ends."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        chunk = self._left or next(self._chunks, b"")
        size = min(len(buffer), len(chunk))
        buffer[:size] = chunk[:size]
        self._left = chunk[size:]
        return size


def _text(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    stream = io.TextIOWrapper(io.BufferedReader(_Chunks(chunks), 1 << 16), encoding=encoding, newline=None)
    try:
        yield from stream
    except UnicodeError:
        raise UnreadableFileError(f"the text is not in the encoding that it begins in ({encoding})") from None


@dataclass
class Accepted:
    """The statements of a file that may load, each with its id; and whose lines load: ordinal → (id, namesake)."""

    statements: list[tuple[Statement, str]] = field(default_factory=list)
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)


def _read(name: str, read: Reading, settings: BankFilesSettings) -> tuple[Accepted, list[Reject], lines.Spool]:
    """Read all of a file: accepted statements by ordinal, refused ones, and the lines of all."""
    spool = lines.Spool()
    accepted = Accepted()
    rejects: list[Reject] = []
    contents: dict[str, list[tuple[tuple[str, int, str], str]]] = {}
    latest: dict[tuple[str, str], Statement] = {}
    ordinal = 0
    for statement, entry in read:
        if not statement.account:
            statement.account = settings.default_account or NO_ACCOUNT
            statement.note("the statement names no account")
        statement.currency = statement.currency or settings.default_currency
        if entry is not None:
            entry.currency = entry.currency or statement.currency
            if entry.booking_date is None and entry.value_date is None:
                if statement.to_date and _UNDATED not in statement.notes:
                    statement.note(_UNDATED)
                entry.booking_date = statement.to_date
            closing.take(statement, entry)
            spool.add(statement, ordinal, entry)
            continue
        key = (statement.account, statement.currency)
        if key in latest:
            closing.note_gap(latest[key], statement)
        latest[key] = statement
        # Statements of one file with one header: different content makes them different statements; the same content
        # is one that the bank sent twice, whose lines count once.
        content = spool.content_of(ordinal)
        whole = (content, spool.wording_of(ordinal), str(statement.closing))
        namesakes = contents.setdefault(identity.header_of(statement), [])
        same = [n for n, (other, _) in enumerate(namesakes) if other == whole]
        is_repeated = any(namesakes[n][1] == statement.message_id for n in same)
        namesake = len(namesakes)
        namesakes.append((whole, statement.message_id))
        if same:
            statement.note("the file holds this statement twice; its lines count once")
        statement_id = identity.statement_id(statement, content, namesake)
        reason = closing.refusal(statement)
        if reason:
            row = lines.statement_row(statement, statement_id)
            rejects.append(Reject(BANK_STATEMENTS.name, reason, name, statement.line or None, statement_id, row, True))
        elif not is_repeated:
            accepted.statements.append((statement, statement_id))
            if not same:
                accepted.lines[ordinal] = (statement_id, namesake)
        ordinal += 1
    if not ordinal:
        raise UnreadableFileError("the file holds no statement")
    return accepted, rejects, spool


def _landing(name: str, accepted: Accepted, rejects: list[Reject], spool: lines.Spool) -> Iterator[Item]:
    if rejects:
        yield Rejects(tuple(rejects))
    rows = [(lines.statement_row(statement, sid), statement.line) for statement, sid in accepted.statements]
    if rows:
        yield Batch(BANK_STATEMENTS, lines.statement_table(rows, name))
    for table in spool.batches(accepted.lines, name):
        yield Batch(BANK_LINES, table)


def _marked(landing: Iterator[Item], cursor: Cursor) -> Iterator[Item]:
    """Put the cursor on the last item."""
    held: Item | None = None
    for item in landing:
        if held is not None:
            yield held
        held = item
    if isinstance(held, Batch):
        yield Batch(held.entity, held.rows, held.absent, cursor)
    elif isinstance(held, Rejects):
        yield Rejects(held.items, cursor)
