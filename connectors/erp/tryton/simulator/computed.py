"""Fields that the simulated server computes when they are read.

Belongs here: what a field is made of. Not here: what changes records (``accounting``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from connectors.erp.tryton.simulator.database import Database, Record

Context = Mapping[str, Any]
ZERO = Decimal(0)
#: Fields that have a value for each company.
_BY_COMPANY = {
    ("party.party", "credit_limit_amount"),
    ("party.party", "account_receivable"),
    ("account.configuration", "default_account_receivable"),
    ("account.configuration", "currency_exchange_journal"),
}


def value_of(db: Database, model: str, record: Record, name: str, context: Context) -> Any:
    """Return a field of a record, computed where it has to be."""
    if name == "id":
        return record["id"]
    field = db.field(model, name)
    if field.computed:
        return _COMPUTED[model if (model, name) in _NAMED else "", name](db, record, context)
    if field.type == "one2many":
        return [r["id"] for r in db.pointing(field.target, field.inverse, record["id"])]
    if (model, name) in _BY_COMPANY and not context.get("company"):
        return None  # without a company there is none
    return record[name]


def lines_to_pay(db: Database, invoice: Record) -> list[Record]:
    """Return the receivable lines of an invoice, by maturity."""
    moves = [m for m in (invoice["move"], *invoice["additional_moves"]) if m is not None]
    lines = [
        r for m in moves for r in db.pointing("account.move.line", "move", m) if r["account"] == invoice["account"]
    ]
    return sorted(lines, key=lambda r: (r["maturity_date"] or date.max, r["id"]))


def amount_to_pay(db: Database, invoice: Record) -> Decimal:
    """Return what is left of an invoice in its own currency."""
    if invoice["state"] != "posted":
        return ZERO
    paying = db.pointing("account.move.line", "invoice_payment", invoice["id"])
    total = ZERO
    for line in (*lines_to_pay(db, invoice), *paying):
        if line["reconciliation"] is None:
            foreign = line["second_currency"] == invoice["currency"]
            total += line["amount_second_currency"] if foreign else line["debit"] - line["credit"]
    return total


def line_amount(db: Database, line: Record) -> Decimal | None:
    """Return quantity by unit price, with the currency's decimals; None for a line that is only text."""
    if line["type"] != "line":
        return None
    exact = Decimal(str(line["quantity"] or 0)) * (line["unit_price"] or ZERO)
    digits = db.one("currency.currency", line["currency"])["digits"]
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def reconciled(db: Database, invoice: Record) -> date | None:
    """Return the day an invoice was settled, or None."""
    sets = [db.get("account.move.reconciliation", line["reconciliation"]) for line in lines_to_pay(db, invoice)]
    return max(r["date"] for r in sets if r) if sets and all(sets) else None


def _balance(db: Database, account: Record, context: Context) -> Decimal:
    day, posted = context.get("date"), context.get("posted")
    total = ZERO
    for line in db.pointing("account.move.line", "account", account["id"]):
        move = db.one("account.move", line["move"])
        if (day is None or move["date"] <= day) and (not posted or move["state"] == "posted"):
            total += line["debit"] - line["credit"]
    return total


def _owed(db: Database, party: Record, context: Context) -> Decimal:
    total = ZERO
    for line in db.pointing("account.move.line", "party", party["id"]):
        kind = db.get("account.account.type", db.one("account.account", line["account"])["type"])
        if kind and kind["receivable"] and line["reconciliation"] is None:
            total += line["debit"] - line["credit"]
    return total


def _last(db: Database, journal: Record) -> Record | None:
    found = [s for s in db.pointing("account.statement", "journal", journal["id"]) if s["state"] != "cancelled"]
    return max(found, key=lambda s: (s["date"], s["id"]), default=None)


def _contact(kind: tuple[str, ...]) -> Callable[[Database, Record, Context], Any]:
    def first(db: Database, party: Record, context: Context) -> Any:
        found = db.pointing("party.contact_mechanism", "party", party["id"])
        return next((r["value"] for r in found if r["type"] in kind and r["active"]), "")

    return first


def _identifier(db: Database, party: Record, context: Context) -> int | None:
    found = db.pointing("party.identifier", "party", party["id"])
    return next((r["id"] for r in found if r["type"] and r["active"]), None)


def _rec_name(db: Database, record: Record, context: Context) -> str:
    party = db.get("party.party", record.get("party")) if "name" not in record else None
    said = record.get("name") or (party and party["name"]) or record.get("number")
    return str(said or f"({record['id']})")


def _product_name(db: Database, product: Record, context: Context) -> str:
    return f"[{product['code']}] {product['name']}" if product["code"] else str(product["name"])


def _last_of(name: str) -> Callable[[Database, Record, Context], Any]:
    def last(db: Database, journal: Record, context: Context) -> Any:
        statement = _last(db, journal)
        return statement and statement[name]

    return last


_COMPUTED: dict[tuple[str, str], Callable[[Database, Record, Context], Any]] = {
    ("", "rec_name"): _rec_name,
    ("product.product", "rec_name"): _product_name,
    ("party.party", "email"): _contact(("email",)),
    ("party.party", "phone"): _contact(("phone", "mobile")),
    ("party.party", "tax_identifier"): _identifier,
    ("party.party", "receivable"): _owed,
    ("account.account", "balance"): _balance,
    ("account.invoice.line", "amount"): lambda db, r, c: line_amount(db, r),
    ("account.invoice", "lines_to_pay"): lambda db, r, c: [line["id"] for line in lines_to_pay(db, r)],
    ("account.invoice", "amount_to_pay"): lambda db, r, c: amount_to_pay(db, r),
    ("account.invoice", "reconciled"): lambda db, r, c: reconciled(db, r),
    ("account.statement.journal", "last_date"): _last_of("date"),
    ("account.statement.journal", "last_amount"): _last_of("end_balance"),
    ("ir.note", "last_user"): lambda db, r, c: (db.get("res.user", r["write_uid"] or r["create_uid"]) or {}).get(
        "login"
    ),
}
_NAMED = {key for key in _COMPUTED if key[0]}
