"""Reads MT940: own tokenizer, line by line, a statement of any length in little memory.

What stands in field 86 differs from bank to bank: ``mt940_dialects``. Here: fields, balances, the entry line (61),
dates, signs. Lines that belong to no field (cover texts, transport headers) are passed over.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from connectors.bank.bank_files import references
from connectors.bank.bank_files.formats import mt940_codes as codes
from connectors.bank.bank_files.formats import mt940_dialects as dialects
from connectors.bank.bank_files.model import Balance, Entry, Reading, Statement, Transaction, UnreadableFileError
from connectors.kit.money import currencies

_FIELD = re.compile(r":(\d\d[A-Z]?|NS|[A-Z]{2}):")
#: Fields of an MT940, and those of its neighbours that banks put into one. Other things that look like a field
#: (``:12:11``, the end of a time of day) are text.
_FIELDS = frozenset(
    (
        *("13", "13D", "20", "21", "23", "25", "25P", "28", "28C", "28D", "34F", "60F", "60M"),
        *("61", "62F", "62M", "64", "65", "86", "90C", "90D", "NS"),
    )
)
_ENVELOPE = re.compile(r'[\x01\x03@"\s]*(?:-\}[^\r\n]*?)?\{[1-5]:')
#: A transport header of its own line: the sender's BIC (ABN AMRO), with an ISN before it (ING before SEPA).
_HEADER = re.compile(r"(?:0000 \d\d)?[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\d*\s*$")
_END = re.compile(r"-\s*$|-\}|-XXX\s*$")
_BALANCE = re.compile(r"\s*([CD])(\d{6})([A-Z]{3})\s*([\d.,]+)\s*$")
#: Marks of byte order, of a message's ends, and of a DOS file's end, where files were put one behind the other.
_MARKS = "\ufeff\x01\x03\x1a"
_NO_CURRENCY = re.compile(r"\s*[CD]\d{6}[\d.,]+\s*$")
_ENTRY = re.compile(
    r"\s*(\d{6})(\d{4})?"  # value date, entry date
    r"(R[CD]|E[CD]|[CDcd])([A-Z])?\s*"  # mark; the currency's third letter
    r"([\d.,]+)\s*"
    r"([A-Z][A-Z0-9 ]{3})?"  # kind: N, F or S and three more
    r"(.*)$",
    re.DOTALL,
)
_AMOUNT = re.compile(r"\d{1,18}(?:[.,]\d*)?|\d{1,3}(?:\.\d{3})+,\d*|\d{1,3}(?:,\d{3})+\.\d*|[.,]\d+", re.ASCII)
#: Two-digit years from here on are of the 1900s: MT940 began in the eighties.
_PIVOT = 80
_ACCOUNT_CURRENCY = re.compile(r"(.*\d)[ ]?([A-Z]{3})$")


def read(lines: Iterable[str]) -> Reading:
    """Yield each statement of an MT940 file with its entries; ``lines`` without or with line ends.

    Raises UnreadableFileError where a message that began in a SWIFT envelope never ends.
    """
    return _Reader().read(lines)


class _Reader:
    """The state between two fields."""

    def __init__(self) -> None:
        self.statement: Statement | None = None
        self.entry: Entry | None = None
        self.supplement: list[str] = []
        self.narrative: list[str] = []
        self.ended = False
        self.open_envelope_line = 0
        self.dialect = ""

    def read(self, lines: Iterable[str]) -> Reading:
        for number, tag, text in _fields(lines):
            if tag == "{":
                yield from self._new_message()
                if "{4:" in text and "-}" not in text[text.rindex("{4:") :]:
                    self.open_envelope_line = number
                self.dialect = dialects.of_sender(text) or self.dialect
                continue
            if tag == "-":
                self.ended = True
                self.open_envelope_line = 0
                continue
            begins = tag == "20" or (tag in ("25", "28C", "28", "60F", "60M") and self.ended)
            if self.statement is not None and (begins or (self.ended and self.statement.closing is not None)):
                yield from self._new_message()
            self.ended = False
            if self.statement is None:
                self.statement = Statement("mt940", number)
            if tag == "61" or tag in ("62F", "62M"):
                yield from self._flush()
            self._field(self.statement, tag, text, number)
        if self.open_envelope_line:
            raise UnreadableFileError(
                f"the message that begins at line {self.open_envelope_line} never ends: the file is half-written; "
                "have it delivered again"
            )
        yield from self._new_message()

    def _new_message(self) -> Reading:
        """Complete the statement that is being read, if one is."""
        yield from self._flush()
        statement, self.statement, self.ended = self.statement, None, False
        if statement is None:
            return
        if statement.closing is not None:
            statement.to_date = statement.closing.date
        yield statement, None

    def _flush(self) -> Reading:
        """Complete the entry that is being read: its field 86 is now whole."""
        entry, statement = self.entry, self.statement
        if entry is None or statement is None:
            return
        payment = entry.transactions[0]
        dialects.read(self.narrative, self.supplement, payment, self.dialect)
        if payment.amount is None:
            payment.amount = entry.amount
        entry.code = payment.code
        if payment.return_reason or entry.is_reversal:
            payment.original_reference = payment.end_to_end_id
        self.entry, self.narrative, self.supplement = None, [], []
        statement.count(entry)
        yield statement, entry

    def _field(self, statement: Statement, tag: str, text: str, number: int) -> None:
        if tag == "61":
            self._begin_entry(statement, text, number)
        elif tag == "86":
            if self.entry is not None:
                self.narrative.extend(text.split("\n"))
        elif tag == "NS":
            if self.entry is not None:
                self.narrative.append(codes.from_bank_field(text.split("\n")))
        elif tag == "20":
            statement.message_id = text.strip()
        elif tag in ("25", "25P"):
            if not statement.account:
                statement.account, currency = account_of(text.split("\n")[0])
                statement.currency = statement.currency or currency
                self.dialect = dialects.of_account(statement.account) or self.dialect
        elif tag in ("28", "28C"):
            statement.number, _, statement.page = text.strip().partition("/")
        elif tag in ("60F", "60M", "62F", "62M"):
            self._balance(statement, tag, text, number)

    def _balance(self, statement: Statement, tag: str, text: str, number: int) -> None:
        match = _BALANCE.match(text.split("\n")[0])
        amount = amount_of(match.group(4)) if match else None
        if match is None or amount is None:
            if _NO_CURRENCY.match(text):
                statement.note(f"line {number}: balance {tag} states no currency, so it is not used")
            else:
                statement.problem(f"line {number}: balance {tag} is not readable")
            return
        when = date_of(match.group(2))
        if when is None:
            statement.note(f"line {number}: balance {tag} has the date {match.group(2)}, which is none")
        balance = Balance(-amount if match.group(1) == "D" else amount, match.group(3), when)
        if tag.startswith("60"):
            if statement.opening is not None:
                statement.note(f"line {number}: an opening balance more than once; the last one counts")
            statement.opening, statement.from_date = balance, when
            statement.currency = balance.currency
        else:
            statement.closing = balance
            statement.currency = statement.currency or balance.currency

    def _begin_entry(self, statement: Statement, text: str, number: int) -> None:
        first, _, rest = text.partition("\n")
        match = _ENTRY.match(first)
        if match is None and rest:  # a line that was broken before its amount
            second, _, rest = rest.partition("\n")
            match = _ENTRY.match(first.rstrip() + second)
        if match is None:
            statement.problem(f"line {number}: field 61 is not readable")
            return
        valued, booked, mark, _, stated, code, reference = match.groups()
        amount = amount_of(stated)
        if amount is None:
            statement.problem(f"line {number}: field 61 has the amount {stated!r}, which is none")
            return
        value_date = date_of(valued, statement.opening.date if statement.opening else None)
        if value_date is None:
            statement.problem(f"line {number}: value date {valued} is none")
        mark = mark.upper()
        customer, _, bank = reference.partition("//")
        supplement = rest.split("\n") if rest else []
        if not bank and supplement and supplement[0].startswith("//"):
            bank = supplement.pop(0)[2:]
        bank = references.given(bank)
        payment = Transaction(
            bank_reference=bank, end_to_end_id=references.given(customer), code=code.strip() if code else ""
        )
        entry = Entry(
            number,
            # RC is a credit that is taken back: money goes out. RD is a debit that is taken back: money comes in.
            -amount if mark in ("D", "ED", "RC") else amount,
            statement.currency,
            _entry_date(booked, value_date) if value_date else None,
            value_date,
            "pending" if mark[0] == "E" else "booked",
            mark[0] == "R",
            bank,
            transactions=[payment],
        )
        self.entry, self.supplement, self.narrative = entry, supplement, []


def _fields(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, field, text); ``{`` begins a SWIFT envelope, ``-`` ends a message."""
    tag, text, start, prefix = "", [""], 0, ""
    for number, raw in enumerate(lines, 1):
        if "@@:" in raw or prefix or raw[:1] in _MARKS:
            line = prefix + raw.rstrip("\r\n").lstrip(_MARKS)
            prefix = ""
            if "@@:" in line:  # some exports join lines so
                *before, line = line.split("@@")
                for _, other, rest in _fields(before):
                    if tag:
                        yield start, tag, "\n".join(text)
                    tag, text, start = other, [rest], number
        else:
            line = raw.rstrip("\r\n")
        first = line[:1]
        if first == ":":
            match = _FIELD.match(line)
            if match and match.group(1) in _FIELDS:
                if tag:
                    yield start, tag, "\n".join(text)
                tag, start = match.group(1), number
                text = [line[match.end() :]]
                continue
            if line.strip() == ":":  # a field's first colon, left alone on its line
                prefix = ":"
                continue
            if match and not match.group(1).isdigit():  # a field of the bank's own: neither read nor part of another
                if tag:
                    yield start, tag, "\n".join(text)
                tag = ""
                continue
            if line.startswith(":940:"):
                continue
        elif first == "-" and _END.match(line):
            if tag:
                yield start, tag, "\n".join(text)
            tag = ""
            yield number, "-", ""
            if "{" in line and "{4:" in line:  # the next message begins where this one ends
                yield number, "{", line[line.index("{") :]
            continue
        elif "{" in line and _ENVELOPE.match(line):
            if tag:
                yield start, tag, "\n".join(text)
            tag = ""
            yield number, "{", line
            continue
        if tag in ("61", "86", "NS"):
            text.append(line)
        elif _HEADER.match(line):
            if tag:
                yield start, tag, "\n".join(text)
            tag = ""
            yield number, "{", line
        elif tag:
            text.append(line)
    if tag:
        yield start, tag, "\n".join(text)


