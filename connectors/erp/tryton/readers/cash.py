"""Reads the ERP's own bank statements and the payments that it collects, where the database has them.

Belongs here: what stands in them. Not here: what they book, which comes as receivable lines (receivables).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.erp.tryton.changes import Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Run, read_rows
from connectors.erp.tryton.rows import related
from connectors.erp.tryton.schema.entities import PAYMENTS, STATEMENT_LINES, STATEMENTS
from connectors.kit.contract import Item

_STATEMENT, _LINE, _PAYMENT = "account.statement", "account.statement.line", "account.payment"
_OF_STATEMENT = ("name", "date", "start_balance", "end_balance", "total_amount", "state")
_OF_LINE = ("statement", "number", "date", "amount", "party", "description", "related_to", "move")
_OF_PAYMENT = ("number", "reference", "party", "date", "amount", "line", "state")
_JOURNAL = ("journal.name", "journal.currency.code")


def statements(run: Run) -> Iterator[Item]:
    """Yield the lines of the company's statements, then the statements, in every state."""
    if not run.has(_STATEMENT):
        return
    ours = ("company", "=", run.books.company)
    fields = (*_OF_LINE, "account.code", "statement.journal.currency.code")
    lines = Feed("statement_lines", _LINE, [("statement.company", *ours[1:])], fields)
    yield from read_rows(run, STATEMENT_LINES, lines, _line)
    heads = Feed("statements", _STATEMENT, [ours], (*_OF_STATEMENT, *_JOURNAL))
    yield from read_rows(run, STATEMENTS, heads, lambda record: _of_journal(run, record, _OF_STATEMENT))


def payments(run: Run) -> Iterator[Item]:
    """Yield payments of kind receivable in every state."""
    if not run.has(_PAYMENT):
        return
    domain = [("company", "=", run.books.company), ("kind", "=", "receivable")]
    feed = Feed("payments", _PAYMENT, domain, (*_OF_PAYMENT, *_JOURNAL))
    yield from read_rows(run, PAYMENTS, feed, lambda record: _of_journal(run, record, _OF_PAYMENT))


def _of_journal(run: Run, record: Record, fields: tuple[str, ...]) -> dict[str, Any]:
    return {
        **{name: record[name] for name in ("id", *fields)},
        "legal_entity": run.books.legal_entity,
        "journal": related(record, "journal.name"),
        "currency": related(record, "journal.currency.code"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }


def _line(record: Record) -> dict[str, Any]:
    return {
        **{name: record[name] for name in ("id", *_OF_LINE)},
        "account": related(record, "account.code"),
        "currency": related(record, "statement.journal.currency.code"),
        "created_at": record["create_date"],
        "recorded_at": recorded(record),
    }
