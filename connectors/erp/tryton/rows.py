"""Records of Tryton as rows of text columns, the way a batch wants them.

Belongs here: writing values down, rows into tables. Not here: which rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa

from connectors.erp.tryton.changes import literal
from connectors.kit.contract import Batch, Cursor, Entity

_TEN = Decimal("1E-10")


def text(value: Any) -> str | None:
    """Write a value as the text columns want it. Tryton's empty text is nothing stated."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return literal(value)
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def batch(entity: Entity, rows: Iterable[Mapping[str, Any]], cursor: Cursor | None = None) -> Batch:
    """Return rows as a batch; what a row does not name is null, ``deleted`` false."""
    rows = list(rows)
    names = [f.name for f in entity.fields]
    table = pa.table({name: pa.array([text(row.get(name)) for row in rows], pa.string()) for name in names})
    return Batch(entity, table, cursor=cursor)


def batches(entity: Entity, rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[Batch]:
    """Yield rows in batches of at most ``size``: one record may make several rows."""
    found = list(rows)
    for start in range(0, len(found), size):
        yield batch(entity, found[start : start + size])


def related(record: Mapping[str, Any], path: str) -> Any:
    """Return a field of a related record, such as ``currency.code``; None where nothing is related."""
    value: Any = record
    *steps, last = path.split(".")
    for step in steps:
        value = value[f"{step}."]
        if value is None:
            return None
    return value[last]


def rate(base: Decimal, amount: Decimal) -> Decimal | None:
    """Return what an amount was booked at, to the ten decimals that the warehouse keeps."""
    return (base / amount).quantize(_TEN, rounding=ROUND_HALF_UP) if amount else None
