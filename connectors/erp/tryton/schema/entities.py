"""The entities of ``raw_tryton``: a model of Tryton each, its ids as keys, its words as columns.

Belongs here: names, types, keys. Not here: where a value is read (models), what it means to the books (staging).

Two entities are no model: ``invoice_maturities`` (the receivable lines of an invoice, numbered) and ``settlements``
(who paid whom inside a reconciliation, which Tryton does not say: settlement.py).
"""

from __future__ import annotations

from connectors.kit.contract import Entity, Field
from connectors.kit.receivables import BOOLEAN, CURRENCY, DATE, DECIMAL, INTEGER, RATE, TEXT, TIMESTAMP

LINE_KINDS = ("invoice", "invoice_cancel", "receipt", "debit", "write_off", "exchange", "reversal")
SIDE_KINDS = ("invoice", "receipt", "debit", "write_off")


def _id(name: str, *, required: bool = False, description: str = "") -> Field:
    return Field(name, INTEGER, required=required, description=description)


_ID = _id("id", required=True)
_LEGAL_ENTITY = Field("legal_entity", TEXT, required=True, description="What the settings call the company.")
_CREATED = Field("created_at", TIMESTAMP, description="create_date: when Tryton's transaction began.")
_OF_A_PARTY = (_ID, _LEGAL_ENTITY, _id("party", required=True))

