"""The receivables vocabulary: the entities that any ERP gives, by the names and columns of the file drop.

One definition for every connector that speaks it (``erp/files``, ``erp/sql``, later a vendor whose staging is plain).
Amounts are in the row's own currency, face value; the type of a document or movement gives the sign.
"""

from __future__ import annotations

from connectors.kit.contract import Entity, Field, FieldType

TEXT, DECIMAL, RATE = FieldType.TEXT, FieldType.DECIMAL, FieldType.RATE
DATE, TIMESTAMP, INTEGER, BOOLEAN, CURRENCY = (
    FieldType.DATE,
    FieldType.TIMESTAMP,
    FieldType.INTEGER,
    FieldType.BOOLEAN,
    FieldType.CURRENCY,
)

DOCUMENT_TYPES = ("invoice", "credit_memo", "debit_memo", "finance_charge", "opening_item", "pro_forma")
DOCUMENT_STATUSES = ("draft", "posted", "void")
RECEIPT_EVENT_TYPES = ("cleared", "reversed", "bounced", "charged_back", "refunded")
ADJUSTMENT_TYPES = ("write_off", "discount", "fx", "rounding")

PARTIES = Entity(
    "parties",
    ("party_id",),
    (
        Field("party_id", TEXT, required=True, description="The source's own key of the customer."),
        Field("name", TEXT, required=True, personal=True, description="Name the customer is billed under."),
        Field("parent_party_id", TEXT, description="Customer that this one belongs to."),
        Field("tax_id", TEXT, personal=True),
        Field("duns", TEXT, description="D-U-N-S number."),
        Field("email", TEXT, personal=True),
        Field("phone", TEXT, personal=True),
        Field("street", TEXT, personal=True),
        Field("city", TEXT, personal=True),
        Field("postal_code", TEXT, personal=True),
        Field("country", TEXT, description="Country, ISO 3166-1 alpha-2 where the source keeps to it."),
        Field("currency", CURRENCY, description="Currency the customer is billed in."),
        Field("payment_terms", TEXT),
        Field("credit_limit", DECIMAL, description="In the party's currency."),
        Field("customer_since", DATE),
        Field("legal_entity", TEXT),
    ),
    "Customers: who owes.",
)
PARTY_BANK_ACCOUNTS = Entity(
    "party_bank_accounts",
    ("party_id", "iban_or_account"),
    (
        Field("party_id", TEXT, required=True),
        Field("iban_or_account", TEXT, required=True, description="IBAN, or the account number where there is none."),
        Field("bic_or_routing", TEXT),
    ),
    "Accounts that a customer is known to pay from.",
)
ORDERS = Entity(
    "orders",
    ("order_id",),
    (
        Field("order_id", TEXT, required=True),
        Field("party_id", TEXT, required=True),
        Field("legal_entity", TEXT, required=True),
        Field("order_date", DATE, required=True),
        Field("currency", CURRENCY, required=True),
        Field("amount", DECIMAL, required=True),
        Field("status", TEXT, choices=("open", "delivered", "closed", "cancelled")),
        Field("delivered_amount", DECIMAL),
        Field("billed_amount", DECIMAL),
    ),
    "Sales orders.",
)
DOCUMENTS = Entity(
    "documents",
    ("document_id",),
    (
        Field("document_id", TEXT, required=True),
        Field("document_type", TEXT, required=True, choices=DOCUMENT_TYPES),
        Field("party_id", TEXT, required=True),
        Field("legal_entity", TEXT, required=True),
        Field("document_date", DATE, required=True),
        Field("currency", CURRENCY, required=True),
        Field("amount", DECIMAL, required=True, non_negative=True, description="Face value; the type gives the sign."),
        Field("posting_date", DATE, description="When it counts in the books; missing: the document date."),
        Field("due_date", DATE, description="Missing: the posting date."),
        Field("status", TEXT, choices=DOCUMENT_STATUSES, description="Missing: posted."),
        Field("voided_on", DATE, description="Day a void counts from; missing: it never counted."),
        Field("base_amount", DECIMAL, description="Booked amount in the legal entity's base currency."),
        Field("tax_amount", DECIMAL),
        Field("reference", TEXT, description="Number that the customer quotes when paying."),
        Field("order_id", TEXT),
        Field("gl_account", TEXT, description="Receivables control account."),
        Field("fx_rate", RATE, description="Base currency per unit of currency, at booking."),
        Field("payment_terms", TEXT),
    ),
    "Invoices, credit memos, debit memos, finance charges, opening items, pro formas.",
)
INSTALLMENTS = Entity(
    "installments",
    ("document_id", "installment_no"),
    (
        Field("document_id", TEXT, required=True),
        Field("installment_no", INTEGER, required=True),
        Field("due_date", DATE, required=True),
        Field("amount", DECIMAL, required=True, non_negative=True),
    ),
    "Parts of a document with a due date each; none: one instalment, due on the document's due date.",
)
RECEIPTS = Entity(
    "receipts",
    ("receipt_id",),
    (
        Field("receipt_id", TEXT, required=True),
        Field("legal_entity", TEXT, required=True),
        Field("receipt_date", DATE, required=True),
        Field("currency", CURRENCY, required=True),
        Field("amount", DECIMAL, required=True, non_negative=True),
        Field("party_id", TEXT),
        Field("posting_date", DATE, description="Missing: the receipt date."),
        Field("fx_rate", RATE, description="Base currency per unit of currency, at booking."),
        Field("method", TEXT),
        Field("reference", TEXT),
        Field("bank_line_ref", TEXT, description="Published bank line id, or the bank's own reference."),
        Field("gl_account", TEXT, description="Receivables control account; missing: the legal entity's."),
    ),
    "Payments received.",
)
RECEIPT_EVENTS = Entity(
    "receipt_events",
    ("receipt_id", "event_type", "event_date"),
    (
        Field("receipt_id", TEXT, required=True),
        Field("event_type", TEXT, required=True, choices=RECEIPT_EVENT_TYPES),
        Field("event_date", DATE, required=True),
        Field("amount", DECIMAL, non_negative=True, description="Missing: all of the receipt."),
    ),
    "What happened to a receipt after it came: cleared, reversed, bounced, charged back, refunded.",
)
ALLOCATIONS = Entity(
    "allocations",
    ("allocation_id",),
    (
        Field("allocation_id", TEXT, required=True),
        Field("source_type", TEXT, required=True, choices=("receipt", "credit_memo")),
        Field("source_id", TEXT, required=True, description="The receipt or credit memo that pays."),
        Field("document_id", TEXT, required=True, description="The document that is paid."),
        Field("amount", DECIMAL, required=True, description="In the document's currency."),
        Field("source_amount", DECIMAL, description="In the receipt's currency, where it differs."),
        Field("installment_no", INTEGER, description="Missing: the oldest due first."),
        Field("allocation_date", DATE, description="Day it was keyed; dates an undo, never an allocation."),
        Field("effective_date", DATE, description="Missing: the later posting date of the two sides."),
        Field("reverses_id", TEXT, description="The allocation that this one undoes."),
        Field("base_amount", DECIMAL, description="Of both sides, where the source books no difference yet."),
    ),
    "A receipt or credit memo applied to a document.",
)
ADJUSTMENTS = Entity(
    "adjustments",
    ("adjustment_id",),
    (
        Field("adjustment_id", TEXT, required=True),
        Field("document_id", TEXT, required=True),
        Field("adjustment_type", TEXT, required=True, choices=ADJUSTMENT_TYPES),
        Field("amount", DECIMAL, required=True, description="In the document's currency; positive lowers the debt."),
        Field("effective_date", DATE, required=True),
        Field("installment_no", INTEGER),
        Field("reason_code", TEXT),
        Field("reverses_id", TEXT),
    ),
    "Write-offs, discounts taken, exchange differences, roundings.",
)
GL_BALANCES = Entity(
    "gl_balances",
    ("legal_entity", "gl_account", "currency", "date"),
    (
        Field("legal_entity", TEXT, required=True),
        Field("gl_account", TEXT, required=True),
        Field("currency", CURRENCY, required=True),
        Field("date", DATE, required=True),
        Field("balance", DECIMAL, required=True, description="Debit-positive, in the currency."),
        Field("base_balance", DECIMAL),
    ),
    "Control-account balances that the subledger must tie to.",
)
FX_RATES = Entity(
    "fx_rates",
    ("from_currency", "to_currency", "date", "rate_type"),
    (
        Field("from_currency", CURRENCY, required=True),
        Field("to_currency", CURRENCY, required=True),
        Field("date", DATE, required=True),
        Field("rate", RATE, required=True, non_negative=True, description="to_currency per unit of from_currency."),
        Field("rate_type", TEXT),
    ),
    "Exchange rates.",
)
DISPUTES = Entity(
    "disputes",
    ("dispute_id",),
    (
        Field("dispute_id", TEXT, required=True),
        Field("document_id", TEXT, required=True),
        Field("opened_on", DATE, required=True),
        Field("amount", DECIMAL, non_negative=True),
        Field("reason", TEXT),
        Field("closed_on", DATE),
    ),
    "Documents that a customer contests.",
)
PROMISES = Entity(
    "promises",
    ("promise_id",),
    (
        Field("promise_id", TEXT, required=True),
        Field("document_id", TEXT, required=True),
        Field("promised_on", DATE, required=True),
        Field("due_on", DATE, required=True),
        Field("amount", DECIMAL, required=True, non_negative=True),
        Field("withdrawn", BOOLEAN),
    ),
    "Promises to pay.",
)
PAYMENT_PLANS = Entity(
    "payment_plans",
    ("plan_id", "document_id", "due_on"),
    (
        Field("plan_id", TEXT, required=True),
        Field("document_id", TEXT, required=True),
        Field("due_on", DATE, required=True),
        Field("amount", DECIMAL, required=True, non_negative=True),
    ),
    "Agreed payment plans, a row per part.",
)
CREDIT_PROFILES = Entity(
    "credit_profiles",
    ("party_id", "legal_entity"),
    (
        Field("party_id", TEXT, required=True),
        Field("legal_entity", TEXT, required=True),
        Field("limit", DECIMAL, required=True, non_negative=True),
        Field("currency", CURRENCY, required=True),
        Field("risk_class", TEXT),
        Field("score", DECIMAL),
        Field("valid_from", DATE),
    ),
    "Credit limit and risk of a customer in a legal entity.",
)
CONTACTS = Entity(
    "contacts",
    ("party_id", "email"),
    (
        Field("party_id", TEXT, required=True),
        Field("email", TEXT, required=True, personal=True),
        Field("name", TEXT, personal=True),
        Field("role", TEXT),
        Field("language", TEXT),
    ),
    "People at a customer.",
)
GOALS = Entity(
    "goals",
    ("legal_entity", "measure", "period"),
    (
        Field("legal_entity", TEXT, required=True),
        Field("measure", TEXT, required=True),
        Field("period", TEXT, required=True),
        Field("target", DECIMAL, required=True),
    ),
    "Targets that a measure is held against.",
)

RECEIVABLES: tuple[Entity, ...] = (
    PARTIES,
    PARTY_BANK_ACCOUNTS,
    ORDERS,
    DOCUMENTS,
    INSTALLMENTS,
    RECEIPTS,
    RECEIPT_EVENTS,
    ALLOCATIONS,
    ADJUSTMENTS,
    GL_BALANCES,
    FX_RATES,
    DISPUTES,
    PROMISES,
    PAYMENT_PLANS,
    CREDIT_PROFILES,
    CONTACTS,
    GOALS,
)
