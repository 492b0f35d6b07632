"""Typed values of a database or a Parquet file as the text that a batch carries: plain decimals, ISO dates, offsets.

Belongs here: how one typed value is written down, and what may not be. Not here: reading it, judging it.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.kit.contract import FieldType
from connectors.kit.errors import ConfigError

_NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?$"
_EXACT = (FieldType.DECIMAL, FieldType.RATE)


@dataclass(frozen=True)
class Writing:
    """How typed values become text: the zone of times without an offset, whether money may be binary floats."""

    timezone: str | None = None
    floats: bool = False


def moment_text(moment: datetime, timezone: str | None) -> str:
    """Write a time down with its offset. One without stays without, unless a zone says what it means.

    A local time that came twice or never (a clock change) stays without too: validation then names it.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(UTC).isoformat()
    if timezone is None:
        return moment.isoformat()
    zone = zoneinfo.ZoneInfo(timezone)
    early, late = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return early.isoformat() if early == late else moment.isoformat()


def localised(column: pa.Array, timezone: str | None) -> pa.Array:
    """Return a column of naive timestamps as text in UTC, as ``moment_text`` would write each."""
    return pa.array([None if v is None else moment_text(v, timezone) for v in column.to_pylist()], pa.string())


def zoned_text(column: pa.Array, timezone: str | None) -> pa.Array:
    """Return a column of ISO timestamps in text where those without an offset got what the zone says, in UTC."""
    naive = pc.fill_null(pc.match_substring_regex(column, _NAIVE), False)
    if timezone is None or not pc.any(naive).as_py():
        return column
    zoned = [_zoned(text, timezone) for text in column.filter(naive).to_pylist()]
    return pc.replace_with_mask(column, naive, pa.array(zoned, pa.string()))


def _zoned(text: str, timezone: str) -> str:
    try:
        return moment_text(datetime.fromisoformat(text), timezone)
    except ValueError:
        return text


def plain_decimal(value: Decimal) -> str:
    """Write a decimal without an exponent."""
    return format(value, "f")


def column_text(name: str, kind: FieldType | None, values: Sequence[Any], writing: Writing) -> pa.Array:
    """Return a database column's Python values as text. ConfigError for money in binary floats that is not allowed."""
    present = {type(v) for v in values} - {type(None)}
    if present <= {str}:
        column = pa.array(values, pa.string())
        return zoned_text(column, writing.timezone) if kind is FieldType.TIMESTAMP else column
    if float in present and kind in _EXACT and not writing.floats:
        raise ConfigError(_inexact(name))
    return pa.array([None if v is None else _value_text(v, kind, writing) for v in values], pa.string())


def table_text(table: pa.Table, kinds: Mapping[str, FieldType], writing: Writing) -> pa.Table:
    """Return an Arrow table with every column as text. ConfigError for money in binary floats that is not allowed."""
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        kind = kinds.get(field.name)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_floating(column.type) and kind in _EXACT and not writing.floats:
            raise ConfigError(_inexact(field.name))
        columns[field.name] = _arrow_text(column, kind, writing)
    return pa.table(columns)


def _inexact(name: str) -> str:
    return (
        f"{name} is a binary float, which does not hold cents exactly; give it as decimal or text, or set floats: allow"
    )


def _arrow_text(column: pa.ChunkedArray, kind: FieldType | None, writing: Writing) -> pa.ChunkedArray:
    whole = column.combine_chunks()
    if pa.types.is_string(whole.type) or pa.types.is_large_string(whole.type):
        text = whole.cast(pa.string())
        text = zoned_text(text, writing.timezone) if kind is FieldType.TIMESTAMP else text
    elif pa.types.is_timestamp(whole.type):
        micros = whole.cast(pa.timestamp("us", tz=whole.type.tz), safe=False)
        if kind is FieldType.DATE:
            text = _days(micros).cast(pa.string())
        elif whole.type.tz:
            text = pc.binary_join_element_wise(
                micros.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us")).cast(pa.string()), "Z", ""
            )
        else:
            text = localised(micros, writing.timezone)
    elif pa.types.is_floating(whole.type) or pa.types.is_nested(whole.type) or pa.types.is_binary(whole.type):
        text = pa.array([None if v is None else _value_text(v, kind, writing) for v in whole.to_pylist()], pa.string())
    else:
        text = whole.cast(pa.string())
    return pa.chunked_array([text], pa.string())


def _days(column: pa.Array) -> pa.Array:
    naive = column if column.type.tz is None else pc.local_timestamp(column)
    return naive.cast(pa.date32(), safe=False)


def _value_text(value: Any, kind: FieldType | None, writing: Writing) -> str:
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, datetime):
        if kind is FieldType.DATE:
            return value.date().isoformat()
        return moment_text(value, writing.timezone)
    if isinstance(value, float):
        return plain_decimal(Decimal(repr(value))) if value == value and abs(value) != float("inf") else repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    bool: lambda v: "true" if v else "false",
    Decimal: plain_decimal,
    date: date.isoformat,
}