def account_of(text: str) -> tuple[str, str]:
    """Return field 25's account without spaces, and the currency that some banks write behind it."""
    stripped = text.strip()
    match = _ACCOUNT_CURRENCY.match(stripped)
    currency = ""
    if match and match.group(2) in currencies():
        stripped, currency = match.groups()
    return stripped.replace(" ", ""), currency


def amount_of(text: str) -> Decimal | None:
    """Return an amount, or None. The comma is SWIFT's decimal sign; some banks write a point."""
    if not _AMOUNT.fullmatch(text):
        return None
    if "," in text and "." in text:
        thousands = "." if text.rindex(",") > text.rindex(".") else ","
        text = text.replace(thousands, "")
    return Decimal(text.replace(",", "."))


@lru_cache(maxsize=8192)
def date_of(yymmdd: str, near: date | None = None) -> date | None:
    """Return the date of six digits; the century is the one that brings it nearest to ``near``.

    German banks count interest in months of 30 days: 30 February is the month's last day.
    """
    year, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    if near is None:
        years = [1900 + year if year >= _PIVOT else 2000 + year]
    else:
        century = near.year // 100 * 100
        years = [century - 100 + year, century + year, century + 100 + year]
    found = [one for one in (_in_month(y, month, day) for y in years) if one is not None]
    return min(found, key=lambda d: abs((d - near).days) if near else 0) if found else None


def _in_month(year: int, month: int, day: int) -> date | None:
    last = monthrange(year, month)[1]
    if day > last and not (month == 2 and day <= 30):
        return None
    return date(year, month, min(day, last))


@lru_cache(maxsize=8192)
def _entry_date(mmdd: str | None, value_date: date) -> date | None:
    """Return the day of booking: its year is the one that brings it nearest to the value date."""
    if not mmdd:
        return None
    month, day = int(mmdd[:2]), int(mmdd[2:])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    years = (value_date.year - 1, value_date.year, value_date.year + 1)
    found = [one for one in (_in_month(y, month, day) for y in years) if one is not None]
    return min(found, key=lambda d: abs((d - value_date).days)) if found else None
