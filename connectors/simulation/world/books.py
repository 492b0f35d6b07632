"""The company's own bookkeeping: each event becomes the rows that the ERP shows and the entries that are the truth.

Belongs here: what an event does to open items, dated as an ERP dates it. Not here: when and why events happen
(``trade``, ``payer``, ``clerk``, ``scenarios``). It follows the plain meaning of each
event and shares no code with the product.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from connectors.simulation.world.company import legal_entity, money
from connectors.simulation.world.model import (
    Adjustment,
    Allocation,
    Document,
    Entry,
    Installment,
    Receipt,
    ReceiptEvent,
)

ZERO = Decimal(0)
DEBITS = frozenset({"invoice", "debit_memo", "finance_charge", "opening_item"})


@dataclass(slots=True)
class Part:
    """An instalment and what is open of it."""

    number: int
    due: date
    amount: Decimal
    open: Decimal


@dataclass(slots=True)
class OpenDocument:
    """A debit document as it stands now. ``named``: allocations name the instalment."""

    row: Document
    parts: list[Part]
    named: bool
    live: list[str] = field(default_factory=list)
    withdrawn: bool = False
    adjusted: bool = False

    @property
    def open(self) -> Decimal:
        """What is open of the whole document."""
        return sum((p.open for p in self.parts), ZERO)


@dataclass(slots=True)
class Credit:
    """A receipt or credit memo as it stands now: what of it is not applied."""

    row: Receipt | Document
    item_type: str
    unapplied: Decimal
    live: list[str] = field(default_factory=list)
    withdrawn: bool = False


@dataclass(slots=True)
class Applied:
    """A live allocation and how it was split."""

    row: Allocation
    effective: date
    split: list[tuple[Part, Decimal]]
    source_amount: Decimal


class Books:
    """Rows as the ERP records them, and the hidden ledger, both in the order in which they are recorded."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.installments: list[Installment] = []
        self.receipts: list[Receipt] = []
        self.receipt_events: list[ReceiptEvent] = []
        self.allocations: list[Allocation] = []
        self.adjustments: list[Adjustment] = []
        self.entries: list[Entry] = []
        self.debts: dict[str, OpenDocument] = {}
        self.credits: dict[str, Credit] = {}
        self.applied: dict[str, Applied] = {}
        self._of_cause: defaultdict[str, list[Entry]] = defaultdict(list)

    # -- what events do -----------------------------------------------------------------

    def post(self, row: Document, parts: list[tuple[date, Decimal]], named: bool = True) -> None:
        """Record a document; a posted debit opens its instalments, a posted credit memo its unapplied balance."""
        self.documents.append(row)
        if len(parts) > 1:
            numbered = enumerate(parts, 1)
            self.installments += [Installment(row.document_id, n, due, a, row.recorded_at) for n, (due, a) in numbered]
        if row.status != "posted":
            return
        if row.document_type in DEBITS:
            opened = [Part(n, due, amount, amount) for n, (due, amount) in enumerate(parts, 1)]
            self.debts[row.document_id] = OpenDocument(row, opened, named)
            self._open(row, opened, row.recorded_at)
        elif row.document_type == "credit_memo":
            self.credits[row.document_id] = Credit(row, "credit_memo", row.amount)
            self._enter_credit(
                row.document_id, "document", row.document_id, row.posting_date, row.recorded_at, -row.amount
            )

    def receive(self, row: Receipt) -> None:
        """Record a receipt: all of it is unapplied."""
        self.receipts.append(row)
        self.credits[row.receipt_id] = Credit(row, "receipt", row.amount)
        self._enter_credit(row.receipt_id, "receipt", row.receipt_id, row.posting_date, row.recorded_at, -row.amount)

    def apply(
        self,
        source_id: str,
        document_id: str,
        amount: Decimal,
        recorded_at: datetime,
        part: int | None = None,
        source_amount: Decimal | None = None,
        effective: date | None = None,
    ) -> str:
        """Apply a credit to a document and return the allocation's id; refuses more than is open or unapplied."""
        debt, credit = self.debts[document_id], self.credits[source_id]
        taken = amount if source_amount is None else source_amount
        split = self._split(debt, amount, part)
        if amount <= 0 or taken > credit.unapplied or debt.withdrawn or credit.withdrawn:
            raise ValueError(f"{source_id} has {credit.unapplied} left, {taken} cannot be applied to {document_id}")
        row = Allocation(
            allocation_id=f"A{len(self.allocations) + 1:08d}",
            source_type=credit.item_type,
            source_id=source_id,
            document_id=document_id,
            amount=amount,
            source_amount=source_amount,
            installment_no=part if debt.named and len(debt.parts) > 1 else None,
            allocation_date=recorded_at.date(),
            effective_date=effective,
            recorded_at=recorded_at,
        )
        day = max(debt.row.posting_date, credit.row.posting_date, effective or date.min)
        self.allocations.append(row)
        self.applied[row.allocation_id] = Applied(row, day, split, taken)
        debt.live.append(row.allocation_id)
        credit.live.append(row.allocation_id)
        self._move(self.applied[row.allocation_id], -1, "allocation", row.allocation_id, day, recorded_at)
        return row.allocation_id

    def undo(self, allocation_id: str, recorded_at: datetime) -> None:
        """Take an allocation back with an opposite row."""
        done = self.applied[allocation_id]
        row = replace(
            done.row,
            allocation_id=f"A{len(self.allocations) + 1:08d}",
            amount=-done.row.amount,
            source_amount=None if done.row.source_amount is None else -done.row.source_amount,
            allocation_date=recorded_at.date(),
            effective_date=None,
            recorded_at=recorded_at,
            reverses_id=allocation_id,
        )
        self.allocations.append(row)
        self._release(allocation_id, "undo", row.allocation_id, max(row.allocation_date, done.effective), recorded_at)

    def bounce(
        self, receipt_id: str, event: str, day: date, recorded_at: datetime, amount: Decimal | None = None
    ) -> None:
        """Record that a receipt was reversed, bounced or charged back: all of it, or a part of its one allocation."""
        credit = self.credits[receipt_id]
        self.receipt_events.append(ReceiptEvent(receipt_id, event, day, amount, recorded_at))
        if amount is None:
            for allocation_id in list(credit.live):
                self._release(allocation_id, "receipt_event", receipt_id, day, recorded_at)
            amount = credit.unapplied
        else:
            (allocation_id,) = credit.live
            done = self.applied[allocation_id]
            ((part, _),) = done.split
            back = Applied(done.row, done.effective, [(part, amount)], amount)
            self._move(back, 1, "receipt_event", receipt_id, day, recorded_at)
            done.split = [(part, done.split[0][1] - amount)]
            done.source_amount -= amount
        credit.unapplied -= amount
        self._enter_credit(receipt_id, "receipt_event", receipt_id, day, recorded_at, amount)

    def refund(self, receipt_id: str, amount: Decimal, day: date, recorded_at: datetime) -> None:
        """Record that unapplied money was paid back."""
        credit = self.credits[receipt_id]
        credit.unapplied -= amount
        self.receipt_events.append(ReceiptEvent(receipt_id, "refunded", day, amount, recorded_at))
        self._enter_credit(receipt_id, "refund", receipt_id, day, recorded_at, amount)

    def clear(self, receipt_id: str, day: date, recorded_at: datetime) -> None:
        """Record that a receipt was cleared, which moves nothing."""
        self.receipt_events.append(ReceiptEvent(receipt_id, "cleared", day, None, recorded_at))

    def adjust(
        self, document_id: str, kind: str, amount: Decimal, recorded_at: datetime, reason: str, part: int
    ) -> None:
        """Record a write-off, discount or rounding of a part."""
        debt = self.debts[document_id]
        ((target, _),) = self._split(debt, amount, part)
        row = Adjustment(
            adjustment_id=f"J{len(self.adjustments) + 1:06d}",
            document_id=document_id,
            adjustment_type=kind,
            amount=amount,
            effective_date=recorded_at.date(),
            installment_no=part if len(debt.parts) > 1 else None,
            reason_code=reason,
            recorded_at=recorded_at,
        )
        self.adjustments.append(row)
        target.open -= amount
        debt.adjusted = True
        self._enter_part(debt, target, "adjustment", row.adjustment_id, row.effective_date, recorded_at, -amount)

    def void(self, document_id: str, recorded_at: datetime, voided_on: date | None) -> None:
        """Void a document: from a day on, or, without one, as if it had never been."""
        row = self._row(document_id)
        self._withdraw(replace(row, status="void", voided_on=voided_on, recorded_at=recorded_at), voided_on)

    def delete(self, document_id: str, recorded_at: datetime) -> None:
        """Delete a document: a tombstone, as if it had never been."""
        self._withdraw(replace(self._row(document_id), deleted=True, recorded_at=recorded_at), None)

    def amend(
        self, document_id: str, recorded_at: datetime, amount: Decimal | None = None, due: date | None = None
    ) -> None:
        """Correct the amount or the due date of an untouched document of one part: a new version of its row."""
        debt = self.debts[document_id]
        old = debt.row
        amount = old.amount if amount is None else amount
        base = None if old.base_amount is None else self._base(old, amount)
        row = replace(old, amount=amount, base_amount=base, due_date=due or old.due_date, recorded_at=recorded_at)
        self.documents.append(row)
        debt.row = row
        (part,) = debt.parts
        part.due = row.due_date
        if amount != old.amount:
            self._mirror(document_id, recorded_at, None)
            part.amount = part.open = amount
            self._open(row, debt.parts, recorded_at)

    # -- how they become entries -----------------------------------------------------------------

    def _row(self, document_id: str) -> Document:
        row = self.debts[document_id].row if document_id in self.debts else self.credits[document_id].row
        assert isinstance(row, Document)
        return row

    def _withdraw(self, row: Document, day: date | None) -> None:
        held = self.debts.get(row.document_id) or self.credits[row.document_id]
        for allocation_id in list(held.live):
            if day is None:
                self._forget(allocation_id, row.recorded_at)
            else:
                effective = max(day, self.applied[allocation_id].effective)
                self._release(allocation_id, "void", row.document_id, effective, row.recorded_at)
        self._mirror(row.document_id, row.recorded_at, day)
        self.documents.append(row)
        held.withdrawn = True

    def _mirror(self, cause_id: str, recorded_at: datetime, day: date | None) -> None:
        for entry in self._of_cause.pop(cause_id):
            mirrored = entry._replace(
                movement="void",
                amount=-entry.amount,
                base_amount=-entry.base_amount,
                recorded_at=recorded_at,
                effective_date=day or entry.effective_date,
            )
            self.entries.append(mirrored)

    def _forget(self, allocation_id: str, recorded_at: datetime) -> None:
        done = self._take(allocation_id)
        for part, amount in done.split:
            part.open += amount
        self.credits[done.row.source_id].unapplied += done.source_amount
        self._mirror(allocation_id, recorded_at, None)

    def _release(self, allocation_id: str, movement: str, cause_id: str, day: date, recorded_at: datetime) -> None:
        self._move(self._take(allocation_id), 1, movement, cause_id, day, recorded_at)

    def _take(self, allocation_id: str) -> Applied:
        done = self.applied.pop(allocation_id)
        self.debts[done.row.document_id].live.remove(allocation_id)
        self.credits[done.row.source_id].live.remove(allocation_id)
        return done

    def _split(self, debt: OpenDocument, amount: Decimal, part: int | None) -> list[tuple[Part, Decimal]]:
        chosen = sorted(debt.parts, key=lambda p: (p.due, p.number)) if part is None else [debt.parts[part - 1]]
        split, left = [], amount
        for candidate in chosen:
            taken = min(left, candidate.open)
            if taken > 0:
                split.append((candidate, taken))
                left -= taken
        if left:
            raise ValueError(f"{amount} is more than is open of {debt.row.document_id}")
        return split

    def _move(self, done: Applied, sign: int, movement: str, cause: str, day: date, recorded_at: datetime) -> None:
        """Move an allocation's amounts on both of its sides: −1 applies it, +1 takes it back."""
        debt, credit = self.debts[done.row.document_id], self.credits[done.row.source_id]
        for part, amount in done.split:
            part.open += sign * amount
            self._enter_part(debt, part, movement, cause, day, recorded_at, sign * amount)
        credit.unapplied += sign * done.source_amount
        self._enter_credit(done.row.source_id, movement, cause, day, recorded_at, -sign * done.source_amount)

    def _open(self, row: Document, parts: list[Part], recorded_at: datetime) -> None:
        """Enter a document's instalments; the last one's base amount takes what rounding left over."""
        debt, left = self.debts[row.document_id], self._base(row, row.amount)
        for part in parts:
            base = left if part is parts[-1] else self._base(row, part.amount)
            left -= base
            self._enter_part(debt, part, "document", row.document_id, row.posting_date, recorded_at, part.amount, base)

    @staticmethod
    def _base(row: Document | Receipt, amount: Decimal) -> Decimal:
        return money(amount * row.booked_rate, legal_entity(row.legal_entity).base_currency)

    def _enter_part(
        self,
        debt: OpenDocument,
        part: Part,
        movement: str,
        cause: str,
        day: date,
        recorded_at: datetime,
        amount: Decimal,
        base: Decimal | None = None,
    ) -> None:
        row = debt.row
        base = self._base(row, amount) if base is None else base
        self._enter("installment", row.document_id, part.number, row, movement, cause, day, recorded_at, amount, base)

    def _enter_credit(
        self, item_id: str, movement: str, cause: str, day: date, recorded_at: datetime, amount: Decimal
    ) -> None:
        credit = self.credits[item_id]
        base = self._base(credit.row, amount)
        self._enter(credit.item_type, item_id, 0, credit.row, movement, cause, day, recorded_at, amount, base)

    def _enter(
        self,
        item_type: str,
        item_id: str,
        number: int,
        row: Document | Receipt,
        movement: str,
        cause: str,
        day: date,
        recorded_at: datetime,
        amount: Decimal,
        base: Decimal,
    ) -> None:
        account = legal_entity(row.legal_entity).ar_account
        entry = Entry(
            item_type,
            item_id,
            number,
            row.party_id,
            row.legal_entity,
            account,
            row.currency,
            movement,
            cause,
            day,
            recorded_at,
            amount,
            base,
        )
        self.entries.append(entry)
        if movement in ("document", "allocation"):
            self._of_cause[cause].append(entry)
