"""Removes card numbers and card verification values from text before it is stored or logged.

A card number is 13 to 19 digits, separated or not by spaces, dashes, dots or line breaks, that begins as one of the
schemes does, has a length that scheme issues and passes Luhn. It becomes its first six and last four digits with stars
between, everywhere the same; no hash of it is kept. What checks as an IBAN, an ISO 11649 or a QR reference is left.
Belongs here: what a card number looks like. Not here: who asks for it.
"""

from __future__ import annotations

import logging
import re
from datetime import date
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc
from stdnum import iban, iso11649
from stdnum.ch import esr

_SEPARATOR = r"[ \t\r\n.\-\u00a0\u2009\u2010-\u2015\u202f]"
_RUN = re.compile(rf"[0-9](?:{_SEPARATOR}{{0,3}}[0-9]){{12,}}")
_GROUP = re.compile("[0-9]+")
#: RE2's cheap question: can a card number begin here at all? Only cells that say yes are looked at one by one.
_PREFILTER = r"(?:^|[^0-9])(?:4|5S[0-58]|6S[02-57]|2S[2-7]|3S[04-9]|8S1)(?:S[0-9]){11}".replace(
    "S", r"[ \t\r\n.\-\x{a0}\x{2009}\x{2010}-\x{2015}\x{202f}]{0,3}"
)
_LENGTHS = range(13, 20)
#: (first prefix, last prefix, lengths issued), prefixes compared by their own number of digits.
_SCHEMES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard 2-series
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("6011", "6011", frozenset(range(16, 20))),  # Discover
    ("644", "649", frozenset(range(16, 20))),
    ("65", "65", frozenset(range(16, 20))),
    ("3528", "3589", frozenset(range(16, 20))),  # JCB
    ("300", "305", frozenset(range(14, 20))),  # Diners Club
    ("3095", "3095", frozenset(range(14, 20))),
    ("36", "36", frozenset(range(14, 20))),
    ("38", "39", frozenset(range(14, 20))),
    ("62", "62", frozenset(range(16, 20))),  # UnionPay
    ("81", "81", frozenset(range(16, 20))),
    ("5018", "5018", frozenset(range(13, 20))),  # Maestro
    ("5020", "5020", frozenset(range(13, 20))),
    ("5038", "5038", frozenset(range(13, 20))),
    ("5893", "5893", frozenset(range(13, 20))),
    ("6304", "6304", frozenset(range(13, 20))),
    ("6759", "6759", frozenset(range(13, 20))),
    ("6761", "6763", frozenset(range(13, 20))),
)
_CVV_WORDS = (
    r"(?:cvv2?|cvc2?|cvn2?|cav2|card[ _-]?(?:verification|security)[ _-]?(?:code|value|number)|security[ _-]?code)"
)
_CVV = re.compile(
    rf"\b({_CVV_WORDS}\b[\"':=#.\s-]{{0,5}}(?:is\s+|code\s+|no\.?\s*)?)([0-9]{{3,4}})(?![0-9])", re.IGNORECASE
)
_CVV_PREFILTER = rf"(?i){_CVV_WORDS}"
_CVV_COLUMN = re.compile(rf"^(?:card[ _-]?)?{_CVV_WORDS}$", re.IGNORECASE)
_SHORTEST_CVV = 6
#: Alphanumeric references with check digits of their own, UUIDs, dates and plain amounts: not parts of a card number.
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_RF = re.compile(r"(?<![A-Za-z0-9])RF[0-9]{2}(?: ?[A-Z0-9]){1,21}")
_WORD = re.compile(r"[A-Z0-9]+")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_DAY = re.compile(
    r"(?<![0-9.\-])(?:([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{1,2})[.\-]([0-9]{1,2})[.\-]([0-9]{4}))(?![0-9.\-])"
)
_YEARS = range(1900, 2200)
_AMOUNT = re.compile(r"(?<![0-9.\-])[0-9]{1,9}\.[0-9]{2}(?![0-9.\-])")
_QR_DIGITS = 27
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def redact_text(text: str) -> str:
    """Return the text without card numbers and card verification values."""
    return _redact(text)[0]


