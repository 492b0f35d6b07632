"""What exists in the simulated company: plain rows, and the entries of its own hidden ledger.

Belongs here: frozen dataclasses and their meaning. Not here: how they are made (``company``, ``trade``, ``payer`` …),
what they add up to (``truth``), how a vendor spells them (each vendor's simulator).

A row of the ERP may come in several versions: the same key again with a later ``recorded_at``; the latest one counts.
Amounts are face values in the row's own currency; times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """A company that invoices: its books, its currency, its receivables control account."""

    code: str
    name: str
    base_currency: str
    ar_account: str
    country: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account of a legal entity; ``format`` is how its bank sends statements (camt.053, mt940)."""

    account: str
    bic: str
    legal_entity: str
    currency: str
    gl_account: str
    format: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the ERP knows it. Hidden: ``same_as``, whom it duplicates; ``spellings``, as banks write it."""

    party_id: str
    name: str
    parent_party_id: str | None
    tax_id: str | None
    duns: str | None
    email: str
    phone: str
    street: str
    city: str
    postal_code: str
    country: str
    currency: str
    payment_terms: str
    credit_limit: Decimal
    customer_since: date
    legal_entity: str
    recorded_at: datetime
    iban_or_account: str
    bic_or_routing: str
    spellings: tuple[str, ...]
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A sales order; ``amount`` includes tax, as it will be billed."""

    order_id: str
    party_id: str
    legal_entity: str
    order_date: date
    currency: str
    amount: Decimal
    status: str
    delivered_amount: Decimal
    billed_amount: Decimal
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, credit memo, debit memo, finance charge, opening item or pro forma.

    ``reference`` is the number that a customer quotes. ``booked_rate`` (hidden) is the rate that counts where
    ``fx_rate``, what the ERP states, is empty.
    """

    document_id: str
    document_type: str
    party_id: str
    legal_entity: str
    document_date: date
    posting_date: date
    due_date: date
    currency: str
    amount: Decimal
    tax_amount: Decimal
    base_amount: Decimal | None
    status: str
    voided_on: date | None
    reference: str
    order_id: str | None
    gl_account: str
    fx_rate: Decimal | None
    payment_terms: str | None
    recorded_at: datetime
    booked_rate: Decimal
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Installment:
    """A part of a document with a due date of its own; a document without such rows is one part, number 1."""

    document_id: str
    installment_no: int
    due_date: date
    amount: Decimal
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A customer's payment as the ERP has posted it. ``booked_rate`` (hidden) as on Document."""

    receipt_id: str
    legal_entity: str
    receipt_date: date
    posting_date: date
    currency: str
    amount: Decimal
    party_id: str
    fx_rate: Decimal | None
    method: str
    reference: str | None
    bank_line_ref: str | None
    recorded_at: datetime
    booked_rate: Decimal


@dataclass(frozen=True, slots=True)
class ReceiptEvent:
    """What happened to a receipt after it came; no ``amount``: all of it."""

    receipt_id: str
    event_type: str
    event_date: date
    amount: Decimal | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Allocation:
    """A receipt or credit memo applied to a document. ``installment_no`` None: the ERP names none, oldest due first."""

    allocation_id: str
    source_type: str
    source_id: str
    document_id: str
    amount: Decimal
    source_amount: Decimal | None
    installment_no: int | None
    allocation_date: date
    effective_date: date | None
    recorded_at: datetime
    reverses_id: str | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A write-off, discount or rounding; a positive amount lowers the debt."""

    adjustment_id: str
    document_id: str
    adjustment_type: str
    amount: Decimal
    effective_date: date
    installment_no: int | None
    reason_code: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class GlBalance:
    """Balance of a control account at the end of a day, debit-positive."""

    legal_entity: str
    gl_account: str
    currency: str
    date: date
    balance: Decimal
    base_balance: Decimal
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class FxRate:
    """``rate`` units of ``to_currency`` for one of ``from_currency``, from ``date`` until the next."""

    from_currency: str
    to_currency: str
    date: date
    rate: Decimal
    rate_type: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A document that its customer contests."""

    dispute_id: str
    document_id: str
    opened_on: date
    amount: Decimal
    reason: str
    closed_on: date | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class BankLine:
    """An entry on a statement of one of our accounts, signed: money in is positive.

    ``bank_reference`` and ``occurrence`` tell lines of an account apart: genuine twins share all but the occurrence.
    Hidden. ``kind``: payment, return, refund, fee, interest, transfer, other. ``receipt_id``: the receipt that the ERP
    posts for it, now or later. ``hint``, what a payer gave us to go by: reference (as printed), compact (without
    punctuation), number (digits only), structured (ISO 11649), typo (a slip in it), amount (nothing but a sum that fits
    one item), ambiguous (nothing, and it fits several or none), on_account (not meant for an invoice yet).
    """

    account: str
    booking_date: date
    value_date: date
    amount: Decimal
    currency: str
    bank_reference: str
    occurrence: int
    remittance: str
    structured_reference: str | None
    end_to_end_id: str | None
    counterparty_name: str | None
    counterparty_account: str | None
    return_reason: str | None
    original_reference: str | None
    kind: str
    hint: str | None
    receipt_id: str | None


