"""Structured payment references: which texts are one, validated by their check digits.

ISO 11649 (RF, mod 97), Swiss QRR and ESR (mod 10 recursive), Belgian OGM/VCS (mod 97). Not here: invoice numbers in
free text, which only the books can tell from other numbers.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum import iso11649
from stdnum.be import ogm_vcs

#: What banks write where a reference is not given.
PLACEHOLDERS = frozenset(
    ("NONREF", "NOREF", "NOTPROVIDED", "NOT PROVIDED", "NOT-PROVIDED", "NOTAVAILABLE", "NONE", "NULL", "UNKNOWN", "N/A")
)

_RF = re.compile(r"(?<![A-Z0-9])RF\d{2}(?: ?[A-Z0-9]){1,21}(?![A-Z0-9])")
_27_DIGITS = re.compile(r"(?<!\d)\d{2} ?\d{5} ?\d{5} ?\d{5} ?\d{5} ?\d{5}(?!\d)")
_OGM = re.compile(r"(?:\+{3}|\*{3})\d{3}/\d{4}/\d{5}(?:\+{3}|\*{3})")
_MOD10 = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)  #: the row of the recursive table; row n is this one, turned n places


def given(reference: str) -> str:
    """Return a reference as the bank states it, or nothing where it only says that there is none."""
    text = reference.strip()
    return "" if len(text) < 15 and text.upper() in PLACEHOLDERS else text


def is_mod10_recursive(digits: str) -> bool:
    """Whether the last digit is the Swiss check digit (mod 10 recursive) of those before it."""
    carry = 0
    for digit in digits[:-1]:
        carry = _MOD10[(carry + ord(digit) - 48) % 10]
    return (10 - carry) % 10 == ord(digits[-1]) - 48


@lru_cache(maxsize=4096)
def validated(reference: str) -> str | None:
    """Return a structured reference in its compact form; None where its check digit is wrong.

    A reference of a kind that has no check digit is returned as it is given.
    """
    text = reference.strip()
    compact = re.sub(r"[\s]", "", text).upper()
    if compact.startswith("RF") and compact[2:4].isdigit():
        return compact if iso11649.is_valid(compact) else None
    if compact.isdigit() and len(compact) == 27:
        return compact if is_mod10_recursive(compact) and compact.strip("0") else None
    if _OGM.fullmatch(text):
        return ogm_vcs.compact(text) if ogm_vcs.is_valid(text) else None
    return text


def found_in(text: str) -> str:
    """Return the valid structured references in free text, one per line; nothing where there is none."""
    hits: list[str] = []
    if "RF" in text:
        hits.extend(_rf_references(text))
    if len(text) >= 27:
        for match in _27_DIGITS.finditer(text):
            compact = match.group().replace(" ", "")
            if is_mod10_recursive(compact) and compact.strip("0"):
                hits.append(compact)
    if "+++" in text or "***" in text:
        hits.extend(ogm_vcs.compact(m.group()) for m in _OGM.finditer(text) if ogm_vcs.is_valid(m.group()))
    return "\n".join(dict.fromkeys(hits))


def _rf_references(text: str) -> list[str]:
    found = []
    for match in _RF.finditer(text):
        words = match.group().split(" ")
        for end in range(len(words), 0, -1):  # a printed reference has spaces, and so has the text after it
            compact = "".join(words[:end])
            if 5 <= len(compact) <= 25 and iso11649.is_valid(compact):
                found.append(compact)
                break
    return found