def redact_table(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the table with every text column redacted, and how many numbers and values were removed."""
    removed = 0
    for index, field in enumerate(table.schema):
        if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            continue
        column = table.column(index)
        redacted, found = _redact_column(field.name, column)
        if found:
            removed += found
            table = table.set_column(index, field, pa.chunked_array([redacted], field.type))
    return table, removed


class RedactingFilter(logging.Filter):
    """Lets every record through, with its message, arguments and traceback text redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place."""
        record.msg, record.args = redact_text(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact_text(record.exc_text)
        return True


def _redact_column(name: str, column: pa.ChunkedArray) -> tuple[pa.Array, int]:
    values = column.combine_chunks()
    if _CVV_COLUMN.match(name):
        stated = pc.greater(pc.fill_null(pc.binary_length(values), 0), 0)
        return pc.if_else(stated, pa.scalar("***", values.type), values), int(pc.sum(stated).as_py() or 0)
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest < _SHORTEST_CVV:
        return values, 0
    suspect = pc.match_substring_regex(values, _CVV_PREFILTER)
    if longest >= _LENGTHS.start:
        suspect = pc.or_(suspect, pc.match_substring_regex(values, _PREFILTER))
    suspect = pc.fill_null(suspect, False)
    if not pc.any(suspect).as_py():
        return values, 0
    texts = values.filter(suspect).dictionary_encode()
    pairs = [_redact(text) for text in texts.dictionary.to_pylist()]
    found = pc.sum(pa.array([count for _, count in pairs], pa.int64()).take(texts.indices)).as_py()
    if not found:
        return values, 0
    clean = pa.array([text for text, _ in pairs], values.type).take(texts.indices)
    return pc.replace_with_mask(values, suspect, clean), found


def _redact(text: str) -> tuple[str, int]:
    if text.isdecimal() and text.isascii():
        return (_starred(text), 1) if _is_card(text) else (text, 0)
    text, verification = _CVV.subn(lambda m: m[1] + "*" * len(m[2]), text)
    if not _RUN.search(text):
        return text, verification
    spared = _spared(text)
    cards = [span for run in _RUN.finditer(text) for span in _cards(text, run.start(), run.end(), spared)]
    for start, end, number in reversed(cards):
        text = f"{text[:start]}{_starred(number)}{text[end:]}"
    return text, verification + len(cards)


def _starred(number: str) -> str:
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def _cards(text: str, start: int, end: int, spared: list[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Return (start, end, digits) of the card numbers in a run of digit groups; one begins and ends with a group."""
    groups = [(m.start(), m.end(), m[0]) for m in _GROUP.finditer(text, start, end)]
    groups = [g for g in groups if not any(a <= g[0] and g[1] <= b for a, b in spared)]
    if sum(len(g[2]) for g in groups) == _QR_DIGITS and esr.is_valid("".join(g[2] for g in groups)):
        return []
    found: list[tuple[int, int, str]] = []
    at = 0
    while at < len(groups):
        size = _card_at(text, groups, at)
        if size:
            found.append((groups[at][0], groups[at + size - 1][1], "".join(g[2] for g in groups[at : at + size])))
        at += max(size, 1)
    return found


def _card_at(text: str, groups: list[tuple[int, int, str]], at: int) -> int:
    """Return how many groups from ``at`` make a card number, the longest first; 0 when none do."""
    near = [groups[at]]
    for group in groups[at + 1 : at + _LENGTHS.stop]:
        if group[0] - near[-1][1] > 3:
            break
        near.append(group)
    lengths = list(accumulate(len(g[2]) for g in near))
    for size in range(len(near), 0, -1):
        if lengths[size - 1] in _LENGTHS and _is_card("".join(g[2] for g in near[:size])):
            return size
    return 0


def _is_card(digits: str) -> bool:
    size = len(digits)
    if size not in _LENGTHS:
        return False
    scheme = any(first <= digits[: len(first)] <= last and size in lengths for first, last, lengths in _SCHEMES)
    return scheme and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """Luhn in the few steps that a million candidates allow (stdnum's takes ten times as long)."""
    backwards = [int(d) for d in reversed(digits)]
    return (sum(backwards[::2]) + sum(_DOUBLED[d] for d in backwards[1::2])) % 10 == 0


def _spared(text: str) -> list[tuple[int, int]]:
    """Return the spans that are something else for certain: their own check digits or their calendar say so."""
    spans = [m.span() for m in _UUID.finditer(text)] + [m.span() for m in _AMOUNT.finditer(text)]
    spans += [m.span() for m in _DAY.finditer(text) if _is_day(m)]
    for pattern, valid in ((_IBAN, iban.is_valid), (_RF, iso11649.is_valid)):
        for match in pattern.finditer(text):
            ends = [m.end() for m in _WORD.finditer(text, match.start(), match.end())]
            spans += [(match.start(), e) for e in ends if valid(text[match.start() : e])][:1]
    return spans


def _is_day(match: re.Match[str]) -> bool:
    """Whether it is a day that books may speak of; the end of a card number may be spread like another one."""
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
    try:
        return date(int(year), int(month), int(day)).year in _YEARS
    except ValueError:
        return False