@dataclass(frozen=True, slots=True)
class IntendedMatch:
    """Truth of one bank line: what its payer meant it for. No ``document_id``: money on account."""

    account: str
    bank_reference: str
    occurrence: int
    receipt_id: str
    document_id: str | None
    installment_no: int | None
    amount: Decimal
    hint: str


@dataclass(frozen=True, slots=True)
class CrmAccount:
    """An account in the CRM. ``customer_number`` is the ERP's party_id, where someone entered it.

    ``account_no`` is the world's own key; a simulator makes its vendor's ids from it. ``party_id`` (hidden) is whom it
    really is, None for a prospect.
    """

    account_no: int
    name: str
    customer_number: str | None
    parent_account_no: int | None
    phone: str
    website: str
    street: str
    city: str
    postal_code: str
    country: str
    currency: str
    industry: str
    owner: str
    created_at: datetime
    modified_at: datetime
    party_id: str | None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class CrmContact:
    """A person at an account."""

    contact_no: int
    account_no: int
    first_name: str
    last_name: str
    email: str
    phone: str
    title: str
    created_at: datetime
    modified_at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class CrmOpportunity:
    """A deal; ``stage``: Prospecting, Proposal, Negotiation, Closed Won, Closed Lost."""

    opportunity_no: int
    account_no: int
    name: str
    stage: str
    amount: Decimal
    currency: str
    close_date: date
    created_at: datetime
    modified_at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class CrmContract:
    """A framework contract; ``status``: Draft, Activated, Expired."""

    contract_no: int
    account_no: int
    status: str
    start_date: date
    term_months: int
    created_at: datetime
    modified_at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class CrmOrder:
    """A sales order as the CRM sees it; ``erp_order_id`` is the ERP's order, where it was handed over."""

    order_no: int
    account_no: int
    contract_no: int | None
    opportunity_no: int | None
    erp_order_id: str | None
    status: str
    amount: Decimal
    currency: str
    effective_date: date
    created_at: datetime
    modified_at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class CrmCase:
    """A customer's question or complaint; ``document_reference`` is the invoice it is about, if any."""

    case_no: int
    account_no: int
    contact_no: int | None
    subject: str
    reason: str
    status: str
    priority: str
    document_reference: str | None
    created_at: datetime
    modified_at: datetime
    closed_at: datetime | None
    deleted: bool = False


class Entry(NamedTuple):
    """One posting in the company's own, hidden receivables ledger: signed, debit-positive.

    ``item_type``: installment, receipt, credit_memo; ``installment_no`` 0 for an unapplied balance. A balance as of T,
    known at K, is the sum of the entries with ``effective_date`` ≤ T and ``recorded_at`` ≤ K.
    """

    item_type: str
    item_id: str
    installment_no: int
    party_id: str
    legal_entity: str
    gl_account: str
    currency: str
    movement: str
    cause_id: str
    effective_date: date
    recorded_at: datetime
    amount: Decimal
    base_amount: Decimal
