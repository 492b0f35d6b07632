"""Documents and receipts as they are booked: instalments, signs, dates, rates, base amounts.

Belongs here: what a document or receipt is by itself, from the versions that count. Not here: which version counts,
and what is applied to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from otc_pipelines.posting.fx import Rate, implied, par, quoted, units
from otc_pipelines.posting.model import DocumentVersion, InstallmentVersion, ReceiptVersion, Settings
from otc_pipelines.posting.sheet import Head, Sheet, Tail, minus

DEBITS = frozenset({"invoice", "debit_memo", "finance_charge", "opening_item"})
CREDIT_MEMO = "credit_memo"
RECEIPT = "receipt"


class Share(NamedTuple):
    """One instalment of a debit document."""

    number: int
    due: date
    amount: int
    base: int | None
    head: Head


class Item(NamedTuple):
    """A document or receipt that counts. A debit document has shares; the others one unapplied balance (``head``)."""

    kind: str
    item_id: str
    legal_entity: str | None
    posting: date
    currency: str
    amount: int
    base: int | None
    rate: Rate | None
    head: Head
    tail: Tail
    shares: tuple[Share, ...] = ()
    voided_on: date | None = None
    misfit: int | None = None  #: what its instalments sum to, where that is not the document's amount

    @property
    def debit(self) -> bool:
        """Tell whether it is owed to us."""
        return self.kind in DEBITS

    def base_of(self, amount: int) -> int | None:
        """Return an amount at this item's booked rate."""
        return None if self.rate is None else self.rate.base(amount)


class Nothing:
    """A row that is known and counts for nothing: draft, pro forma, void, deleted."""


NOTHING: Final = Nothing()


def document_item(
    row: DocumentVersion, plan: Sequence[InstallmentVersion], rate: Decimal | None, settings: Settings
) -> Item | Nothing:
    """Return a document as booked. ``plan``: its instalments by number; ``rate``: what it is booked at, if known."""
    kind, status = row.document_type or "", row.status or "posted"
    posting = row.posting_date or row.document_date
    if row.deleted or status == "draft" or (status == "void" and row.voided_on is None):
        return NOTHING
    if (kind not in DEBITS and kind != CREDIT_MEMO) or row.amount is None or row.currency is None or posting is None:
        return NOTHING
    entity = settings.entity(row.legal_entity)
    amount = units(row.amount)
    given = None if row.base_amount is None else units(row.base_amount)
    booked_at, base = _booked(amount, given, row.currency, entity.base_currency, rate)
    day = row.document_date or posting

    def head(item_type: str, number: int | None, due: date | None) -> Head:
        return (row.legal_entity, row.party_id, item_type, row.document_id, number, kind, day, due)

    shares: tuple[Share, ...] = ()
    misfit = None
    if kind != CREDIT_MEMO:
        parts = [(p.installment_no, p.due_date or row.due_date or posting, units(p.amount or Decimal(0))) for p in plan]
        total = sum(p[2] for p in parts)
        if not parts or total != amount:
            misfit = total if parts else None
            parts = [(1, row.due_date or posting, amount)]
        bases = _shared(base, [p[2] for p in parts], booked_at)
        shares = tuple(
            Share(number, due, part, own, head("installment", number, due))
            for (number, due, part), own in zip(parts, bases, strict=True)
        )
    return Item(
        kind,
        row.document_id,
        row.legal_entity,
        posting,
        row.currency,
        amount,
        base,
        booked_at,
        head(CREDIT_MEMO, None, None),
        (row.currency, entity.base_currency, row.gl_account or entity.ar_account),
        shares,
        row.voided_on if status == "void" else None,
        misfit,
    )


def receipt_item(row: ReceiptVersion, rate: Decimal | None, settings: Settings) -> Item | Nothing:
    """Return a receipt as booked. ``rate``: what it is booked at, if known."""
    posting = row.posting_date or row.receipt_date
    if row.deleted or row.amount is None or row.currency is None or posting is None:
        return NOTHING
    entity = settings.entity(row.legal_entity)
    amount = units(row.amount)
    booked_at, base = _booked(amount, None, row.currency, entity.base_currency, rate)
    day = row.receipt_date or posting
    return Item(
        RECEIPT,
        row.receipt_id,
        row.legal_entity,
        posting,
        row.currency,
        amount,
        base,
        booked_at,
        (row.legal_entity, row.party_id, RECEIPT, row.receipt_id, None, RECEIPT, day, None),
        (row.currency, entity.base_currency, row.gl_account or entity.ar_account),
    )


def post_item(item: Item, sheet: Sheet) -> None:
    """Write what a document or receipt moves by being posted, and what its dated void takes back."""
    cause, what = ("receipts", RECEIPT) if item.kind == RECEIPT else ("documents", "document")
    own = [(s.head, s.amount, s.base) for s in item.shares] or [(item.head, -item.amount, minus(item.base))]
    for head, amount, base in own:
        sheet.add(head, what, cause, item.item_id, item.posting, item.tail, amount, base)
        if item.voided_on is not None:
            day = max(item.voided_on, item.posting)
            sheet.add(head, "void", cause, item.item_id, day, item.tail, -amount, minus(base))


def _booked(
    amount: int, given: int | None, currency: str, base_currency: str, rate: Decimal | None
) -> tuple[Rate | None, int | None]:
    """Return the booked rate and base amount; a base amount that the source states decides both."""
    if currency == base_currency:
        return par(base_currency), amount
    stated = None if rate is None else quoted(rate, base_currency)
    if given is None:
        return stated, None if stated is None else stated.base(amount)
    if amount and (stated is None or stated.base(amount) != given):
        stated = implied(given, amount, base_currency)
    return stated, given


def _shared(base: int | None, parts: Sequence[int], rate: Rate | None) -> list[int | None]:
    """Return each instalment's base amount; the last takes what rounding left."""
    if base is None or rate is None:
        return [*([None] * (len(parts) - 1)), base]
    own = [rate.base(part) for part in parts[:-1]]
    return [*own, base - sum(own)]
