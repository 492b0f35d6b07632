"""A SQLAlchemy dialect of DuckDB whose results outlive the connection, for Great Expectations.

Great Expectations closes the connection before it fetches; DuckDB's cursor is then empty (``IndexError: list index out
of range`` in every result). Here every result is fetched as soon as the statement has run.
"""

from __future__ import annotations

from duckdb_sqlalchemy import Dialect, DuckDBExecutionContext
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

_NAME = "otc_buffered"


class BufferedContext(DuckDBExecutionContext):  # type: ignore[misc]
    """Fetches all rows of a result at once."""

    def post_exec(self) -> None:
        """Buffer the rows, where there are any."""
        super().post_exec()
        if self.cursor is not None and self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, initial_buffer=self.cursor.fetchall()
            )


class BufferedDialect(Dialect):  # type: ignore[misc]
    """DuckDB with buffered results."""

    driver = _NAME
    supports_statement_cache = True
    execution_ctx_cls = BufferedContext


def buffered() -> str:
    """Make the dialect known to SQLAlchemy and return its driver's name."""
    registry.register(f"duckdb.{_NAME}", __name__, BufferedDialect.__name__)
    return _NAME
