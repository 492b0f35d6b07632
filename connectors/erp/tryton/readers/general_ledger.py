"""Reads what the subledger must tie to, and exchange rates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Run, read_rows
from connectors.erp.tryton.rows import batch, rate, related
from connectors.erp.tryton.schema.entities import ACCOUNT_BALANCES, CURRENCY_RATES
from connectors.kit.contract import Item

_RATES = "currency.currency.rate"
_PERIODS = 12


def account_balances(run: Run) -> Iterator[Item]:
    """Yield each receivable account's balance at the ends of the last periods, and today, as Tryton sums it."""
    books = run.books
    ended = run.client.search_read(
        "account.period",
        [("company", "=", books.company), ("type", "=", "standard"), ("end_date", "<", books.today)],
        ("end_date",),
        limit=_PERIODS,
        order=[("end_date", "DESC")],
        context=books.context,
    )
    rows: list[dict[str, Any]] = []
    for day in sorted({p["end_date"] for p in ended} | {books.today}):
        context = {**books.context, "date": day, "posted": True, "cumulate": True}
        balances = run.client.read("account.account", sorted(books.accounts), ("balance",), context=context)
        rows += [
            {
                "account_id": account["id"],
                "date": day,
                "legal_entity": books.legal_entity,
                "account": books.accounts[account["id"]],
                "balance": account["balance"],
                "currency": books.currency,
            }
            for account in balances
        ]
    yield batch(ACCOUNT_BALANCES, rows)


def currency_rates(run: Run) -> Iterator[Item]:
    """Yield rates, each also as company currency per unit."""
    own = run.client.search_read(
        _RATES, [("currency.code", "=", run.books.currency)], ("date", "rate"), order=[("date", "ASC")]
    )
    days = [r["date"] for r in own]

    def company_rate(record: Record) -> Decimal | None:
        at = bisect_right(days, record["date"])
        return rate(own[at - 1]["rate"] if at else Decimal(1), record["rate"])

    def row(record: Record) -> dict[str, Any]:
        return {
            "id": record["id"],
            "currency": related(record, "currency.code"),
            "date": record["date"],
            "rate": record["rate"],
            "company_currency": run.books.currency,
            "company_rate": company_rate(record),
            "recorded_at": recorded(record),
        }

    feed = Feed("currency_rates", _RATES, [], ("currency.code", "date", "rate"))
    yield from read_rows(run, CURRENCY_RATES, feed, row)
