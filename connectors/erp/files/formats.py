"""Other people's ways of writing a date, a time or a number, turned into the contract's own.

Belongs here: one column of text in, the same column in ISO and with a point out, and which values did not fit the
configured pattern. Not here: whether a value makes sense (``kit.validation``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connectors.erp.files.settings import Formats
from connectors.kit.contract import Field, FieldType
from connectors.kit.text_table import moment_text, zoned_text

_ISO_DATE = ("%Y-%m-%d",)
_NUMBERS = (FieldType.DECIMAL, FieldType.RATE, FieldType.INTEGER)


def as_contract(field: Field, column: pa.Array, formats: Formats) -> tuple[pa.Array, pa.Array | None, str]:
    """Return the column rewritten, the mask of values that fit no pattern (None: all fit), and what is allowed."""
    if field.type is FieldType.DATE and formats.date != _ISO_DATE:
        return _rewritten(column, _dates(formats.date), f"is not a date written {' or '.join(formats.date)}")
    if field.type is FieldType.TIMESTAMP and (formats.timestamp or formats.timezone):
        return _timestamps(column, formats)
    if field.type in _NUMBERS and (formats.decimal, formats.thousands) != (".", None):
        return _numbers(column, formats)
    return column, None, ""


def unsigned(column: pa.Array) -> pa.Array:
    """Return amounts without their sign."""
    return pc.replace_substring_regex(column, r"^\s*[+-]", "")


def _rewritten(
    column: pa.Array, rewrite: Callable[[str], str | None], allowed: str
) -> tuple[pa.Array, pa.Array | None, str]:
    """Rewrite each distinct value once: dates repeat."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    parsed = [text if not text.strip() else rewrite(text.strip()) for text in texts]
    values = pa.array([text if new is None else new for text, new in zip(texts, parsed, strict=True)], pa.string())
    if None not in parsed:
        return values.take(encoded.indices), None, allowed
    wrong = pa.array([new is None for new in parsed], pa.bool_()).take(encoded.indices)
    return values.take(encoded.indices), pc.fill_null(wrong, False), allowed


def _dates(patterns: Sequence[str]) -> Callable[[str], str | None]:
    def rewrite(text: str) -> str | None:
        moment = _first(text, patterns)
        return moment.date().isoformat() if moment else None

    return rewrite


def _timestamps(column: pa.Array, formats: Formats) -> tuple[pa.Array, pa.Array | None, str]:
    if not formats.timestamp:
        return zoned_text(column, formats.timezone), None, ""

    def rewrite(text: str) -> str | None:
        moment = _first(text, formats.timestamp)
        return moment_text(moment, formats.timezone) if moment else None

    return _rewritten(column, rewrite, f"is not a timestamp written {' or '.join(formats.timestamp)}")


def _first(text: str, patterns: Sequence[str]) -> datetime | None:
    for pattern in patterns:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is applied by the caller
        except ValueError:
            continue
    return None


def _numbers(column: pa.Array, formats: Formats) -> tuple[pa.Array, pa.Array | None, str]:
    """Rewrite numbers; groups must be of three digits, so that a decimal sign is never taken for a thousands one."""
    point = re.escape(formats.decimal)
    digits = "[0-9]+"
    if formats.thousands:
        group = "[ \\x{a0}\\x{202f}]" if formats.thousands == " " else re.escape(formats.thousands)
        digits = f"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)"
    trimmed = pc.utf8_trim_whitespace(column)
    fits = pc.match_substring_regex(trimmed, f"^(?:[+-]?{digits}(?:{point}[0-9]*)?|{digits}(?:{point}[0-9]*)?-)$")
    wrong = pc.and_(pc.invert(pc.fill_null(fits, True)), pc.greater(pc.fill_null(pc.binary_length(trimmed), 0), 0))
    plain = pc.replace_substring_regex(trimmed, f"[^0-9+{point}-]", "")
    plain = pc.replace_substring(plain, formats.decimal, ".")
    plain = pc.replace_substring_regex(plain, r"^(.*)-$", r"-\1")
    allowed = f"is not a number with decimal sign {formats.decimal!r}"
    if formats.thousands:
        allowed += f" and thousands sign {formats.thousands!r}"
    return pc.if_else(wrong, column, plain), wrong if pc.any(wrong).as_py() else None, allowed
