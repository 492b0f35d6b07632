"""What a statement must satisfy before it may load: readable, in one currency, and closing.

A statement that does not is quarantined alone, with the reason; the file's others load. Here too: gaps between a
file's statements, which are noted and never fatal.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from connectors.bank.bank_files.model import Entry, Statement
from connectors.kit.money import exponent


def take(statement: Statement, entry: Entry) -> None:
    """Check one entry against its statement: its currency, and that its amount is one of that currency."""
    if entry.currency != statement.currency:
        if statement.currency:
            stated = entry.currency or "no currency"
            statement.problem(f"line {entry.line}: an entry in {stated} on an account in {statement.currency}")
        statement.currency = statement.currency or entry.currency
    if not fits(entry.amount, entry.currency):
        statement.problem(f"line {entry.line}: {entry.amount} has more decimals than {entry.currency}")


def fits(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimals than its currency; zeros at the end do not count.

    A currency that is not known is not judged here: validation names it.
    """
    places = _places(currency)
    if places is None:
        return True
    decimals = -int(amount.as_tuple().exponent)
    return decimals <= places or amount == round(amount, places)


@lru_cache(maxsize=256)
def _places(currency: str) -> int | None:
    try:
        return exponent(currency)
    except ValueError:
        return None


def refusal(statement: Statement) -> str:
    """Return why a complete statement must not load; nothing where it may."""
    opening, closing = statement.opening, statement.closing
    for name, balance in (("opening", opening), ("closing", closing)):
        if balance is not None and not fits(balance.amount, balance.currency):
            statement.problem(f"the {name} balance {balance.amount} has more decimals than {balance.currency}")
    if statement.problems:
        return "; ".join(statement.problems)
    if opening is None or closing is None:
        return ""
    if opening.currency != closing.currency:
        if statement.entries:
            return f"the opening balance is in {opening.currency}, the closing balance in {closing.currency}"
        statement.note(f"the opening balance is in {opening.currency}, the closing balance in {closing.currency}")
    expected = opening.amount + statement.booked_sum
    if expected != closing.amount:
        return (
            f"the statement does not close: opening {opening.amount} + entries {statement.booked_sum} = {expected}, "
            f"closing is {closing.amount}, difference {closing.amount - expected} {closing.currency}".rstrip()
        )
    return ""


def note_gap(before: Statement, statement: Statement) -> None:
    """Note where a statement does not follow the one before it on the same account in the same file.

    Balances that meet prove that nothing is missing: some banks number by day and page (17501, 17601).
    """
    closing, opening = before.closing, statement.opening
    if closing is not None and opening is not None and closing.currency == opening.currency:
        if closing.amount != opening.amount:
            statement.note(
                f"opening {opening.amount} is not the previous closing {closing.amount}, "
                f"difference {opening.amount - closing.amount}"
            )
        else:
            return
    if before.number.isdigit() and statement.number.isdigit():
        expected, number = int(before.number) + 1, int(statement.number)
        if number > expected > 1:
            missing = f"{expected}" if number == expected + 1 else f"{expected} to {number - 1}"
            statement.note(f"statement {statement.number} follows {before.number}: {missing} is missing")
