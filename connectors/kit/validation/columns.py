"""Types one column at a time: text in, typed values out, with a mask and a reason for each value that does not fit.

Belongs here: what a value of each ``FieldType`` looks like. Not here: rows, rejects, entities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from connectors.kit.contract import ARROW_TYPES, Field, FieldType
from connectors.kit.money import currencies, exponent
from connectors.kit.redact import redact_text

MAX_TEXT = 10_000
"""Characters that a text may have; a longer one is a broken file, not a value."""

_SHOWN = 60
_DECIMAL = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
#: What decimal(18,4) holds; Arrow parses at most 38 digits, so padding zeros are bounded too.
_FITS_MONEY = r"^[+-]?0{0,8}[0-9]{0,14}(?:\.[0-9]{0,4}0{0,10})?$"
_FITS_RATE = r"^[+-]?[0-9]{0,18}(?:\.[0-9]*)?$"
_INTEGER = r"^[+-]?[0-9]{1,18}(?:\.0*)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]" + _TIME + r" ?(?:[Zz]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)$"
_NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]" + _TIME + "$"
#: ISO 8601 as people write it, to what Arrow parses: microseconds at most, upper-case Z, no space before the offset.
_TO_ARROW = ((",", "."), (r"(\.[0-9]{6})[0-9]+", r"\1"), ("z$", "Z"), (r" ([Z+-][0-9:]*)$", r"\1"))
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_RATE_DIGITS = 10

Explain = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """Rows (by mask) with one thing wrong in one column; ``explain`` makes the reason from the value."""

    mask: pa.BooleanArray
    explain: Explain


@dataclass(frozen=True)
class Checked:
    """A typed column, null where a value does not fit, and what does not fit."""

    values: pa.Array
    faults: tuple[Fault, ...]


def shown(value: str) -> str:
    """Return a value as a reason may show it: quoted, short, no card number in it."""
    text = redact_text(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def check_column(field: Field, column: pa.Array) -> Checked:
    """Type a text column as declared. Empty or blank text is null: nothing stated."""
    trimmed = pc.utf8_trim_whitespace(column)
    blank = pc.equal(pc.binary_length(trimmed), 0)
    stated = pc.if_else(pc.fill_null(blank, False), pa.scalar(None, pa.string()), trimmed)
    if field.type is FieldType.TEXT:
        return _text(field, pc.if_else(pc.is_null(stated), stated, column), stated)
    return _CHECKS[field.type](field, stated)


def too_long(name: str, column: pa.Array) -> Fault:
    """Return the rows whose text is longer than may be kept."""
    mask = pc.fill_null(pc.greater(pc.utf8_length(column), MAX_TEXT), False)
    return Fault(mask, lambda v: f"{name} has {len(v)} characters; {MAX_TEXT} are allowed")


def has_nul(name: str, column: pa.Array) -> Fault:
    """Return the rows whose text has a NUL byte, which no warehouse stores."""
    return Fault(pc.fill_null(pc.match_substring(column, "\x00"), False), lambda v: f"{name} contains a NUL byte")


def too_precise(field: Field, typed: pa.Array, currency: pa.Array) -> Fault:
    """Return the rows whose amount has more decimals than the row's currency."""
    encoded = currency.dictionary_encode()
    digits = [_digits(code) for code in encoded.dictionary.to_pylist()]
    allowed = pa.array([*digits, 4], pa.int8()).take(pc.fill_null(encoded.indices, len(digits)))
    mask = pc.equal(allowed, -1)
    typed = typed.cast(pa.decimal128(38, typed.type.scale))  # rounding up the largest amount takes a digit more
    for places in {d for d in digits if d < 4}:
        uneven = pc.not_equal(pc.round(typed, ndigits=places), typed)
        mask = pc.or_(mask, pc.and_(pc.equal(allowed, places), pc.fill_null(uneven, False)))

    def explain(value: str) -> str:
        return f"{field.name} {_name(field, value)}has more decimals than its currency allows"

    return Fault(mask, explain)


def _digits(code: str) -> int:
    try:
        return exponent(code)
    except ValueError:
        return 4


def _name(field: Field, value: str) -> str:
    return "" if field.personal else f"{shown(value)} "


def _fault(field: Field, mask: pa.Array, allowed: str) -> Fault:
    return Fault(pc.fill_null(mask, False), lambda value: f"{field.name} {_name(field, value)}{allowed}")


def _blanked(column: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, column.type), column)


def _unlike(column: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.invert(pc.match_substring_regex(column, pattern)), False)


def _text(field: Field, column: pa.Array, trimmed: pa.Array) -> Checked:
    if not field.choices:
        return Checked(column, ())
    wrong = pc.and_(pc.is_valid(trimmed), pc.invert(pc.is_in(trimmed, value_set=pa.array(field.choices))))
    return Checked(_blanked(trimmed, wrong), (_fault(field, wrong, f"is not one of {', '.join(field.choices)}"),))


