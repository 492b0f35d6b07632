"""Reads tables and views of any SQL database as text Arrow tables in bounded batches. The one user of SQLAlchemy here.

Identifiers come from what the database itself lists and are quoted; values are bound. A read is one ordered statement
whose rows are streamed, so each row comes once, however many share a position. The connection only reads.
Belongs here: connecting, listing, reading, and what a database's error means. Not here: what the columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from connectors.kit.contract import FieldType
from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.text_table import Writing, column_text

BATCH_ROWS = 20_000
_LOGIN = re.compile(
    r"password authentication failed|no password supplied|access denied|login failed|authentication failed|ORA-01017"
    r"|invalid (?:username|authorization)|role .* does not exist|permission denied for (?:database|schema)",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"permission denied|not authorized|ORA-01031|insufficient privilege", re.IGNORECASE)
_BROKEN = re.compile(r"no such (?:table|column|function)|syntax error|not a database", re.IGNORECASE)
_LOGIN_STATES = ("28", "3D")
#: A local clock that is set back repeats an hour.
_CLOCK_CHANGE = timedelta(hours=1)
_SHOWN = 200


@dataclass(frozen=True)
class View:
    """A table or view with its columns as the database lists them."""

    name: str
    schema: str | None
    columns: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Return how a person names it."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Position:
    """Where a read went to: the literal of the ordering column as the database gave it, and the row's key."""

    literal: str
    key: str = ""


@dataclass(frozen=True)
class Page:
    """Rows as text, and the position of the last one where the read has an ordering column."""

    rows: pa.Table
    last: Position | None = None


@dataclass(frozen=True)
class Read:
    """What to read: columns of a view, in the order of ``cursor`` and then ``key``.

    ``since``: only rows at or behind this literal less the overlap. ``unplaced``: only rows whose cursor is null.
    """

    view: View
    columns: Sequence[str]
    key: Sequence[str]
    kinds: Mapping[str, FieldType] = field(default_factory=dict)
    writing: Writing = field(default_factory=Writing)
    cursor: str | None = None
    since: str | None = None
    overlap: timedelta = timedelta(0)
    unplaced: bool = False
    rows: int = BATCH_ROWS


@dataclass(frozen=True)
class Sum:
    """Rows to count, and amounts to add, by the values of ``groups``: of rows with a key, but for those ``without``.

    Keys go by their parts without blanks around them, joined by ``|``.

    ``until``: only rows whose cursor is at or before this literal, or null; where times are text there is no bound.
    """

    view: View
    groups: Sequence[str]
    amounts: Sequence[str]
    key: Sequence[str]
    without: Sequence[str] = ()
    cursor: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Counted:
    """Values of the groups, how many rows, and the sum of each amount."""

    group: Sequence[Any]
    rows: int
    sums: Sequence[Any]


