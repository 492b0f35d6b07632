"""Reads a company's receivables out of Tryton: one dlt resource for each part of the books, on one signed-in client.

Belongs here: which readers there are, and in which order. Not here: what any of them asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dlt

from connectors.erp.tryton.books import open_books
from connectors.erp.tryton.changes import Changes
from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.readers.cash import payments, statements
from connectors.erp.tryton.readers.general_ledger import account_balances, currency_rates
from connectors.erp.tryton.readers.invoice_lines import invoice_lines
from connectors.erp.tryton.readers.invoices import invoices
from connectors.erp.tryton.readers.parties import bank_accounts, parties
from connectors.erp.tryton.readers.reading import Run
from connectors.erp.tryton.readers.receivables import receivable_lines, reconciliations
from connectors.erp.tryton.readers.sales import sales
from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Cursors, Item

#: Of the receivables what refers to others comes before them, a reconciliation before its lines before their invoice:
#: whatever such a row refers to was there when it was read, and is read behind it in the same run.
READERS: Mapping[str, Callable[[Run], Iterator[Item]]] = {
    "parties": parties,
    "bank_accounts": bank_accounts,
    "sales": sales,
    "currency_rates": currency_rates,
    "reconciliations": reconciliations,
    "receivable_lines": receivable_lines,
    "statements": statements,
    "payments": payments,
    "invoice_lines": invoice_lines,
    "invoices": invoices,
    "account_balances": account_balances,
}


def source(name: str, settings: TrytonSettings, cursors: Cursors) -> Any:
    """Return the dlt source. Nothing is asked of the server before the first row is wanted."""
    client = TrytonClient(settings)
    opened: list[Run] = []

    def run() -> Run:
        if not opened:
            books = open_books(client)
            opened.append(Run(client, books, Changes(client, cursors, books.context)))
        return opened[0]

    def resource(part: str, reader: Callable[[Run], Iterator[Item]]) -> Any:
        def rows() -> Iterator[Item]:
            try:
                yield from reader(run())
            finally:
                client.close()

        return dlt.resource(rows, name=part)

    @dlt.source(name=name, max_table_nesting=0)
    def tryton() -> Any:
        return [resource(part, reader) for part, reader in READERS.items()]

    return tryton()
