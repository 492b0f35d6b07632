"""The bank vocabulary: statements and entries, the same whichever bank or format they came from.

Amounts are signed in the account's currency: money in is positive. One definition for every bank connector.
"""

from __future__ import annotations

from connectors.kit.contract import Entity, Field, FieldType

BANK_STATEMENTS = Entity(
    "bank_statements",
    ("statement_id",),
    (
        Field("statement_id", required=True, description="Account, statement number and dates, or a content hash."),
        Field("account", required=True, description="IBAN, or the account as the bank writes it."),
        Field("currency", FieldType.CURRENCY),
        Field("format", required=True, description="camt.053, camt.054, mt940."),
        Field("sequence_no", description="The bank's own statement number, where there is one."),
        Field("from_date", FieldType.DATE),
        Field("to_date", FieldType.DATE),
        Field("opening_balance", FieldType.DECIMAL),
        Field("closing_balance", FieldType.DECIMAL),
        Field("entries_sum", FieldType.DECIMAL, required=True),
        Field("entries", FieldType.INTEGER, required=True),
        Field("transactions", FieldType.INTEGER, required=True),
        Field("notes", description="Gaps and differences that do not stop it, one per line."),
    ),
    "Bank statements whose opening balance and entries give their closing balance, or that state none.",
)
BANK_LINES = Entity(
    "bank_lines",
    ("bank_line_id",),
    (
        Field(
            "bank_line_id",
            required=True,
            description="Hash of account, bank reference, amount, value date, occurrence.",
        ),
        Field("statement_id", required=True),
        Field("account", required=True),
        Field(
            "entry_no", FieldType.INTEGER, required=True, description="Position of the entry in its statement, from 1."
        ),
        Field("transaction_no", FieldType.INTEGER, description="Position within a batch entry, from 1."),
        Field("booking_date", FieldType.DATE),
        Field("value_date", FieldType.DATE),
        Field("amount", FieldType.DECIMAL, required=True, description="Signed: money in is positive."),
        Field("currency", FieldType.CURRENCY, required=True),
        Field("status", description="booked, pending or information."),
        Field("is_reversal", FieldType.BOOLEAN),
        Field("bank_reference", description="The bank's own reference of the entry or transaction."),
        Field(
            "entry_reference",
            description="The bank's reference of the whole entry, the same in a statement and in a notification.",
        ),
        Field("end_to_end_id"),
        Field("uetr"),
        Field("mandate_id"),
        Field("transaction_code", description="Bank transaction code as given (ISO domain code, SWIFT type)."),
        Field("return_reason", description="Why a payment came back (AC04, MS03 …)."),
        Field("original_reference", description="Reference of the payment that is returned or reversed."),
        Field("structured_reference", description="Creditor reference: ISO 11649, QRR, ESR, KID …"),
        Field("referred_document", description="Document numbers from structured remittance, one per line."),
        Field("charges", FieldType.DECIMAL),
        Field("instructed_amount", FieldType.DECIMAL),
        Field("instructed_currency", FieldType.CURRENCY),
        Field("counterparty_name", personal=True),
        Field("counterparty_account", personal=True, description="IBAN or account of the other side."),
        Field("counterparty_bank"),
        Field("remittance_text", personal=True, description="Unstructured remittance information."),
    ),
    "Bank entries; a batch entry is expanded to its transactions.",
)
BANKING: tuple[Entity, ...] = (BANK_STATEMENTS, BANK_LINES)
