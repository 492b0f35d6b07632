"""The models of the simulated server that this product meets, and their fields, as trytond 8.2 has them.

Belongs here: names, types, what is required. Not here: what a field is computed from (``computed``), what a button does
(``accounting``). A field is ``type[*][ target[ inverse]]``: ``*`` is required, ``=`` is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

_OWN = {
    "create_date": "timestamp",
    "write_date": "timestamp",
    "create_uid": "many2one res.user",
    "write_uid": "many2one res.user",
    "rec_name": "char=",
}
_MODELS: dict[str, tuple[str, dict[str, str]]] = {
    "res.user": ("User", {"name": "char*", "login": "char*", "active": "boolean"}),
    "country.country": ("Country", {"name": "char*", "code": "char"}),
    "currency.currency": (
        "Currency",
        {"name": "char*", "code": "char*", "digits": "integer*", "active": "boolean"},
    ),
    "currency.currency.rate": (
        "Currency Rate",
        {"currency": "many2one currency.currency", "date": "date*", "rate": "numeric*"},
    ),
    "company.company": (
        "Company",
        {"party": "many2one* party.party", "currency": "many2one* currency.currency"},
    ),
    "party.party": (
        "Party",
        {
            "name": "char",
            "code": "char",
            "active": "boolean",
            "email": "char=",
            "phone": "char=",
            "tax_identifier": "many2one= party.identifier",
            "customer_payment_term": "many2one account.invoice.payment_term",
            "credit_limit_amount": "numeric2",
            "account_receivable": "many2one account.account",
            "receivable": "numeric=",
            "addresses": "one2many party.address party",
        },
    ),
    "party.address": (
        "Address",
        {
            "party": "many2one* party.party",
            "street": "text",
            "city": "char",
            "postal_code": "char",
            "country": "many2one country.country",
            "sequence": "integer",
            "active": "boolean",
        },
    ),
    "party.contact_mechanism": (
        "Contact Mechanism",
        {"party": "many2one* party.party", "type": "char*", "value": "char", "active": "boolean"},
    ),
    "party.identifier": (
        "Party Identifier",
        {"party": "many2one* party.party", "type": "char", "code": "char*", "active": "boolean"},
    ),
    "bank": ("Bank", {"party": "many2one* party.party", "bic": "char"}),
    "bank.account": (
        "Bank Account",
        {
            "bank": "many2one bank",
            "owners": "many2many party.party",
            "numbers": "one2many bank.account.number account",
            "active": "boolean",
        },
    ),
    "bank.account.number": (
        "Bank Account Number",
        {"account": "many2one* bank.account", "type": "char*", "number": "char*", "active": "boolean"},
    ),
    "account.configuration": (
        "Account Configuration",
        {
            "default_account_receivable": "many2one account.account",
            "currency_exchange_journal": "many2one account.journal",
        },
    ),
    "account.account.type": ("Account Type", {"name": "char*", "receivable": "boolean"}),
    "account.account": (
        "Account",
        {
            "name": "char*",
            "code": "char",
            "company": "many2one* company.company",
            "type": "many2one account.account.type",
            "party_required": "boolean",
            "reconcile": "boolean",
            "active": "boolean",
            "balance": "numeric=",
        },
    ),
    "account.period": (
        "Period",
        {
            "name": "char*",
            "type": "char*",
            "company": "many2one* company.company",
            "start_date": "date*",
            "end_date": "date*",
            "state": "char",
        },
    ),
    "account.journal": ("Journal", {"name": "char*", "code": "char", "type": "char*", "active": "boolean"}),
    "account.move": (
        "Account Move",
        {
            "company": "many2one* company.company",
            "number": "char",
            "date": "date*",
            "period": "many2one* account.period",
            "journal": "many2one* account.journal",
            "description": "char",
            "origin": "reference",
            "state": "char*",
            "lines": "one2many account.move.line move",
        },
    ),
    "account.move.line": (
        "Account Move Line",
        {
            "move": "many2one* account.move",
            "account": "many2one* account.account",
            "party": "many2one party.party",
            "debit": "numeric2*",
            "credit": "numeric2*",
            "second_currency": "many2one currency.currency",
            "amount_second_currency": "numeric2",
            "maturity_date": "date",
            "reconciliation": "many2one account.move.reconciliation",
            "description": "char",
            "origin": "reference",
            "invoice_payment": "many2one account.invoice",
        },
    ),
    "account.move.reconciliation": (
        "Account Move Reconciliation",
        {
            "company": "many2one* company.company",
            "number": "char*",
            "date": "date*",
            "lines": "one2many account.move.line reconciliation",
        },
    ),
    "account.invoice.payment_term": ("Payment Term", {"name": "char*", "active": "boolean"}),
    "account.invoice": (
        "Account Invoice",
        {
            "company": "many2one* company.company",
            "type": "char*",
            "number": "char",
            "reference": "char",
            "state": "char*",
            "invoice_date": "date",
            "party": "many2one* party.party",
            "currency": "many2one* currency.currency",
            "account": "many2one* account.account",
            "payment_term": "many2one account.invoice.payment_term",
            "untaxed_amount": "numeric2",
            "tax_amount": "numeric2",
            "total_amount": "numeric2",
            "move": "many2one account.move",
            "additional_moves": "many2many account.move",
            "cancel_move": "many2one account.move",
            "sales": "many2many sale.sale",
            "payment_lines": "one2many account.move.line invoice_payment",
            "lines": "one2many account.invoice.line invoice",
            "lines_to_pay": "one2many= account.move.line",
            "amount_to_pay": "numeric=",
            "reconciled": "date=",
        },
    ),
    "product.uom": ("Unit of Measure", {"name": "char*", "symbol": "char*", "active": "boolean"}),
    "product.product": ("Product", {"name": "char*", "code": "char", "active": "boolean"}),
    "account.invoice.line": (
        "Invoice Line",
        {
            "invoice": "many2one account.invoice",
            "company": "many2one* company.company",
            "currency": "many2one* currency.currency",
            "sequence": "integer",
            "type": "char*",
            "product": "many2one product.product",
            "description": "text",
            "quantity": "float",
            "unit": "many2one product.uom",
            "unit_price": "numeric",
            "amount": "numeric=",
            "account": "many2one account.account",
            "origin": "reference",
        },
    ),
    "account.statement.journal": (
        "Statement Journal",
        {
            "name": "char*",
            "journal": "many2one* account.journal",
            "currency": "many2one* currency.currency",
            "company": "many2one* company.company",
            "validation": "char*",
            "bank_account": "many2one bank.account",
            "account": "many2one* account.account",
            "active": "boolean",
            "last_date": "date=",
            "last_amount": "numeric=",
        },
    ),
    "account.statement": (
        "Account Statement",
        {
            "name": "char*",
            "company": "many2one* company.company",
            "journal": "many2one* account.statement.journal",
            "date": "date*",
            "start_balance": "numeric2",
            "end_balance": "numeric2",
            "total_amount": "numeric2",
            "number_of_lines": "integer",
            "lines": "one2many account.statement.line statement",
            "state": "char*",
        },
    ),
    "account.statement.line": (
        "Account Statement Line",
        {
            "statement": "many2one* account.statement",
            "sequence": "integer",
            "number": "char",
            "date": "date*",
            "amount": "numeric2*",
            "party": "many2one party.party",
            "account": "many2one* account.account",
            "description": "char",
            "related_to": "reference",
            "move": "many2one account.move",
        },
    ),
    "account.payment": (
        "Account Payment",
        {
            "company": "many2one* company.company",
            "number": "char*",
            "reference": "char",
            "journal": "many2one* account.payment.journal",
            "kind": "char*",
            "party": "many2one* party.party",
            "date": "date*",
            "amount": "numeric2*",
            "line": "many2one account.move.line",
            "state": "char*",
        },
    ),
    "account.payment.journal": (
        "Payment Journal",
        {"name": "char*", "currency": "many2one* currency.currency", "company": "many2one* company.company"},
    ),
    "sale.sale": (
        "Sale",
        {
            "company": "many2one* company.company",
            "party": "many2one* party.party",
            "currency": "many2one* currency.currency",
            "number": "char",
            "reference": "char",
            "sale_date": "date",
            "state": "char*",
            "shipment_state": "char*",
            "invoice_state": "char*",
            "untaxed_amount": "numeric2",
            "tax_amount": "numeric2",
            "total_amount": "numeric2",
        },
    ),
    "ir.note": ("Note", {"resource": "reference*", "message": "text", "last_user": "char="}),
}
CASCADE = {("account.statement.line", "statement"), ("account.move.line", "move"), ("bank.account.number", "account")}
CASCADE |= {(f"party.{part}", "party") for part in ("address", "contact_mechanism", "identifier")}
CLEARED = {("account.move.line", "reconciliation"), ("account.move.line", "invoice_payment")}
"""What a deletion takes along, and what it empties; any other reference to a record forbids its deletion."""

NEWEST_FIRST = frozenset({"account.statement", "account.invoice", "account.move", "account.move.line", "sale.sale"})
"""Models whose records come newest first where no order is asked for."""

UNORDERED = {"total_amount": "Total", "untaxed_amount": "Untaxed", "tax_amount": "Tax"}
"""Amounts of invoices, which Tryton keeps and does not order by, with their labels."""

DEFAULTS: dict[str, dict[str, object]] = {
    "account.move": {"state": "draft"},
    "account.move.line": {"debit": 0, "credit": 0},
    "account.invoice": {"state": "draft", "type": "out"},
    "account.statement": {"state": "draft"},
    "account.payment": {"state": "draft"},
    "account.invoice.line": {"type": "line"},
    "sale.sale": {"state": "draft", "shipment_state": "none", "invoice_state": "none"},
}


@dataclass(frozen=True)
class SimField:
    """A field. ``target`` is the other model; ``inverse`` the field there that points back."""

    name: str
    type: str
    required: bool = False
    computed: bool = False
    digits: int | None = None
    target: str = ""
    inverse: str = ""

    @property
    def to_many(self) -> bool:
        """Whether it holds ids of several records."""
        return self.type in ("one2many", "many2many")

    @property
    def label(self) -> str:
        """The field's name as people read it."""
        return self.name.replace("_", " ").title()


@dataclass(frozen=True)
class SimModel:
    """A model and its fields."""

    name: str
    title: str
    fields: dict[str, SimField]


def models() -> dict[str, SimModel]:
    """Return all models by name."""
    return {
        name: SimModel(name, title, {n: _field(n, spec) for n, spec in {**_OWN, **fields}.items()})
        for name, (title, fields) in _MODELS.items()
    }


def _field(name: str, spec: str) -> SimField:
    kind, *rest = spec.split()
    required, computed = "*" in kind, "=" in kind
    kind = kind.rstrip("*=")
    digits = int(kind[-1]) if kind[-1].isdigit() and kind.startswith("numeric") else None
    target, inverse = (*rest, "", "")[:2]
    return SimField(name, kind.rstrip("0123456789") if digits else kind, required, computed, digits, target, inverse)
