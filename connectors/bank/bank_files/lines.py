"""From entries to the rows that land: columns of text, collected per file and kept back until the file is read.

Nothing of a file may land before all of it was read: it may be half-written, and a statement may not close. What does
not fit in memory waits in a temporary file without a name, which is gone with the process.
"""

from __future__ import annotations

import tempfile
import zlib
from array import array
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.bank.bank_files import batch, identity
from connectors.bank.bank_files.model import Entry, Statement
from connectors.kit.banking import BANK_LINES, BANK_STATEMENTS

ROWS_PER_BATCH = 10_000
_COLUMNS = (
    *("_statement", "_key", "_scoped", "account", "entry_no", "transaction_no", "booking_date", "value_date"),
    *("amount", "currency", "status", "is_reversal", "bank_reference", "entry_reference", "end_to_end_id"),
    *("uetr", "mandate_id"),
    *("transaction_code", "return_reason", "original_reference", "structured_reference", "referred_document"),
    *("charges", "instructed_amount", "instructed_currency", "counterparty_name", "counterparty_account"),
    *("counterparty_bank", "remittance_text", "_line"),
)
_TYPES = {"_statement": pa.int32(), "_scoped": pa.bool_(), "_line": pa.int64()}
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in _COLUMNS])


class Spool:
    """The lines of one file, in the order of their reading."""

    def __init__(self, rows_per_batch: int = ROWS_PER_BATCH) -> None:
        self._limit = rows_per_batch
        self._rows: list[tuple[Any, ...]] = []
        self._file: Any = None
        self._writer: Any = None
        self._keys = array("Q")
        self._ordinals = array("I")
        self._wording = 0  #: checksum of the latest statement's texts, in order
        self._header: tuple[int, str, int] = (-1, "", 0)  #: latest statement: ordinal, header, its first line

    def add(self, statement: Statement, ordinal: int, entry: Entry) -> None:
        """Take one entry: a line for each of its payments. ``ordinal`` numbers the file's statements from 0."""
        if self._header[0] != ordinal:
            self._header = (ordinal, identity.header_of(statement), len(self._keys))
            self._wording = 0
        header = self._header[1]
        number = str(statement.entries)
        booked = entry.booking_date.isoformat() if entry.booking_date else None
        valued = entry.value_date.isoformat() if entry.value_date else ""
        is_batch = len(entry.transactions) > 1
        entry_reference = identity.entry_reference_of(entry)
        for position, payment in enumerate(batch.divide(entry, statement), 1):
            amount = payment.amount if payment.amount is not None else entry.amount
            reference = identity.reference_of(entry, payment)
            key = identity.line_key(statement.account, reference, amount, valued, header)
            self._keys.append(int(key[:16], 16))
            self._ordinals.append(ordinal)
            wording = f"{payment.code}\x1f{payment.remittance_text}\x1f{payment.counterparty_name}"
            self._wording = zlib.crc32(wording.encode(), self._wording)
            self._rows.append(
                (
                    ordinal,
                    key,
                    not identity.is_own_reference(reference),
                    statement.account,
                    number,
                    str(position) if is_batch else None,
                    booked,
                    valued,
                    format(amount, "f"),
                    entry.currency,
                    entry.status,
                    "true" if entry.is_reversal else "false",
                    reference,
                    entry_reference,
                    payment.end_to_end_id,
                    payment.uetr,
                    payment.mandate_id,
                    payment.code,
                    payment.return_reason,
                    payment.original_reference,
                    payment.structured_reference,
                    payment.referred_document,
                    None if payment.charges is None else format(payment.charges, "f"),
                    None if payment.instructed_amount is None else format(payment.instructed_amount, "f"),
                    payment.instructed_currency,
                    payment.counterparty_name,
                    payment.counterparty_account,
                    payment.counterparty_bank,
                    payment.remittance_text,
                    entry.line or None,
                )
            )
        if len(self._rows) >= self._limit:
            self._write()

    def content_of(self, ordinal: int) -> str:
        """Return a digest of a statement's lines that does not depend on their order; it is complete when asked."""
        latest, _, first = self._header
        keys = np.frombuffer(self._keys, dtype=np.uint64)[first:] if latest == ordinal else np.zeros(0, np.uint64)
        return f"{len(keys)}:{int(np.add.reduce(keys, dtype=np.uint64)):x}"

    def wording_of(self, ordinal: int) -> int:
        """Return a checksum of what a statement's lines say beyond their money, complete when asked."""
        return self._wording if self._header[0] == ordinal else 0

    def _write(self) -> None:
        if self._writer is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the spool
            self._writer = pa.ipc.new_stream(self._file, _SCHEMA)
        self._writer.write_table(self._table())

    def _table(self) -> pa.Table:
        columns = zip(*self._rows, strict=True) if self._rows else [[] for _ in _COLUMNS]
        arrays = [pa.array(values, type=f.type) for values, f in zip(columns, _SCHEMA, strict=True)]
        self._rows = []
        return pa.Table.from_arrays(arrays, schema=_SCHEMA)

    def _tables(self) -> Iterator[pa.Table]:
        if self._writer is not None:
            if self._rows:
                self._write()
            self._writer.close()
            self._file.seek(0)
            with pa.ipc.open_stream(self._file) as reader:
                for record_batch in reader:
                    yield pa.Table.from_batches([record_batch])
            self._file.close()
        elif self._rows:
            yield self._table()

    def batches(self, accepted: Mapping[int, tuple[str, int]], file: str) -> Iterator[pa.Table]:
        """Yield the rows of the accepted statements: ordinal → (statement id, which of its namesakes in the file)."""
        occurrence = self._occurrences()
        offset = 0
        for table in self._tables():
            rows = len(table)
            counted = occurrence[offset : offset + rows]
            offset += rows
            ordinals = table["_statement"].to_numpy()
            keep = np.isin(ordinals, np.fromiter(accepted, dtype=np.int64, count=len(accepted)))
            if not keep.any():
                continue
            if not keep.all():
                table, counted, ordinals = table.filter(pa.array(keep)), counted[keep], ordinals[keep]
            yield _landed(table, counted, ordinals, accepted, file)

    def _occurrences(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Count equals within their statement; a key is mixed with its statement's ordinal, so one sort does all."""
        if not self._keys:
            return np.zeros(0, dtype=np.int64)
        keys = np.frombuffer(self._keys, dtype=np.uint64)
        ordinals = np.frombuffer(self._ordinals, dtype=np.uint32).astype(np.uint64)
        with np.errstate(over="ignore"):
            return identity.occurrences(keys ^ (ordinals * np.uint64(0x9E3779B97F4A7C15)))


def _landed(
    table: pa.Table, counted: Any, ordinals: Any, accepted: Mapping[int, tuple[str, int]], file: str
) -> pa.Table:
    keys = table["_key"].to_pylist()
    scoped = table["_scoped"].to_pylist()
    ids = []
    for key, is_scoped, occurrence, ordinal in zip(keys, scoped, counted.tolist(), ordinals.tolist(), strict=True):
        # A line that its statement's header stands in for is told from those of the header's other statements too.
        namesake = accepted[ordinal][1] if is_scoped else 0
        own = key if not namesake else identity.line_id(key, -namesake)
        ids.append(identity.line_id(own, occurrence))
    columns = {
        "bank_line_id": pa.array(ids, pa.string()),
        "statement_id": pa.array([accepted[o][0] for o in ordinals.tolist()], pa.string()),
    }
    for field in BANK_LINES.columns:
        if field.name not in columns:
            column = table[field.name]
            columns[field.name] = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    columns["_file"] = pa.array([file] * len(ids), pa.string())
    columns["_line"] = table["_line"]
    return pa.table(columns)


def statement_row(statement: Statement, statement_id: str) -> dict[str, str | None]:
    """Return a statement as a row of text; also what a refused statement shows in quarantine."""
    opening, closing = statement.opening, statement.closing
    row: dict[str, str | None] = {
        "statement_id": statement_id,
        "account": statement.account,
        "currency": statement.currency,
        "format": statement.format,
        "sequence_no": "/".join(filter(None, (statement.number, statement.page))),
        "from_date": str(statement.from_date or ""),
        "to_date": str(statement.to_date or ""),
        "opening_balance": format(opening.amount, "f") if opening else None,
        "closing_balance": format(closing.amount, "f") if closing else None,
        "entries_sum": format(statement.entries_sum, "f"),
        "entries": str(statement.entries),
        "transactions": str(statement.transactions),
        "notes": "\n".join(statement.notes),
    }
    return {name: value or None for name, value in row.items()}


def statement_table(rows: list[tuple[dict[str, str | None], int]], file: str) -> pa.Table:
    """Return rows of statements, each with its line in the file, as a table."""
    columns = {f.name: pa.array([row[f.name] for row, _ in rows], pa.string()) for f in BANK_STATEMENTS.columns}
    columns["_file"] = pa.array([file] * len(rows), pa.string())
    columns["_line"] = pa.array([line or None for _, line in rows], pa.int64())
    return pa.table(columns)
