"""CSV, fast where it is plain and exact where it is not; each row knows the physical line on which it began.

Arrow reads a block of lines in one go. Where a cell holds a line break, a quote is left open, or bytes are no text,
that block is read line by line instead, so that only the rows at fault are set aside.
Belongs here: taking lines apart. Not here: what the columns mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from connectors.erp.files.readers.chunk import ROWS, BadRow, Chunk, UnreadableFileError

_BLOCK = 4 * 2**20
#: A quoted cell with more lines than this is taken for a quote that nobody closed.
_LINES_IN_A_RECORD = 200
_SHOWN = 2_000


@dataclass(frozen=True)
class _Record:
    line: int
    cells: list[str] | None
    text: str = ""
    problem: str = ""


class _Lines:
    """Physical lines with their numbers; lines that were taken too far can be given back."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._returned: list[bytes] = []
        self.number = 0

    def next(self) -> bytes:
        line = self._returned.pop() if self._returned else self._stream.readline()
        self.number += bool(line)
        return line

    def give_back(self, lines: list[bytes]) -> None:
        self._returned += reversed(lines)
        self.number -= len(lines)

    def block(self) -> bytes:
        """Return whole lines of about a block's size, without moving on: the caller says how many lines it used."""
        returned, self._returned = b"".join(reversed(self._returned)), []
        block = returned + self._stream.read(max(_BLOCK - len(returned), 0))
        return block if not block or block.endswith(b"\n") else block + self._stream.readline()


def read_csv(stream: IO[bytes], delimiter: str = ",") -> Iterator[Chunk]:
    """Read a CSV stream in UTF-8, with a header; UnreadableFileError when there is none to go by."""
    lines = _Lines(stream)
    header = _header(lines, delimiter)
    if not (block := lines.block()):
        yield _chunk([], header)
    while block:
        first = lines.number + 1
        plain = _plain(block, header, delimiter, first)
        if plain is None:
            parts = block.split(b"\n")
            lines.give_back([part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else []))
            lines.number = first - 1
            yield from _quoted(lines, header, delimiter, first + _count(block) - 1)
        else:
            lines.number += _count(block)
            for at in range(0, max(plain.rows.num_rows, 1), ROWS):
                bad = plain.bad if at == 0 else ()
                yield Chunk(plain.rows.slice(at, ROWS), plain.lines.slice(at, ROWS), bad)
        block = lines.block()