def _decimal(field: Field, column: pa.Array) -> Checked:
    shapeless = _unlike(column, _DECIMAL)
    oversize = pc.and_(pc.invert(shapeless), _unlike(column, _FITS_MONEY))
    values = _blanked(column, pc.or_(shapeless, oversize)).cast(ARROW_TYPES[FieldType.DECIMAL])
    faults = (
        _fault(field, shapeless, "is not a decimal"),
        _fault(field, oversize, "does not fit: 14 digits before the point and 4 after it are allowed"),
    )
    return _signed(field, values, faults)


def _rate(field: Field, column: pa.Array) -> Checked:
    """Type a rate, rounded half up to the ten decimals that are kept: rates come from divisions."""
    shapeless = _unlike(column, _DECIMAL)
    oversize = pc.and_(pc.invert(shapeless), _unlike(column, _FITS_RATE))
    kept = pc.replace_substring_regex(_blanked(column, pc.or_(shapeless, oversize)), r"(\.[0-9]{20})[0-9]+$", r"\1")
    wide = kept.cast(pa.decimal128(38, 20))
    values = pc.round(wide, ndigits=_RATE_DIGITS, round_mode="half_towards_infinity").cast(ARROW_TYPES[FieldType.RATE])
    faults = (
        _fault(field, shapeless, "is not a decimal"),
        _fault(field, oversize, "does not fit: 18 digits before the point are allowed"),
    )
    return _signed(field, values, faults)


def _signed(field: Field, values: pa.Array, faults: tuple[Fault, ...]) -> Checked:
    if not field.non_negative:
        return Checked(values, faults)
    negative = pc.less(values, pa.scalar(Decimal(0), values.type))
    return Checked(values, (*faults, _fault(field, negative, "is negative; a value of 0 or more is allowed")))


def _integer(field: Field, column: pa.Array) -> Checked:
    wrong = _unlike(column, _INTEGER)
    plain = pc.replace_substring_regex(_blanked(column, wrong), r"\.0*$|^\+", "")
    return Checked(plain.cast(pa.int64()), (_fault(field, wrong, "is not an integer"),))


def _boolean(field: Field, column: pa.Array) -> Checked:
    lowered = pc.utf8_lower(column)
    yes = pc.is_in(lowered, value_set=pa.array(_TRUE))
    known = pc.or_(yes, pc.is_in(lowered, value_set=pa.array(_FALSE)))
    values = pc.if_else(known, yes, pa.scalar(None, pa.bool_()))
    wrong = pc.and_(pc.is_valid(column), pc.invert(known))
    return Checked(values, (_fault(field, wrong, "is not a boolean: true, false, 1, 0, yes or no are allowed"),))


def _currency(field: Field, column: pa.Array) -> Checked:
    known = pc.is_in(column, value_set=pa.array(sorted(currencies())))
    wrong = pc.and_(pc.is_valid(column), pc.invert(known))
    return Checked(_blanked(column, wrong), (_fault(field, wrong, "is not an ISO 4217 code, such as USD"),))


def _date(field: Field, column: pa.Array) -> Checked:
    shapeless = _unlike(column, _DATE)
    unreal = pc.and_(pc.invert(shapeless), _unreal(_blanked(column, shapeless)))
    values = _blanked(column, pc.or_(shapeless, unreal)).cast(pa.date32())
    faults = (
        _fault(field, shapeless, "is not a date; YYYY-MM-DD is allowed"),
        _fault(field, unreal, "is not a day of the calendar"),
    )
    return Checked(values, faults)


def _timestamp(field: Field, column: pa.Array) -> Checked:
    unlike = _unlike(column, _TIMESTAMP)
    naive = pc.and_(unlike, pc.fill_null(pc.match_substring_regex(column, _NAIVE), False)) if _any(unlike) else unlike
    formed = _blanked(column, unlike)
    unreal = _unreal(pc.utf8_slice_codeunits(formed, 0, 10))
    faults = (
        _fault(field, naive, "has no offset; add Z or one such as +02:00"),
        _fault(field, pc.and_not(unlike, naive), "is not a timestamp; YYYY-MM-DDTHH:MM:SS with an offset is allowed"),
        _fault(field, unreal, "is not a day of the calendar"),
    )
    return Checked(_instants(_blanked(formed, unreal)), faults)


def _instants(column: pa.Array) -> pa.Array:
    wanted = ARROW_TYPES[FieldType.TIMESTAMP]
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid:
        for pattern, instead in _TO_ARROW:
            column = pc.replace_substring_regex(column, pattern, instead)
        return column.cast(wanted)


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _unreal(column: pa.Array) -> pa.Array:
    """Return which well-formed dates are no days; judged once a distinct date, of which there are few."""
    encoded = column.dictionary_encode()
    verdicts = pa.array([not _is_day(text) for text in encoded.dictionary.to_pylist()], pa.bool_())
    return pc.fill_null(verdicts.take(encoded.indices), False)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_CHECKS: dict[FieldType, Callable[[Field, pa.Array], Checked]] = {
    FieldType.DECIMAL: _decimal,
    FieldType.RATE: _rate,
    FieldType.DATE: _date,
    FieldType.TIMESTAMP: _timestamp,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.CURRENCY: _currency,
}
