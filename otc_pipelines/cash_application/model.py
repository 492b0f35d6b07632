"""What cash application speaks of: bank credits, candidates, decisions.

Belongs here: the values and what makes one valid. Not here: how a decision is reached (rules), what is left open
(allocate), how it is told (explain).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple


class Basis(StrEnum):
    """Why a candidate was put beside a bank line."""

    POSTED_REFERENCE = "posted_reference"  #: a receipt in the ERP quotes the line's id or the bank's own reference
    POSTED_AMOUNT = "posted_amount"  #: a receipt in the ERP has the line's account, amount and date
    STRUCTURED_REFERENCE = "structured_reference"  #: the creditor reference is a document's
    DOCUMENT_REFERENCE = "document_reference"  #: a document number, or a token of the remittance text, is a document's
    PAYER_ACCOUNT = "payer_account"  #: the other side's account is known to be this party's
    AMOUNT = "amount"  #: the amount is exactly what is open


class Outcome(StrEnum):
    """What becomes of a bank line."""

    APPLIED = "applied"
    PROPOSED = "proposed"  #: for a person to confirm
    EXCEPTION = "exception"  #: for a person to find out


class PartyKey(NamedTuple):
    """A customer: the source's name and the source's own key."""

    source_system: str
    party_id: str


class DocumentKey(NamedTuple):
    """A document, in the books it belongs to."""

    source_system: str
    legal_entity: str
    document_id: str


class InstallmentKey(NamedTuple):
    """The grain that cash is applied to."""

    source_system: str
    legal_entity: str
    document_id: str
    installment_no: int

    @property
    def document(self) -> DocumentKey:
        """The document that it is a part of."""
        return DocumentKey(self.source_system, self.legal_entity, self.document_id)


def _require_decimal(name: str, value: object) -> None:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"{name} {value!r} is not a finite Decimal; money is never {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class BankCredit:
    """Money that came in: one bank line. ``legal_entity`` is None where the account is assigned to none.

    ``returned_by``: the bank line that took it back, or ''. ``batch_difference``: what the payments known of it
    leave of its amount; None where it is no batch, or they come to it.
    """

    source_system: str
    bank_line_id: str
    legal_entity: str | None
    currency: str
    amount: Decimal
    value_date: date | None = None
    returned_by: str = ""
    batch_difference: Decimal | None = None

    def __post_init__(self) -> None:
        _require_decimal("amount", self.amount)
        if self.amount <= 0:
            raise ValueError(f"bank line {self.bank_line_id}: amount {self.amount} is not a credit; give money in only")

    @property
    def key(self) -> tuple[str, str]:
        """Identity of the line: bank source and published line id."""
        return (self.source_system, self.bank_line_id)

    @property
    def order(self) -> tuple[date, Decimal, str, str]:
        """The one order in which lines are served: value date, amount, id."""
        return (self.value_date or date.max, self.amount, self.bank_line_id, self.source_system)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the candidate set: a bank line beside an open instalment, or beside a receipt already posted.

    ``open_amount`` is what is open on the instalment now, pending cash not counted. A row of a posted basis names the
    receipt; it repeats per instalment that the receipt is allocated to, ``open_amount`` then being what was allocated,
    or stands once without a document. A row of basis ``payer_account`` without a document says who pays.
    """

    bank_source: str
    bank_line_id: str
    basis: Basis
    source_system: str
    legal_entity: str
    party_id: str
    currency: str
    document_id: str = ""
    installment_no: int = 1
    due_date: date | None = None
    open_amount: Decimal = Decimal(0)
    receipt_id: str = ""
    receipt_amount: Decimal | None = None
    token: str = ""
    party: PartyKey = field(init=False, repr=False, compare=False)  #: whose item it is
    installment: InstallmentKey = field(init=False, repr=False, compare=False)  #: the instalment that could be paid
    document: DocumentKey = field(init=False, repr=False, compare=False)  #: the document that it is a part of

    def __post_init__(self) -> None:
        _require_decimal("open_amount", self.open_amount)
        if self.receipt_amount is not None:
            _require_decimal("receipt_amount", self.receipt_amount)
        document = (self.source_system, self.legal_entity, self.document_id)
        object.__setattr__(self, "party", PartyKey(self.source_system, self.party_id))
        object.__setattr__(self, "document", DocumentKey(*document))
        object.__setattr__(self, "installment", InstallmentKey(*document, self.installment_no))

    @property
    def line(self) -> tuple[str, str]:
        """The bank line that it is a candidate for."""
        return (self.bank_source, self.bank_line_id)


@dataclass(frozen=True, slots=True)
class Application:
    """An amount of a bank line on one instalment; ``receipt_id``: the posted receipt that put it there, or ''."""

    source_system: str
    party_id: str
    document_id: str
    installment_no: int
    amount: Decimal
    receipt_id: str = ""


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The next best candidate, and why it was not the one."""

    party_id: str
    document_id: str
    open_amount: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one bank line, by which rule, on which evidence.

    ``applications`` of an outcome other than applied are what a person is offered. ``score`` is 0..1.
    """

    credit: BankCredit
    outcome: Outcome
    rule: str
    score: Decimal
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    applications: tuple[Application, ...] = ()
    receipt_id: str = ""
    runner_up: RunnerUp | None = None

    def __post_init__(self) -> None:
        if not Decimal(0) <= self.score <= Decimal(1):
            raise ValueError(f"score {self.score} is not between 0 and 1")
        if self.matched > self.credit.amount:
            raise ValueError(f"bank line {self.credit.bank_line_id}: {self.matched} matched of {self.credit.amount}")

    @property
    def matched(self) -> Decimal:
        """Total put on instalments."""
        return sum((a.amount for a in self.applications), Decimal(0))


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be applied without a person; what may not is proposed."""

    apply_partial: bool = True  #: a reference to one document, paid short
    apply_payer_amount: bool = True  #: a known payer and the only item of that amount
    propose_by_amount: bool = True  #: an unknown payer and the only item of that amount; never applied
