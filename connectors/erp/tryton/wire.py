"""How Tryton's JSON-RPC writes values: decimals, dates and times are objects with a ``__class__``.

Belongs here: one value, both ways. Not here: requests, models. Times on the wire have no offset and are UTC (trytond
sets the time zone of its process to UTC and refuses nothing else); here every time carries its offset.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_MICROSECONDS = Decimal(1_000_000)


def encoded(value: Any) -> Any:
    """Return the value as the wire wants it. A float, or a time without offset, is refused: it would be a guess."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": format(value, "f")}
    if isinstance(value, datetime):
        return {"__class__": "datetime", **_day(_utc(value)), **_clock(_utc(value))}
    if isinstance(value, date):
        return {"__class__": "date", **_day(value)}
    if isinstance(value, time):
        return {"__class__": "time", **_clock(value)}
    if isinstance(value, timedelta):
        return {"__class__": "timedelta", "seconds": value.total_seconds()}
    if isinstance(value, bytes):
        return {"__class__": "bytes", "base64": base64.encodebytes(value).decode("ascii")}
    if isinstance(value, dict):
        return {str(key): encoded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(each) for each in value]
    raise TypeError(f"{type(value).__name__} {value!r} cannot be sent to Tryton")


def dumps(value: Any) -> bytes:
    """Return the value as the body of a request."""
    return json.dumps(encoded(value), separators=(",", ":")).encode()


def decoded(said: dict[str, Any]) -> Any:
    """Turn one object of an answer into its value: the ``object_hook`` of the JSON reader. ValueError where it lies."""
    kind = said.get("__class__")
    if kind is None:
        return said
    try:
        if kind == "Decimal":
            return _number(said["decimal"])
        if kind == "date":
            return date(said["year"], said["month"], said["day"])
        if kind == "datetime":
            day = (said["year"], said["month"], said["day"])
            return datetime(*day, said["hour"], said["minute"], said["second"], said["microsecond"], tzinfo=UTC)
        if kind == "time":
            return time(said["hour"], said["minute"], said["second"], said["microsecond"])
        if kind == "timedelta":
            return timedelta(microseconds=int(Decimal(said["seconds"]) * _MICROSECONDS))
        if kind == "bytes":
            return base64.b64decode(said["base64"])
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"a {kind} that cannot be read ({type(error).__name__})") from None
    return said


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return number


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise TypeError(f"{moment.isoformat()} has no offset from UTC; state one")
    return moment.astimezone(UTC)


def _day(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _clock(clock: time | datetime) -> dict[str, int]:
    return {"hour": clock.hour, "minute": clock.minute, "second": clock.second, "microsecond": clock.microsecond}
