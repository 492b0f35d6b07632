"""The rows that would leave the house: as the wire wants them, and the one hash that names exactly these rows.

Belongs here: reading an outbound table, its content hash. Not here: what changed (plan).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa

from connectors.kit.errors import FatalError
from connectors.kit.money import currencies, rounded

Scalar: TypeAlias = str | int | bool | None
Fields: TypeAlias = Mapping[str, Scalar]
_CENTS = Decimal("0.01")


class BatchError(FatalError):
    """Outbound rows that cannot be a batch: no key, a key twice, a value that no wire carries."""


@dataclass(frozen=True)
class OutboundBatch:
    """All rows of one outbound object for one target: key → fields, in the order of their keys.

    ``money``: the fields that are amounts. ``batch_hash`` is the hash of the content: the same rows, the same hash.
    """

    target: str
    object_name: str
    rows: Mapping[str, Fields]
    money: tuple[str, ...]
    batch_hash: str


def batch_of(target: str, object_name: str, table: pa.Table, key: str = "key") -> OutboundBatch:
    """Return the batch of an outbound table whose column ``key`` names the record in the target.

    Amounts become text with the currency's decimals (column ``currency``, or ``<field>_currency``), dates and
    timestamps ISO text.
    """
    if key not in table.column_names:
        raise BatchError(f"outbound {object_name} has no column {key!r}; it has {', '.join(table.column_names)}")
    money = tuple(f.name for f in table.schema if pa.types.is_decimal(f.type) and f.name != key)
    rows: dict[str, Fields] = {}
    for row in table.to_pylist():
        name = row.pop(key)
        if name is None or str(name) == "":
            raise BatchError(f"outbound {object_name} has a row without {key}; filter it in the model")
        if str(name) in rows:
            raise BatchError(f"outbound {object_name} has {key} {name} twice; a batch has each record once")
        rows[str(name)] = {column: _scalar(object_name, column, value, row) for column, value in row.items()}
    ordered = dict(sorted(rows.items()))
    return OutboundBatch(target, object_name, ordered, money, content_hash(object_name, ordered))


def content_hash(object_name: str, rows: Mapping[str, Fields]) -> str:
    """Hash of exactly these rows; it does not depend on the order they came in."""
    digest = hashlib.sha256(object_name.encode())
    for key in sorted(rows):
        digest.update(b"\n" + canonical([key, dict(rows[key])]).encode())
    return digest.hexdigest()


def canonical(value: Any) -> str:
    """A value as the one JSON text that is stored, compared and hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hashed(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _scalar(object_name: str, column: str, value: Any, row: Mapping[str, Any]) -> Scalar:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return _money(value, row.get(f"{column}_currency") or row.get("currency"))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise BatchError(f"outbound {object_name}.{column} is a {type(value).__name__}; cast it to text, decimal or date")


def _money(value: Decimal, currency: Any) -> str:
    if currency in currencies():
        return f"{rounded(value, str(currency)):f}"
    exact = value.normalize()
    exponent = exact.as_tuple().exponent
    return f"{exact:f}" if isinstance(exponent, int) and exponent < -2 else f"{value.quantize(_CENTS):f}"