class Database:
    """A database by its URL. Close it, or use it as a context."""

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self._title = f"database {self._url.host or self._url.database or self._url.drivername}"
        try:
            self._engine: Engine = sa.create_engine(self._url, poolclass=sa.NullPool, hide_parameters=True)
        except (sa.exc.NoSuchModuleError, ImportError) as error:
            raise ConfigError(
                f"no driver for {self._url.drivername!r} is installed ({_line(error)}); install one"
            ) from None
        except (sa.exc.ArgumentError, TypeError, ValueError):
            raise ConfigError(f"the URL of {self._title} cannot be used; write dialect://user@host/name") from None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def names(self, schema: str | None) -> list[str]:
        """Return the tables and views of a schema, by name."""
        with self._told():
            inspector = sa.inspect(self._engine)
            return sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema)})

    def view(self, name: str, schema: str | None = None) -> View:
        """Return a table or view with its columns. ConfigError when there is none of that name."""
        with self._told():
            try:
                listed = sa.inspect(self._engine).get_columns(name, schema)
            except sa.exc.NoSuchTableError:
                listed = []
        if not listed:
            there = ", ".join(self.names(schema)) or "none"
            place = f" in schema {schema!r}" if schema else ""
            raise ConfigError(f"view {name!r} is not in {self._title}{place}; there are: {there}"[:500])
        return View(name, schema, {column["name"]: column["type"] for column in listed})

    def read(self, what: Read) -> Iterator[Page]:
        """Stream the rows in pages of ``what.rows``."""
        statement = self._statement(what)
        with self._answer(statement, stream_results=True, max_row_buffer=what.rows) as result:
            for rows in result.partitions(what.rows):
                yield self._page(what, rows)

    @contextmanager
    def _answer(self, statement: sa.Select[Any], **options: Any) -> Iterator[sa.CursorResult[Any]]:
        """Give the rows of a statement while the connection is open; where the database knows that, it only reads."""
        if self._engine.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
        with self._told(), self._engine.connect() as connection:
            yield connection.execution_options(**options).execute(statement)

    @property
    def adds_exactly(self) -> bool:
        """Say whether this database has decimals to add: SQLite has binary floats only."""
        return self._engine.dialect.name != "sqlite"

    def bound(self, view: View, cursor: str, literal: str) -> datetime | None:
        """Return the time at or before which rows can be asked for; None where the database's times are text."""
        if not isinstance(view.columns[cursor], sa.DateTime) or not self.adds_exactly:
            return None
        try:
            return datetime.fromisoformat(literal)
        except ValueError:
            return None

    def summed(self, what: Sum) -> Iterator[Counted]:
        """Let the database count and add. An amount in binary floats comes as None: its sum proves nothing."""
        table = _table(what.view)
        groups = [table.c[c] for c in what.groups]
        sums = [_added(table.c[c], what.view.columns[c]).label(f"sum_{n}") for n, c in enumerate(what.amounts)]
        statement = sa.select(*groups, sa.func.count().label("counted"), *sums)
        statement = statement.where(*self._counted(table, what)).group_by(*groups)
        with self._answer(statement) as result:
            for row in result:
                group, count, added = row[: len(groups)], row[len(groups)], row[len(groups) + 1 :]
                yield Counted(group, int(count), [v if v is None else Decimal(str(v)) for v in added])

    def _counted(self, table: sa.TableClause, what: Sum) -> Iterator[sa.ColumnElement[bool]]:
        """Conditions on the rows that count: a key, one that is not left out, and a time that was read."""
        parts = [sa.func.trim(sa.cast(table.c[c], sa.String(4000)), type_=sa.String()) for c in what.key]
        yield from (sa.func.nullif(part, "").is_not(None) for part in parts)
        if what.without:
            key: sa.ColumnElement[str] = parts[0]
            for part in parts[1:]:
                key = key.concat("|").concat(part)
            yield key.not_in(sorted(what.without))
        if what.cursor is not None and what.until is not None:
            moment = self.bound(what.view, what.cursor, what.until)
            if moment is not None:
                kind = sa.DateTime(timezone=moment.tzinfo is not None)
                next_one = sa.bindparam("until", moment + timedelta(microseconds=1), type_=kind)  # it may be finer
                yield sa.or_(table.c[what.cursor] < next_one, table.c[what.cursor].is_(None))

    def _statement(self, what: Read) -> sa.Select[Any]:
        unknown = [
            c for c in (*what.columns, *what.key, *([what.cursor] if what.cursor else [])) if c not in what.view.columns
        ]
        if unknown:
            has = ", ".join(what.view.columns)
            raise ConfigError(f"view {what.view.title} has no column {unknown[0]!r}; it has {has}")
        table = _table(what.view)
        statement = sa.select(*(table.c[c] for c in what.columns))
        if what.cursor is not None:
            at = table.c[what.cursor]
            statement = statement.where(at.is_(None) if what.unplaced else at.is_not(None))
            if what.since is not None and not what.unplaced:
                statement = statement.where(at >= self._bound(what))
            statement = statement.order_by(at)
        return statement.order_by(*(table.c[c] for c in what.key))

    def _bound(self, what: Read) -> sa.BindParameter[Any]:
        """Return the lower bound in the source's own frame, so that no zone is guessed.

        Where times are text, it is cut to the second: then it sorts before every way of writing that second.
        """
        assert what.since is not None and what.cursor is not None
        try:
            moment = datetime.fromisoformat(what.since)
        except ValueError:
            raise FatalError(f"view {what.view.title}: position {what.since!r} is not a time; read it anew") from None
        moment -= what.overlap + (timedelta(0) if moment.tzinfo else _CLOCK_CHANGE)
        kind = what.view.columns[what.cursor]
        if isinstance(kind, sa.DateTime) and self._engine.dialect.name != "sqlite":
            return sa.bindparam("since", moment, type_=sa.DateTime(timezone=moment.tzinfo is not None))
        between = "T" if "T" in what.since else " "
        text = moment.replace(tzinfo=None).isoformat(between, "seconds")
        return sa.bindparam("since", text, type_=sa.String())

    def _page(self, what: Read, rows: Sequence[Any]) -> Page:
        columns = dict(zip(what.columns, zip(*rows, strict=True), strict=True))
        try:
            text = {c: column_text(c, what.kinds.get(c), values, what.writing) for c, values in columns.items()}
        except ConfigError as error:
            raise ConfigError(f"view {what.view.title}: {error}") from None
        table = pa.table(text)
        if what.cursor is None or what.unplaced or what.cursor not in columns:
            return Page(table)
        raw = columns[what.cursor][-1]
        literal = raw.isoformat() if isinstance(raw, datetime) else str(raw)
        return Page(table, Position(literal, "|".join(str(columns[k][-1]) for k in what.key if k in columns)))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a driver raises into the error that says what to do, in one line and without the password."""
        try:
            yield
        except ConnectorError:
            raise
        except sa.exc.DBAPIError as error:
            raise self._meaning(error) from None
        except sa.exc.SQLAlchemyError as error:
            raise FatalError(f"{self._title}: {self._clean(_line(error))}") from None
        except OSError as error:
            raise RetriableError(f"{self._title} cannot be reached: {self._clean(_line(error))}; try again") from None

    def _meaning(self, error: sa.exc.DBAPIError) -> ConnectorError:
        driver = error.orig
        said = self._clean(_line(driver or error))
        state = str(getattr(driver, "pgcode", None) or getattr(driver, "sqlstate", None) or "")
        if state.startswith(_LOGIN_STATES) or _LOGIN.search(said):
            return ConfigError(f"{self._title} refuses the login: {said}; check user, password and database name")
        if state == "42501" or _FORBIDDEN.search(said):
            return ConfigError(f"{self._title}: {said}; grant SELECT on the view")
        if _BROKEN.search(said):
            return FatalError(f"{self._title}: {said}; mend the view")
        if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
            return RetriableError(f"{self._title} cannot be reached or read: {said}; check host and port, try again")
        return FatalError(f"{self._title}: {said}")

    def _clean(self, text: str) -> str:
        for secret in {self._url.password, str(self._url.query.get("password", ""))}:
            text = text.replace(secret, "***") if secret else text
        return text[:_SHOWN]


def _table(view: View) -> sa.TableClause:
    return sa.table(view.name, *(sa.column(c) for c in view.columns), schema=view.schema)


def _added(column: sa.ColumnClause[Any], kind: Any) -> sa.ColumnElement[Any]:
    """Return the sum of a column; of text what it says, of binary floats nothing."""
    if isinstance(kind, sa.Float):
        return sa.null()
    if not isinstance(kind, sa.Numeric | sa.Integer):
        column = sa.cast(sa.func.nullif(sa.func.trim(column), ""), sa.Numeric(38, 10))  # type: ignore[assignment]
    return sa.func.sum(column)


def _parsed(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigError("url is not a database URL; write dialect://user:password@host:port/name") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        path = Path(str(parsed.database).removeprefix("file:").partition("?")[0])
        if not path.is_file():
            raise FatalError(f"database file {path} is not there; name an existing one in url")
    return parsed


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
