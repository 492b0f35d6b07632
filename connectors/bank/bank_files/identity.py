"""What makes a bank line and a statement the same again, however often and in whatever file they are sent.

A line is its account, the bank's own reference, amount, value date, and which of the equals in its statement it is:
two genuine twins stay two, a file sent again adds none. Where the bank gives no reference of its own, the statement's
own number and opening stand in for it, or a payment would be taken for another of the same day and amount.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from connectors.bank.bank_files.model import Entry, Statement, Transaction

_SEPARATOR = "\x1f"
#: A reference with fewer than four digits (``nota``, ``1``) tells no payment from another.
_FOUR_DIGITS = re.compile(r"(?:\d\D*){4}", re.ASCII)


def is_own_reference(reference: str) -> bool:
    """Whether a bank's reference tells one payment from another."""
    return _FOUR_DIGITS.search(reference) is not None


def reference_of(entry: Entry, payment: Transaction) -> str:
    """Return the bank's reference of a line: of a batch the payment's own, else the entry's.

    The entry's is what camt.053 and camt.054 share, so that one entry reported in both is one line.
    """
    if len(entry.transactions) > 1:
        return payment.bank_reference or entry.bank_reference
    return entry.bank_reference or payment.bank_reference


def entry_reference_of(entry: Entry) -> str:
    """Return what the bank calls the whole entry, wherever it reports it; nothing where that tells it from no other.

    It ties an entry that one message states as a sum to the payments that another gives of it.
    """
    for reference in (entry.bank_reference, entry.entry_reference):
        if is_own_reference(reference):
            return reference
    return ""


def header_of(statement: Statement) -> str:
    """Return what names a statement before its entries are read; it stands in for a missing reference."""
    opening = statement.opening
    number = statement.number if statement.number.strip("0") and opening else statement.message_id
    return _SEPARATOR.join(
        (
            statement.account,
            statement.currency,
            number,
            statement.page,
            f"{opening.date}{_SEPARATOR}{_plain(opening.amount)}" if opening else "",
        )
    )


def line_key(account: str, reference: str, amount: Decimal, value_date: str, header: str) -> str:
    """Return the digest of a line, occurrence aside. ``header`` is used where the reference is not the bank's own."""
    scope = "" if is_own_reference(reference) else header
    text = _SEPARATOR.join((account, reference, _plain(amount), value_date, scope))
    return hashlib.sha256(text.encode()).hexdigest()


def line_id(key: str, occurrence: int) -> str:
    """Return the published id of the ``occurrence``-th line (from 0) with one key in one statement."""
    if not occurrence:
        return key
    return hashlib.sha256(f"{key}{_SEPARATOR}{occurrence}".encode()).hexdigest()


def occurrences(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return for each key how many equal ones stand before it. ``keys`` are digests cut to 64 bits."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, dtype=bool)
    positions = np.arange(len(keys))
    first = np.maximum.accumulate(np.where(starts, positions, 0)) if len(keys) else positions
    counted = np.empty(len(keys), dtype=np.int64)
    counted[order] = positions - first
    return counted


def statement_id(statement: Statement, content: str, namesake: int) -> str:
    """Return ``account/number/date/hash``: readable, and the same for the same statement in another file.

    ``content`` is a digest of the statement's lines, whatever their order; ``namesake`` counts those of one file
    that have one header and say different things.
    """
    closing = statement.closing
    digest = hashlib.sha256(
        _SEPARATOR.join(
            (
                statement.format,
                header_of(statement),
                f"{closing.date}{_SEPARATOR}{_plain(closing.amount)}" if closing else "",
                f"{statement.from_date}{_SEPARATOR}{statement.to_date}",
                f"{content}{_SEPARATOR}{namesake}" if namesake else content,
            )
        ).encode()
    ).hexdigest()[:12]
    day = statement.to_date or statement.from_date
    number = statement.number or statement.message_id or "-"
    return f"{statement.account}/{number}/{day or '-'}/{digest}"


def _plain(amount: Decimal) -> str:
    """Write an amount so that 18.150 and 18.15 are the same."""
    text = str(amount)
    if "E" in text:
        text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
