"""What Tryton itself says it holds: counts by ``search_count``, amounts fetched in calls of their own.

Belongs here: which model an entity's rows are counted in, and asking. Not here: how rows are read (``readers``),
comparing. Tryton adds nothing up over the wire: amounts are fetched with their currency and added here, of models of up
to ``totals_rows`` records; above that records are counted by currency. There is no bound: a row's time is that of the
latest of several records, so all that is there counts. Entities that are made of several models (maturities,
settlements, payments on invoices, owners of accounts) are no model's rows; receivable lines are held against Tryton's
own balances by the control account (``fct_tie_out``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from connectors.erp.tryton.books import Books, open_books
from connectors.erp.tryton.changes import EVERY, Changes
from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.readers.reading import Run, alive_ids, by_id
from connectors.erp.tryton.rows import related
from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Counter, Entity, Group, Listed, Question, Totals
from connectors.kit.incremental import expect_count
from connectors.kit.totals import Adding, group_columns, money_columns


@dataclass(frozen=True)
class Model:
    """The model whose records are an entity's rows: which of them, where their currency stands ('': the company's)."""

    name: str
    domain: Callable[[Books], Sequence[Any]]
    currency: str = ""


def _ours(books: Books) -> tuple[str, str, Any]:
    return ("company", "=", books.company)


_MODELS: Mapping[str, Model] = {
    "parties": Model("party.party", lambda _books: [EVERY]),
    "sales": Model("sale.sale", lambda books: [_ours(books)], "currency.code"),
    "invoices": Model("account.invoice", lambda books: [_ours(books), ("type", "=", "out")], "currency.code"),
    "invoice_lines": Model(
        "account.invoice.line",
        lambda books: [("invoice.company", "=", books.company), ("invoice.type", "=", "out")],
        "currency.code",
    ),
    "statements": Model("account.statement", lambda books: [_ours(books)], "journal.currency.code"),
    "statement_lines": Model(
        "account.statement.line",
        lambda books: [("statement.company", "=", books.company)],
        "statement.journal.currency.code",
    ),
    "payments": Model(
        "account.payment", lambda books: [_ours(books), ("kind", "=", "receivable")], "journal.currency.code"
    ),
    "reconciliations": Model(
        "account.move.reconciliation",
        lambda books: [_ours(books), ("lines.account", "in", sorted(books.accounts))],
    ),
    "currency_rates": Model("currency.currency.rate", lambda _books: [], "currency.code"),
}


@contextmanager
def counting(settings: TrytonSettings) -> Iterator[Counter]:
    """Sign in and find the company on the first question."""
    with TrytonClient(settings) as client:
        yield _Models(client)


class _Models:
    def __init__(self, client: TrytonClient) -> None:
        self._client = client

    @cached_property
    def _run(self) -> Run:
        books = open_books(self._client)
        return Run(self._client, books, Changes(self._client, {}, books.context))

    def totals(self, question: Question) -> Totals | None:
        """Count a model's records, and add what they come to."""
        model = _MODELS.get(question.entity.name)
        if model is None or not self._run.has(model.name):
            return None
        books, entity = self._run.books, question.entity
        legal_entity = books.legal_entity if group_columns(entity)[0] else None
        domain = _domain(model, books, question)
        rows = self._client.search_count(model.name, domain, context=books.context)
        if rows <= self._client.settings.totals_rows:
            return Totals(self._added_here(entity, model, domain, rows, legal_entity))
        adding = Adding(entity, ())
        for code in self._currencies if model.currency else (books.currency,):
            only = [(model.currency, "=", code)] if model.currency else []
            found = self._client.search_count(model.name, [*domain, *only], context=books.context)
            if found:
                adding.add(found, {}, legal_entity, code)
            rows -= found
        if rows > 0:
            adding.add(rows, {}, legal_entity)
        return Totals(adding.groups)

    def listed(self, question: Question) -> Iterator[Listed]:
        """Give the ids of the records that are counted."""
        model = _MODELS[question.entity.name]
        ids = alive_ids(self._run, model.name, _domain(model, self._run.books, question))
        yield Listed(pa.table({"id": pa.array([str(i) for i in ids], pa.string())}))

    def _added_here(
        self, entity: Entity, model: Model, domain: Sequence[Any], rows: int, legal_entity: str | None
    ) -> tuple[Group, ...]:
        """Fetch amounts and add them; all that were counted, or an error."""
        money = [f.name for f in money_columns(entity) if self._run.has(model.name, f.name)]
        adding = Adding(entity, money)
        fetched = 0
        for page in by_id(self._run, model.name, domain, [*money, *([model.currency] if model.currency else [])]):
            fetched += len(page)
            for record in page:
                code = related(record, model.currency) if model.currency else self._run.books.currency
                adding.add(1, {name: record[name] for name in money}, legal_entity, code)
        if fetched < rows:
            expect_count(f"{self._client.host}: {model.name}", rows, fetched)
        return adding.groups

    @cached_property
    def _currencies(self) -> Sequence[str]:
        found = self._client.search_read("currency.currency", [EVERY], ["code"], context=self._run.books.context)
        return sorted(str(r["code"]) for r in found)


def _domain(model: Model, books: Books, question: Question) -> list[Any]:
    ids = sorted(int(key) for key in question.without if key.isdigit())
    return [*model.domain(books), *([("id", "not in", ids)] if ids else [])]