def _count(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _header(lines: _Lines, delimiter: str) -> list[str]:
    record = _record(lines, delimiter, first=True)
    if record is None:
        raise UnreadableFileError("is empty; a header is needed")
    if record.cells is None:
        raise UnreadableFileError(f"has a header that cannot be read: {record.problem}")
    names = [name.strip() or f"column {i}" for i, name in enumerate(record.cells, 1)]
    if "\r" in "".join(names):
        raise UnreadableFileError("ends its lines with CR alone; save it with LF or CR LF")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableFileError(f"has the column {twice[0]!r} twice in its header; name each once")
    return names


def _plain(block: bytes, header: list[str], delimiter: str, first: int) -> Chunk | None:
    """Read a block with Arrow; None when a line is not a row there, or a byte is no text."""
    if block.count(b'"') % 2 or block.count(b"\r") != block.count(b"\r\n") or not _is_text(block):
        return None
    bad: list[BadRow] = []
    skipped: list[int] = []

    def refuse(row: pc_csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        bad.append(_ragged(first + row.number - 1, row.actual_columns, len(header), row.text))
        return "skip"

    try:
        rows = pc_csv.read_csv(
            io.BytesIO(block),
            pc_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=header),
            pc_csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=refuse),
            pc_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if rows.num_rows + len(skipped) != _count(block):
        return None
    lines = pa.array(range(first, first + rows.num_rows + len(skipped)), pa.int64())
    if skipped:
        lines = lines.filter(pc.invert(pc.is_in(lines, value_set=pa.array([first + s for s in skipped], pa.int64()))))
    return _without_blank(rows.combine_chunks(), lines, tuple(bad))


def _is_text(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted(lines: _Lines, header: list[str], delimiter: str, last: int) -> Iterator[Chunk]:
    """Read records that hold line breaks, to the one that ends on or after ``last``: at once where all are well."""
    before = lines.number
    taken = [lines.next() for _ in range(last - before)]
    quotes = sum(line.count(b'"') for line in taken)
    while quotes % 2 and len(taken) < last - before + _LINES_IN_A_RECORD and (more := lines.next()):
        taken.append(more)
        quotes += more.count(b'"')
    records = _well_formed(taken, before, delimiter)
    if records is None:
        lines.give_back(taken)
        yield from _line_by_line(lines, header, delimiter, last)
        return
    for at in range(0, len(records), ROWS):
        yield _chunk(records[at : at + ROWS], header)


def _well_formed(taken: list[bytes], before: int, delimiter: str) -> list[_Record] | None:
    """Take lines apart in one go; None when any of them is not as it should be."""
    records = []
    try:
        reader = csv.reader([line.decode() for line in taken], delimiter=delimiter, strict=True)
        start = before
        for cells in reader:
            records.append(_Record(start + 1, cells, delimiter.join(cells)))
            if reader.line_num - (start - before) > _LINES_IN_A_RECORD:
                return None
            start = before + reader.line_num
    except (csv.Error, UnicodeDecodeError):
        return None
    return records


def _line_by_line(lines: _Lines, header: list[str], delimiter: str, last: int) -> Iterator[Chunk]:
    """Read records one by one until the one that ends on or after line ``last``."""
    records: list[_Record] = []
    while lines.number < last and (record := _record(lines, delimiter)) is not None:
        records.append(record)
        if len(records) == ROWS:
            yield _chunk(records, header)
            records = []
    if records:
        yield _chunk(records, header)


def _record(lines: _Lines, delimiter: str, *, first: bool = False) -> _Record | None:
    raw = lines.next()
    if not raw:
        return None
    number, taken, quotes = lines.number, [raw], raw.count(b'"')
    while quotes % 2 and len(taken) < _LINES_IN_A_RECORD and (more := lines.next()):
        taken.append(more)
        quotes += more.count(b'"')
    record = _taken_apart(number, b"".join(taken), delimiter, first)
    if record.cells is None and len(taken) > 1:
        lines.give_back(taken[1:])
        record = _taken_apart(number, taken[0], delimiter, first)
    return record


def _taken_apart(number: int, raw: bytes, delimiter: str, first: bool) -> _Record:
    try:
        text = raw.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        return _Record(number, None, raw.decode("utf-8", "replace"), _not_text(raw, error))
    cells, problem = _cells(text, delimiter)
    return _Record(number, cells, text, problem)


def _cells(text: str, delimiter: str) -> tuple[list[str] | None, str]:
    body = text.removesuffix("\n").removesuffix("\r")
    if '"' not in body:
        return body.split(delimiter), ""
    try:
        return next(csv.reader([body], delimiter=delimiter, strict=True)), ""
    except csv.Error as error:
        unclosed = "unexpected end of data" in str(error)
        return None, "opens a quote that is never closed" if unclosed else f"is not CSV: {error}"


def _chunk(records: list[_Record], header: list[str]) -> Chunk:
    good: list[list[str]] = []
    at: list[int] = []
    bad: list[BadRow] = []
    for record in records:
        if record.cells is None:
            bad.append(BadRow(record.line, record.problem, {"line": record.text.rstrip("\r\n")[:_SHOWN]}))
        elif len(record.cells) == len(header):
            good.append(record.cells)
            at.append(record.line)
        elif any(record.cells):
            bad.append(_ragged(record.line, len(record.cells), len(header), record.text))
    columns = list(zip(*good, strict=True)) or [()] * len(header)
    rows = {
        name: pa.array([cell or None for cell in column], pa.string())
        for name, column in zip(header, columns, strict=True)
    }
    return _without_blank(pa.table(rows), pa.array(at, pa.int64()), tuple(bad))


def _without_blank(rows: pa.Table, lines: pa.Array, bad: tuple[BadRow, ...]) -> Chunk:
    """Leave out blank lines, and those of empty cells alone: they state nothing."""
    stated = pc.is_valid(rows.column(0))
    for name in rows.column_names[1:]:
        if pc.all(stated).as_py():
            return Chunk(rows, lines, bad)
        stated = pc.or_(stated, pc.is_valid(rows.column(name)))
    stated = stated.combine_chunks()
    return Chunk(rows.filter(stated), lines.filter(stated), bad)


def _ragged(line: int, cells: int, wanted: int, text: str) -> BadRow:
    return BadRow(line, f"has {cells} cells where the header has {wanted}", {"line": text.rstrip("\r\n")[:_SHOWN]})


def _not_text(raw: bytes, error: UnicodeDecodeError) -> str:
    return f"is not UTF-8 text: byte 0x{raw[error.start]:02x} at position {error.start + 1}; set formats.encoding"
