"""Arrow in and out of PostgreSQL by COPY, in the session and the transaction that everything else uses.

Belongs here: types and text on both sides. Not here: connections. COPY and not ADBC: an ADBC connection is a session
of its own, and rows, cursor and load record must become visible in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

_UTC = pa.timestamp("us", tz="UTC")
_PLAIN: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: _UTC,
}
_NUMERIC = 1700
_LEAST_SCALE = 4
NUL = "\u2400"
"""What a NUL byte is kept as: PostgreSQL's text cannot hold one."""

Described = Sequence[Any]
"""A driver's description of a result: name, type number, …, precision, scale."""


def sql_type(kind: pa.DataType) -> str:
    """PostgreSQL's type for an Arrow type. TypeError for one that no table of ours has."""
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    for test, name in (
        (pa.types.is_string, "text"),
        (pa.types.is_large_string, "text"),
        (pa.types.is_null, "text"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "bigint"),
        (pa.types.is_date, "date"),
        (pa.types.is_floating, "double precision"),
    ):
        if test(kind):
            return name
    raise TypeError(f"{kind} has no column type in the warehouse")


def write_csv(rows: pa.Table | pa.RecordBatch, file: IO[bytes]) -> None:
    """Write rows as COPY reads them: null is nothing, an empty text is two quotes."""
    columns = [_as_written(column) for column in rows.columns]
    names = [f"c{n}" for n in range(len(columns))]
    csv.write_csv(pa.table(columns, names=names), file, csv.WriteOptions(include_header=False))


def _as_written(column: Any) -> Any:
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.replace_substring(column, "\x00", NUL)
    return column


def read_csv(file: IO[bytes], described: Described, size: int) -> Iterator[pa.RecordBatch]:
    """Yield what COPY wrote (every value quoted, null nothing) as Arrow batches of about ``size`` rows."""
    names = [d[0] for d in described]
    kinds = [_arrow_type(d) for d in described]
    unique = [f"c{n}" for n in range(len(names))]
    first = file.read(1)
    file.seek(0)
    if not first:
        return
    reader = csv.open_csv(
        file,
        read_options=csv.ReadOptions(column_names=unique, block_size=1 << 24, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types={u: pa.string() if k is None else k for u, k in zip(unique, kinds, strict=True)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    for batch in reader:
        columns = [
            _decimals(column) if kind is None else column for column, kind in zip(batch.columns, kinds, strict=True)
        ]
        whole = pa.RecordBatch.from_arrays(columns, names=names)
        for start in range(0, whole.num_rows, size):
            yield whole.slice(start, size)


def empty(described: Described) -> pa.Table:
    """No rows, with the columns of a result."""
    kinds = [_arrow_type(d) or pa.decimal128(38, _LEAST_SCALE) for d in described]
    return pa.table([pa.array([], k) for k in kinds], names=[d[0] for d in described])


def together(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """One table of batches; decimals of which the database does not say the scale take the widest that occurs."""
    first = batches[0].schema
    wanted = [
        max((b.schema.field(n).type for b in batches), key=lambda t: t.scale)
        if pa.types.is_decimal(field.type)
        else field.type
        for n, field in enumerate(first)
    ]
    schema = pa.schema([(field.name, kind) for field, kind in zip(first, wanted, strict=True)])
    return pa.Table.from_batches(
        [
            pa.RecordBatch.from_arrays([c.cast(k) for c, k in zip(b.columns, wanted, strict=True)], schema=schema)
            for b in batches
        ]
    )


def _arrow_type(described: Any) -> pa.DataType | None:
    """The Arrow type of a column; None for a number of which the scale is not declared (a sum)."""
    number, precision, scale = described[1], described[4], described[5]
    if number == _NUMERIC:
        declared = precision is not None and scale is not None and 0 < precision <= 38 and 0 <= scale <= precision
        return pa.decimal128(precision, scale) if declared else None
    return _PLAIN.get(number, pa.string())


def _decimals(column: pa.Array) -> pa.Array:
    """Texts of numbers as decimals with the scale that the widest of them has."""
    parts = pc.find_substring(column, ".")
    lengths = pc.if_else(pc.greater_equal(parts, 0), pc.subtract(pc.subtract(pc.utf8_length(column), parts), 1), 0)
    widest = pc.max(lengths).as_py() or 0
    return column.cast(pa.decimal128(38, max(widest, _LEAST_SCALE)))
