"""A receipt as an intent states it, and as the lines of a statement say it.

Belongs here: reading one, comparing the two, all pure. Not here: calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.writing.calls import NotWrittenError
from connectors.erp.tryton.writing.parties import amount, party_id
from connectors.kit.contract import Intent
from connectors.kit.money import rounded

INVOICE = "account.invoice"
PREFIX = "OTC"  #: a statement line of ours begins with it


@dataclass(frozen=True)
class Part:
    """A part of a receipt: an amount on an invoice, or on account (no invoice), and the receivable account it is on."""

    invoice: int | None
    party: int
    account: int
    amount: Decimal


@dataclass(frozen=True)
class Receipt:
    """A bank line as it is to stand in the books."""

    bank_line_id: str
    bank_account: str
    reference: str
    value_date: date
    currency: str
    amount: Decimal
    party: int
    allocations: tuple[tuple[int, Decimal], ...]

    @classmethod
    def of(cls, intent: Intent) -> Receipt:
        """Read an intent; NotWrittenError names what is wrong with it."""
        said = intent.fields
        total = amount("amount", said.get("amount"))
        if total is None or total <= 0:
            raise NotWrittenError(f"amount {said.get('amount')!r} is not money that came in")
        try:
            day = date.fromisoformat(str(said.get("value_date")))
        except ValueError:
            raise NotWrittenError(f"value_date {said.get('value_date')!r} is not a date") from None
        currency = str(said.get("currency") or "")
        total = _booked(total, currency)
        allocations = tuple((i, _booked(a, currency)) for i, a in allocated(str(said.get("allocations") or "")))
        if sum((a for _, a in allocations), Decimal(0)) > total:
            raise NotWrittenError(f"more is allocated than the {total:f} that came: {said.get('allocations')}")
        return cls(
            intent.key,
            str(said.get("bank_account") or ""),
            str(said.get("reference") or ""),
            day,
            currency,
            total,
            party_id(str(said.get("party_id") or "")),
            allocations,
        )

    @property
    def description(self) -> str:
        """What its lines say: that they are ours, the account the money came to, the bank's own reference."""
        return f"{PREFIX} {self.bank_account} {self.reference}".rstrip()


def allocated(text: str) -> tuple[tuple[int, Decimal], ...]:
    """Read allocations: ``invoice:amount`` for each, separated by commas."""
    found: dict[int, Decimal] = {}
    for part in filter(None, text.split(",")):
        invoice, _, value = part.strip().partition(":")
        parsed = amount("allocations", value)
        if not invoice.isdigit() or parsed is None or parsed <= 0 or int(invoice) in found:
            raise NotWrittenError(f"allocations {text!r} are not invoice:amount, separated by commas")
        found[int(invoice)] = parsed
    return tuple(sorted(found.items()))


def allocations_text(parts: Iterable[tuple[int, Decimal]]) -> str:
    """Write allocations as an intent states them."""
    return ",".join(f"{invoice}:{value:.4f}" for invoice, value in sorted(parts))


def _booked(value: Decimal, currency: str) -> Decimal:
    """An amount with its currency's decimals; NotWrittenError where it has more."""
    try:
        booked = rounded(value, currency)
    except ValueError as error:
        raise NotWrittenError(str(error)) from None
    if booked != value:
        raise NotWrittenError(f"{value:f} {currency} has more decimals than {currency} has")
    return booked


def wanted(receipt: Receipt) -> tuple[Any, ...]:
    """What the lines of its statement must say; compares with ``content``."""
    rest = receipt.amount - sum((a for _, a in receipt.allocations), Decimal(0))
    return receipt.value_date, receipt.allocations, rest, receipt.party if rest else None


def content(lines: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """What a statement says about its receipt: the day, what is on invoices, what is on account and of whom."""
    on_invoices = _on_invoices(lines)
    rest = [line for line in lines if line["related_to"] is None]
    days = {line["date"] for line in lines}
    return (
        days.pop() if len(days) == 1 else None,
        on_invoices,
        sum((line["amount"] for line in rest), Decimal(0)),
        rest[0]["party"] if rest else None,
    )


def _on_invoices(lines: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, Decimal], ...]:
    found: dict[int, Decimal] = {}
    for line in lines:
        model, _, key = str(line["related_to"] or "").partition(",")
        if model == INVOICE:
            found[int(key)] = found.get(int(key), Decimal(0)) + line["amount"]
    return tuple(sorted(found.items()))


def fields_of(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of an intent, as the lines of a statement say them."""
    _, account, reference = (*str(lines[0]["description"]).split(" ", 2), "", "")[:3]
    rest = [line for line in lines if line["related_to"] is None]
    return {
        "bank_account": account,
        "reference": reference or None,
        "value_date": lines[0]["date"].isoformat(),
        "amount": f"{sum((line['amount'] for line in lines), Decimal(0)):f}",
        "party_id": str((rest or lines)[0]["party"]),
        "allocations": allocations_text(_on_invoices(lines)),
    }
