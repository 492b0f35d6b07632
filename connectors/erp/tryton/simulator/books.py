"""An empty company in the simulated database: currencies, accounts, journals, periods, a bank journal.

Belongs here: what every company has before its first invoice. Not here: invoices and cash (``company``).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from connectors.erp.tryton.simulator.database import Database

COMPANY = 1
_NAME = "Acme Industrial Inc."
_CURRENCIES = (("USD", 2), ("EUR", 2), ("JPY", 0))
_ACCOUNTS = (
    ("1200", "Accounts Receivable", "Receivable", True),
    ("1010", "Bank", "Cash", False),
    ("4000", "Sales", "Revenue", False),
    ("2200", "Sales Tax", "Tax", False),
    ("6300", "Bad Debts", "Expense", False),
    ("8.1.1", "Currency Exchange", "Exchange", False),
)
_JOURNALS = (
    ("REV", "Revenue", "revenue"),
    ("CASH", "Cash", "cash"),
    ("MISC", "Miscellaneous", "general"),
    ("EXC", "Currency Exchange", "write-off"),
    ("STA", "Statement", "statement"),
)
TERMS = ("NET14", "NET30", "NET45", "NET60", "2/10NET30", "3X30")


def set_up(db: Database, today: date) -> None:
    """Make the company. Its periods go from three years back until two years from now."""
    db.create("res.user", {"name": "Integration", "login": "integration"})
    currencies = {
        code: db.create("currency.currency", {"name": code, "code": code, "digits": d}) for code, d in _CURRENCIES
    }
    party = db.create("party.party", {"name": _NAME, "code": "1", "addresses": [("create", [{"sequence": 1}])]})
    company = db.create("company.company", {"party": party, "currency": currencies["USD"]})
    kinds = {
        k: db.create("account.account.type", {"name": k, "receivable": k == "Receivable"}) for _, _, k, _ in _ACCOUNTS
    }
    accounts = {
        code: db.create(
            "account.account",
            {
                "company": company,
                "code": code,
                "name": name,
                "type": kinds[kind],
                "party_required": receivable,
                "reconcile": receivable,
            },
        )
        for code, name, kind, receivable in _ACCOUNTS
    }
    journals = {c: db.create("account.journal", {"code": c, "name": n, "type": t}) for c, n, t in _JOURNALS}
    usual = {"default_account_receivable": accounts["1200"], "currency_exchange_journal": journals["EXC"]}
    db.create("account.configuration", usual)
    db.create("product.uom", {"name": "Unit", "symbol": "u"})
    debit = {"name": "Direct debit", "currency": currencies["USD"], "company": company}
    db.create("account.payment.journal", debit)
    for term in TERMS:
        db.create("account.invoice.payment_term", {"name": term})
    for first in _months(date(today.year - 3, 1, 1), date(today.year + 2, 12, 1)):
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        named = {"name": f"{first:%Y-%m}", "type": "standard", "start_date": first, "end_date": last, "state": "open"}
        db.create("account.period", {"company": company, **named})
    db.create("currency.currency.rate", {"currency": currencies["USD"], "date": date(2000, 1, 1), "rate": Decimal(1)})
    db.create(
        "account.statement.journal",
        {
            "name": "Bank USD",
            "journal": journals["STA"],
            "currency": currencies["USD"],
            "company": company,
            "validation": "balance",
            "account": accounts["1010"],
        },
    )


def _months(first: date, last: date) -> list[date]:
    found = [first]
    while found[-1] < last:
        found.append((found[-1] + timedelta(days=31)).replace(day=1))
    return found
