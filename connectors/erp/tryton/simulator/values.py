"""Values as the simulated server keeps them and as they stand on its wire.

Belongs here: one value, both ways. It shares no code with the connector's own wire, so that a slip there is not
answered by the same slip here. Times on the wire have no offset; they are UTC.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

_DATE = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")


def to_wire(value: Any) -> Any:
    """Return a value as JSON carries it."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        return {"__class__": "datetime", **{n: getattr(value, n) for n in (*_DATE, *_TIME)}}
    if isinstance(value, date):
        return {"__class__": "date", **{n: getattr(value, n) for n in _DATE}}
    if isinstance(value, dict):
        return {name: to_wire(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_wire(each) for each in value]
    return value


def from_wire(value: Any) -> Any:
    """Return the value that JSON carried; ValueError, KeyError or ArithmeticError where it is none."""
    if isinstance(value, list):
        return [from_wire(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return Decimal(value["decimal"])
    if kind == "datetime":
        return datetime.combine(date(*(value[n] for n in _DATE)), time(*(value.get(n, 0) for n in _TIME)), UTC)
    if kind == "date":
        return date(*(value[n] for n in _DATE))
    if kind == "time":
        return time(*(value.get(n, 0) for n in _TIME))
    if kind == "bytes":
        return base64.b64decode(value["base64"])
    return {name: from_wire(each) for name, each in value.items()}
