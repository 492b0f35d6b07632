"""What a document or receipt is by itself, by the ledger's rules alone: instalments, rates, base amounts.

Belongs here: one row at a time. Not here: which version counts, and what is applied.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

DECIMALS = {"JPY": 0, "KWD": 3}
DEBIT = ("invoice", "debit_memo", "finance_charge", "opening_item")


def rounded(value: Decimal | Fraction, currency: str) -> Decimal:
    step = Decimal(1).scaleb(-DECIMALS.get(currency, 2))
    exact = Fraction(value)
    sign, exact = (-1 if exact < 0 else 1), abs(exact)
    whole = (exact / Fraction(step) + Fraction(1, 2)).__floor__()
    return (sign * whole * step).quantize(step, ROUND_HALF_UP)


def rate_of(row: Any, on: date, rates: list[Any], base_currency: str) -> Fraction | None:
    if row.currency == base_currency:
        return Fraction(1)
    if row.fx_rate is not None:
        return Fraction(row.fx_rate)
    known = [r for r in rates if (r.from_currency, r.to_currency) == (row.currency, base_currency) and r.date <= on]
    known.sort(key=lambda r: (r.date, not r.rate_type, r.rate_type == "spot"))
    return Fraction(known[-1].rate) if known else None


def document(row: Any, plan: list[Any], rates: list[Any], base_currency: str) -> dict[str, Any] | None:
    if row.deleted or row.document_type == "pro_forma" or row.status == "draft":
        return None
    if row.status == "void" and not row.voided_on:
        return None
    posting = row.posting_date or row.document_date
    rate = rate_of(row, posting, rates, base_currency)
    base = rounded(Fraction(row.amount) * rate, base_currency) if rate is not None else None
    if row.base_amount is not None and row.currency != base_currency:
        if row.amount and (row.fx_rate is None or base != row.base_amount):
            rate = Fraction(row.base_amount) / Fraction(row.amount)
        base = row.base_amount
    parts = [(i.installment_no, i.due_date, i.amount) for i in plan]
    fits = not parts or sum(p[2] for p in parts) == row.amount
    if not parts or not fits:
        parts = [(1, row.due_date or posting, row.amount)]
    bases = [None if rate is None else rounded(Fraction(p[2]) * rate, base_currency) for p in parts]
    if base is not None:
        bases[-1] = base - sum(b or 0 for b in bases[:-1])
    debit = row.document_type in DEBIT
    return {
        "kind": "debit" if debit else "credit_memo",
        "id": row.document_id,
        "entity": row.legal_entity,
        "posting": posting,
        "currency": row.currency,
        "amount": row.amount,
        "rate": rate,
        "base": base,
        "shares": [(*p, b) for p, b in zip(parts, bases, strict=True)] if debit else [],
        "voided": row.voided_on if row.status == "void" else None,
        "fits": fits,
    }


def receipt(row: Any, rates: list[Any], base_currency: str) -> dict[str, Any] | None:
    if row.deleted:
        return None
    posting = row.posting_date or row.receipt_date
    rate = rate_of(row, posting, rates, base_currency)
    return {
        "kind": "receipt",
        "id": row.receipt_id,
        "entity": row.legal_entity,
        "posting": posting,
        "voided": None,
        "currency": row.currency,
        "amount": row.amount,
        "rate": rate,
        "shares": [],
        "fits": True,
        "base": None if rate is None else rounded(Fraction(row.amount) * rate, base_currency),
    }
