"""What any bank statement says, whatever its format: plain data between the format readers and the rest.

Belongs here: the dataclasses and what a reader may raise. Not here: how a format is read, what a statement must
satisfy (``closing``), what lands (``lines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeAlias

#: At most this many of a kind of remark are kept: a million entries must not make a million notes.
MAX_NOTES = 20


class UnreadableFileError(ValueError):
    """The file cannot be read at all. The message says why and is fit for quarantine: no personal data."""


@dataclass(slots=True)
class Balance:
    """A balance that the bank states; signed, debit is negative."""

    amount: Decimal
    currency: str
    date: date | None


@dataclass(slots=True)
class Transaction:
    """One payment within an entry. ``amount`` is signed and in the account's currency, None where it is not stated."""

    amount: Decimal | None = None
    stated_amount: Decimal | None = None  #: signed, in ``stated_currency``, where that is not the account's
    stated_currency: str = ""
    bank_reference: str = ""
    end_to_end_id: str = ""
    uetr: str = ""
    mandate_id: str = ""
    code: str = ""
    return_reason: str = ""
    original_reference: str = ""
    structured_reference: str = ""
    referred_document: str = ""
    charges: Decimal | None = None
    instructed_amount: Decimal | None = None
    instructed_currency: str = ""
    counterparty_name: str = ""
    counterparty_account: str = ""
    counterparty_bank: str = ""
    remittance_text: str = ""


@dataclass(slots=True)
class Entry:
    """One movement on the account, with the payments it is made of; an entry without detail has one.

    ``bank_reference`` is the account servicer's own reference: the same wherever the bank reports the entry again.
    ``entry_reference`` is the reference beside it that camt gives (NtryRef): a number of the entry, or of its batch.
    """

    line: int
    amount: Decimal
    currency: str
    booking_date: date | None = None
    value_date: date | None = None
    status: str = "booked"
    is_reversal: bool = False
    bank_reference: str = ""
    entry_reference: str = ""
    code: str = ""
    charges: Decimal | None = None
    transactions: list[Transaction] = field(default_factory=list)


@dataclass(slots=True)
class Statement:
    """One statement, report or notification. Complete when its reader yields it without an entry.

    ``problems``: why it cannot be loaded. ``notes``: what is odd and does not stop it.
    """

    format: str
    line: int
    account: str = ""
    currency: str = ""
    message_id: str = ""
    number: str = ""  #: the bank's own running number: ElctrncSeqNb, field 28C
    page: str = ""
    from_date: date | None = None
    to_date: date | None = None
    opening: Balance | None = None
    closing: Balance | None = None
    entries: int = 0
    transactions: int = 0
    entries_sum: Decimal = Decimal(0)
    booked_sum: Decimal = Decimal(0)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Remember why the statement cannot be loaded."""
        if len(self.problems) < MAX_NOTES:
            self.problems.append(text)

    def note(self, text: str) -> None:
        """Remember something odd."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)
        elif len(self.notes) == MAX_NOTES:
            self.notes.append("… and more of the kind")

    def count(self, entry: Entry) -> None:
        """Take an entry into the statement's totals."""
        self.entries += 1
        self.transactions += len(entry.transactions)
        self.entries_sum += entry.amount
        if entry.status == "booked":
            self.booked_sum += entry.amount


Reading: TypeAlias = Iterator[tuple[Statement, Entry | None]]
"""A statement with each of its entries in turn, then the same statement with None when it is complete."""
