"""How an entry's amount divides over its payments, so that its lines give exactly the money that moved.

Belongs here: arithmetic over one entry. Not here: reading (``formats``), a statement's balances (``closing``).
"""

from __future__ import annotations

from decimal import Decimal

from connectors.bank.bank_files.model import Entry, Statement, Transaction
from connectors.kit.money import rounded

_ZERO = Decimal(0)


def divide(entry: Entry, statement: Statement) -> list[Transaction]:
    """Return the payments of an entry, each with its amount; they always sum to the entry's.

    What the bank took as charges is taken off the payment it belongs to. Payments in another currency share the
    entry at their own rate. Payments that do not explain the entry stay one line, and the statement notes why.
    """
    payments = entry.transactions
    if len(payments) == 1:
        return [_only(entry, payments[0], statement)]
    if all(p.amount is not None for p in payments):
        return _stated(entry, payments, statement)
    if all(p.amount is None and p.stated_amount for p in payments) and len({p.stated_currency for p in payments}) == 1:
        return _converted(entry, payments, statement)
    missing = [p for p in payments if p.amount is None]
    rest = entry.amount - sum((p.amount for p in payments if p.amount is not None), _ZERO)
    if len(missing) == 1 and rest * entry.amount > 0:
        missing[0].amount = rest
        return payments
    statement.note(f"line {entry.line}: {len(missing)} of {len(payments)} payments state no amount; kept as one line")
    return [_merged(entry, payments)]


def _only(entry: Entry, payment: Transaction, statement: Statement) -> Transaction:
    stated = payment.amount
    if payment.charges is None:
        payment.charges = entry.charges
    if stated is not None and abs(stated) != abs(entry.amount):
        signed = stated.copy_sign(entry.amount)
        if signed - (payment.charges or _ZERO) != entry.amount:
            left = entry.amount - signed
            statement.note(f"line {entry.line}: the entry is {entry.amount}, its payment {signed}, difference {left}")
        _gross(payment, signed, entry.currency)
    elif stated is None and payment.stated_amount is not None:
        _gross(payment, payment.stated_amount, payment.stated_currency)
    payment.amount = entry.amount
    return payment


def _stated(entry: Entry, payments: list[Transaction], statement: Statement) -> list[Transaction]:
    total = sum((p.amount for p in payments if p.amount is not None), _ZERO)
    if total == -entry.amount != entry.amount:  # the payments' own indicators are from the other side's view
        for payment in payments:
            payment.amount = -payment.amount if payment.amount is not None else None
        return payments
    difference = entry.amount - total
    if not difference:
        return payments
    own = sum((p.charges for p in payments if p.charges is not None), _ZERO)
    if difference == -own:
        for payment in payments:
            if payment.charges and payment.amount is not None:
                _gross(payment, payment.amount, entry.currency)
                payment.amount -= payment.charges
        return payments
    if entry.charges is not None and difference == -(own + entry.charges):
        first = payments[0]
        if first.amount is not None:
            _gross(first, first.amount, entry.currency)
            first.charges = (first.charges or _ZERO) + entry.charges
            for payment in payments:
                if payment.charges and payment.amount is not None:
                    payment.amount -= payment.charges
            return payments
    statement.note(
        f"line {entry.line}: the entry is {entry.amount}, its {len(payments)} payments {total}, "
        f"difference {difference}; kept as one line"
    )
    return [_merged(entry, payments)]


def _converted(entry: Entry, payments: list[Transaction], statement: Statement) -> list[Transaction]:
    """Share an entry over payments that are stated in another currency; the last takes what rounding leaves."""
    total = sum((abs(p.stated_amount) for p in payments if p.stated_amount is not None), _ZERO)
    left = entry.amount
    for payment in payments[:-1]:
        assert payment.stated_amount is not None
        payment.amount = rounded(entry.amount * abs(payment.stated_amount) / total, entry.currency)
        left -= payment.amount
    payments[-1].amount = left
    for payment in payments:
        if payment.stated_amount is not None:
            _gross(payment, payment.stated_amount, payment.stated_currency)
    statement.note(
        f"line {entry.line}: the entry is {entry.amount} {entry.currency}, its {len(payments)} payments are stated in "
        f"{payments[0].stated_currency}; they share it at their own rate"
    )
    return payments


def _gross(payment: Transaction, amount: Decimal, currency: str) -> None:
    if payment.instructed_amount is None:
        payment.instructed_amount, payment.instructed_currency = abs(amount), currency


def _merged(entry: Entry, payments: list[Transaction]) -> Transaction:
    def all_of(values: list[str], separator: str) -> str:
        return separator.join(dict.fromkeys(v for v in values if v))

    return Transaction(
        amount=entry.amount,
        bank_reference=entry.bank_reference,
        code=entry.code,
        charges=entry.charges,
        structured_reference=all_of([p.structured_reference for p in payments], "\n"),
        referred_document=all_of([p.referred_document for p in payments], "\n"),
        remittance_text=all_of([p.remittance_text for p in payments], " | "),
    )
