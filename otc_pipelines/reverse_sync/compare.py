"""Whether what a target holds is what was meant, whichever types it answers in.

Belongs here: comparing values across the wire. Not here: reading them back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?")  # 007 is a key, not a number


def differing(meant: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the meant fields that the target holds another value of."""
    return tuple(name for name, value in meant.items() if not same(value, found.get(name)))


def same(meant: Any, found: Any) -> bool:
    """True if both are one value: nothing and '' are, as are 5, 5.0 and '5.00', and a moment in two offsets."""
    if meant in (None, "") or found in (None, ""):
        return meant in (None, "") and found in (None, "")
    if isinstance(meant, bool) or isinstance(found, bool):
        return str(meant).lower() == str(found).lower()
    if meant == found or str(meant) == str(found):
        return True
    numbers = _number(meant), _number(found)
    if None not in numbers:
        return numbers[0] == numbers[1]
    moments = _moment(meant), _moment(found)
    return None not in moments and moments[0] == moments[1]


def _number(value: Any) -> Decimal | None:
    text = str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        found = value
    else:
        try:
            found = datetime.fromisoformat(str(value).strip())
        except ValueError:
            return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
