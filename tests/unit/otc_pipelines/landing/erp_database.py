"""An ERP's database that a test can change: orders with an amount, a currency and a time, in SQLite.

Belongs here: the source's side. Not here: landing, expectations.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.erp.sql.connector import CONNECTOR
from connectors.erp.sql.settings import SqlSettings
from connectors.kit.contract import Connector, Counter, Question, Totals

COLUMNS = ("order_id", "party_id", "legal_entity", "order_date", "currency", "amount", "recorded_at")


class Erp:
    """The database; ``settings`` reach it."""

    connector = CONNECTOR

    def __init__(self, folder: Path) -> None:
        self.path = folder / "erp.db"
        self.settings = SqlSettings.model_validate({"url": f"sqlite:///{self.path}"})
        self.run(f"create table orders ({', '.join(c + ' text' for c in COLUMNS)})")

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement."""
        with closing(sqlite3.connect(self.path)) as db, db:
            return db.execute(statement, values).fetchall()

    def put(self, key: str, amount: str = "10.10", at: str = "2026-01-05T12:00:00Z", currency: str = "USD") -> None:
        """Add an order or change it, recorded at that time."""
        self.run("delete from orders where order_id = ?", key)
        row = (key, "P1", "US", "2026-01-05", currency, amount, at)
        self.run(f"insert into orders values ({', '.join('?' * len(row))})", *row)

    def delete(self, key: str) -> None:
        """Delete an order."""
        self.run("delete from orders where order_id = ?", key)


def meanwhile(connector: Connector, before: Callable[[Question], None]) -> Connector:
    """The connector, at whose source something happens each time before it is asked for the orders' totals."""

    class Busy:
        """Asks after something happened."""

        def __init__(self, counter: Counter) -> None:
            self.listed = counter.listed
            self._counter = counter

        def totals(self, question: Question) -> Totals | None:
            """Let it happen, then ask."""
            if question.entity.name == "orders":
                before(question)
            return self._counter.totals(question)

    @contextmanager
    def counting(settings: Any) -> Iterator[Counter]:
        assert connector.counting is not None
        with connector.counting(settings) as counter:
            yield Busy(counter)

    return replace(connector, counting=counting)