PARTIES = Entity(
    "parties",
    ("id",),
    (
        _ID,
        Field("code", TEXT),
        Field("name", TEXT, personal=True),
        Field("active", BOOLEAN),
        Field("tax_identifier", TEXT, personal=True),
        Field("email", TEXT, personal=True),
        Field("phone", TEXT, personal=True),
        Field("street", TEXT, personal=True),
        Field("city", TEXT, personal=True),
        Field("postal_code", TEXT, personal=True),
        Field("country", TEXT, description="ISO 3166-1 alpha-2."),
        Field("customer_payment_term", TEXT),
        Field("credit_limit_amount", DECIMAL, description="In the company's currency; none: no limit."),
        Field("currency", CURRENCY, description="The company's currency."),
        _LEGAL_ENTITY,
        _CREATED,
    ),
    "party.party, with its first address and its tax identifier.",
)
BANK_ACCOUNTS = Entity(
    "bank_accounts",
    ("number_id", "party"),
    (
        _id("number_id", required=True, description="bank.account.number."),
        _id("party", required=True, description="An owner of the account."),
        Field("type", TEXT),
        Field("number", TEXT, required=True),
        Field("bic", TEXT),
    ),
    "bank.account.number, a row for each owner of the account.",
)
SALES = Entity(
    "sales",
    ("id",),
    (
        *_OF_A_PARTY,
        Field("number", TEXT),
        Field("reference", TEXT),
        Field("sale_date", DATE),
        Field("currency", CURRENCY, required=True),
        Field("total_amount", DECIMAL),
        Field("state", TEXT, required=True),
        Field("shipment_state", TEXT),
        Field("invoice_state", TEXT),
        _CREATED,
    ),
    "sale.sale.",
)
INVOICES = Entity(
    "invoices",
    ("id",),
    (
        *_OF_A_PARTY,
        Field("number", TEXT, description="None until it is posted."),
        Field("reference", TEXT),
        Field("state", TEXT, required=True, description="draft, validated, posted, paid or cancelled."),
        Field("invoice_date", DATE),
        Field("move_date", DATE, description="Day of its account move: when it counts."),
        Field("move_created_at", TIMESTAMP, description="When its account move was made."),
        Field("cancelled_by", TEXT, choices=("invoice", "move"), description="A credit note, or a move of its own."),
        Field("cancel_date", DATE),
        Field("currency", CURRENCY, required=True),
        Field("untaxed_amount", DECIMAL),
        Field("tax_amount", DECIMAL),
        Field("total_amount", DECIMAL, required=True, description="Negative for a credit note."),
        Field("base_amount", DECIMAL, description="Debit less credit of its receivable lines."),
        Field("account", TEXT, description="Code of its receivable account."),
        Field("payment_term", TEXT),
        _id("sale", description="The first sale that it invoices."),
        _CREATED,
    ),
    "account.invoice of type out: customer invoices and credit notes.",
)
INVOICE_MATURITIES = Entity(
    "invoice_maturities",
    ("invoice", "number"),
    (
        _id("invoice", required=True),
        _id("number", required=True, description="Counted from 1 in the order of the lines' ids."),
        _id("line", required=True, description="account.move.line."),
        Field("maturity_date", DATE),
        Field("amount", DECIMAL, required=True, description="In the invoice's currency, debit-positive."),
        Field("base_amount", DECIMAL, required=True),
    ),
    "The receivable lines of an invoice's move, each with its own maturity.",
)
INVOICE_LINES = Entity(
    "invoice_lines",
    ("id",),
    (
        _ID,
        _id("invoice", required=True),
        Field("sequence", INTEGER),
        Field("type", TEXT, required=True, description="line, or a title, comment or subtotal without an amount."),
        Field("product", TEXT, description="Code of the product, else its name."),
        Field("description", TEXT),
        Field("quantity", RATE, description="In the line's unit."),
        Field("unit", TEXT),
        Field("unit_price", RATE, description="In the invoice's currency, without tax."),
        Field("amount", DECIMAL, description="In the invoice's currency, without tax; negative on a credit note."),
        Field("currency", CURRENCY, required=True),
        Field("account", TEXT, description="Code of the revenue account."),
        Field("origin", TEXT, description="model,id of what it invoices, such as a line of a sale."),
        _CREATED,
    ),
    "account.invoice.line of customer invoices: what was sold, for how much before tax.",
)
STATEMENTS = Entity(
    "statements",
    ("id",),
    (
        _ID,
        _LEGAL_ENTITY,
        Field("name", TEXT, required=True),
        Field("journal", TEXT, required=True, description="Name of the statement journal: the bank account."),
        Field("date", DATE, required=True),
        Field("currency", CURRENCY, required=True),
        Field("start_balance", DECIMAL),
        Field("end_balance", DECIMAL),
        Field("total_amount", DECIMAL, description="Where the journal is validated by amount and not by balance."),
        Field("state", TEXT, required=True, description="draft, validated, cancelled or posted."),
        _CREATED,
    ),
    "account.statement: bank statements as the ERP has them, keyed by hand or imported.",
)
STATEMENT_LINES = Entity(
    "statement_lines",
    ("id",),
    (
        _ID,
        _id("statement", required=True),
        Field("number", TEXT),
        Field("date", DATE, required=True),
        Field("amount", DECIMAL, required=True, description="In the statement's currency, positive: money came in."),
        Field("currency", CURRENCY, required=True, description="Of the statement."),
        _id("party"),
        Field("account", TEXT, description="Code of the account on the other side."),
        Field("description", TEXT, personal=True),
        Field("related_to", TEXT, description="model,id of what it pays, such as an invoice."),
        _id("move", description="account.move that books it."),
        _CREATED,
    ),
    "account.statement.line.",
)
PAYMENTS = Entity(
    "payments",
    ("id",),
    (
        _ID,
        _LEGAL_ENTITY,
        Field("number", TEXT),
        Field("reference", TEXT),
        Field("journal", TEXT, required=True, description="Name of the payment journal."),
        _id("party", required=True),
        Field("date", DATE, required=True),
        Field("amount", DECIMAL, required=True),
        Field("currency", CURRENCY, required=True),
        _id("line", description="account.move.line that it is to pay."),
        Field("state", TEXT, required=True, description="draft, submitted, approved, processing, succeeded or failed."),
        _CREATED,
    ),
    "account.payment of kind receivable: collections such as direct debits, whether they succeeded.",
)
RECEIVABLE_LINES = Entity(
    "receivable_lines",
    ("id",),
    (
        _ID,
        _LEGAL_ENTITY,
        Field("kind", TEXT, required=True, choices=LINE_KINDS, description="What the line is: lines.py."),
        _id("move", required=True),
        Field("move_number", TEXT),
        Field("date", DATE, required=True, description="Day of the move."),
        Field("account", TEXT),
        _id("party"),
        Field("debit", DECIMAL, required=True),
        Field("credit", DECIMAL, required=True),
        Field("currency", CURRENCY, required=True, description="The second currency, else the company's."),
        Field("amount", DECIMAL, required=True, description="Debit-positive, in currency."),
        Field("base_amount", DECIMAL, required=True, description="Debit less credit."),
        Field("rate", RATE, description="Company currency per unit of currency, as booked."),
        Field("maturity_date", DATE),
        _id("reconciliation"),
        Field("origin", TEXT, description="The line's origin, else its move's."),
        _id("reverses", description="For a reversal: the line that it takes back."),
        Field("reverses_origin", TEXT, description="For a reversal: the origin of what it takes back."),
        Field("journal_type", TEXT),
        Field("reference", TEXT, description="What the payer or the bank wrote."),
        Field("bank_reference", TEXT, description="Number on the statement or of the payment."),
        _CREATED,
    ),
    "account.move.line on receivable accounts, of posted moves.",
)
INVOICE_PAYMENTS = Entity(
    "invoice_payments",
    ("line",),
    (
        _id("line", required=True, description="The paying account.move.line."),
        _id("invoice", required=True),
        Field("kind", TEXT, required=True, choices=("receipt", "debit"), description="debit: a credit note paid out."),
        _id("reconciliation", description="Set once the line is reconciled: then the settlement counts."),
        Field("date", DATE, required=True),
        Field("amount", DECIMAL, required=True, description="Face value in the currency of what is paid."),
        Field("source_amount", DECIMAL, description="In the currency of what pays, where that is another."),
        Field("base_amount", DECIMAL, required=True),
    ),
    "payment_lines of account.invoice: what was paid on an invoice and does not settle it yet.",
)
RECONCILIATIONS = Entity(
    "reconciliations",
    ("id",),
    (
        _ID,
        Field("number", TEXT),
        Field("date", DATE, required=True, description="The latest date or maturity of its lines."),
    ),
    "account.move.reconciliation. Tryton deletes it when it is undone.",
)
SETTLEMENTS = Entity(
    "settlements",
    ("reconciliation", "debit_line", "credit_line"),
    (
        _id("reconciliation", required=True),
        _id("debit_line", required=True),
        _id("credit_line", required=True),
        Field("date", DATE, required=True, description="The reconciliation's date."),
        Field("exchange_date", DATE, description="Day on which its exchange difference was booked, where it has one."),
        Field(
            "exchange_open", BOOLEAN, description="Its exchange difference is a draft: posted lines do not sum to 0."
        ),
        Field("debit_kind", TEXT, required=True, choices=SIDE_KINDS),
        _id("debit_invoice", description="For a debit of kind invoice."),
        _id("debit_number", description="Number of the invoice's maturity."),
        Field("credit_kind", TEXT, required=True, choices=SIDE_KINDS),
        _id("credit_invoice", description="For a credit of kind invoice: the credit note."),
        Field("credit_date", DATE, description="Day of the credit's move."),
        Field("amount", DECIMAL, required=True, non_negative=True, description="In the debit's currency."),
        Field("source_amount", DECIMAL, non_negative=True, description="In the credit's currency, where that differs."),
        Field("base_amount", DECIMAL, required=True, description="Of the credit, as booked."),
    ),
    "Which credit paid which debit inside a reconciliation, and how much.",
)
ACCOUNT_BALANCES = Entity(
    "account_balances",
    ("account_id", "date"),
    (
        _id("account_id", required=True),
        Field("date", DATE, required=True),
        _LEGAL_ENTITY,
        Field("account", TEXT),
        Field(
            "balance", DECIMAL, required=True, description="Debit less credit of posted moves, as Tryton answers it."
        ),
        Field("currency", CURRENCY, required=True, description="The company's currency."),
    ),
    "account.account of type receivable: its balance at the ends of periods and today.",
)
CURRENCY_RATES = Entity(
    "currency_rates",
    ("id",),
    (
        _ID,
        Field("currency", CURRENCY, required=True),
        Field("date", DATE, required=True),
        Field("rate", RATE, required=True, description="Units of the currency per unit of Tryton's base."),
        Field("company_currency", CURRENCY, required=True),
        Field("company_rate", RATE, required=True, description="Company currency per unit of the currency."),
    ),
    "currency.currency.rate.",
)

ENTITIES: tuple[Entity, ...] = (
    PARTIES,
    BANK_ACCOUNTS,
    SALES,
    INVOICES,
    INVOICE_MATURITIES,
    INVOICE_LINES,
    RECEIVABLE_LINES,
    INVOICE_PAYMENTS,
    RECONCILIATIONS,
    SETTLEMENTS,
    STATEMENTS,
    STATEMENT_LINES,
    PAYMENTS,
    ACCOUNT_BALANCES,
    CURRENCY_RATES,
)
