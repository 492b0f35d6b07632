"""Sessions of a PostgreSQL server: where it is, signing in, and what is said when that does not work.

Belongs here: the URL, connecting, errors in one line without the password. Not here: transactions, roles.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy as sa

from connectors.kit.errors import ConfigError
from otc_pipelines.warehouse.door import WarehouseError, first_line

_REFUSED = (  # what a server answers to whom it does not let in, and libpq to whom it cannot send
    "password authentication failed",
    "no password supplied",
    "authentication failed",
    "does not exist",
    "is not permitted to log in",
    "permission denied for database",
    "no pg_hba.conf entry",
    "invalid connection option",
    "root certificate file",
)
_CANNOT = ("08", "53", "55", "57", "58", "25", "XX")
"""Classes of SQLSTATE that say the server cannot, not that the statement is wrong."""

_READ_ONLY, _NOT_PERMITTED = "25006", "42501"

PLANNER = "-c enable_nestloop=off -c enable_mergejoin=off -c jit=off"
"""How views upon views are planned. PostgreSQL takes the newest version of each key (``row_number() = 1``) for one row
in two hundred, and so joins what are all rows by nested loops, or merges them by a column with one value: every row is
looked at for every other.
"""


@dataclass(frozen=True)
class Address:
    """A database on a server, and the login that is used."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    options: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """Host and database; never a password."""
        return f"{self.host}:{self.port}/{self.database}"

    def url(self, driver: str) -> sa.URL:
        """The address for SQLAlchemy."""
        return sa.URL.create(
            driver, self.user, self.password, self.host, self.port, self.database, query=dict(self.options)
        )


def address(url: str) -> Address:
    """Read ``postgresql://user:password@host:port/database``. ConfigError names what is missing, never the password."""
    try:
        parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        known = parsed.get_backend_name() in ("postgresql", "postgres")
    except (sa.exc.ArgumentError, ValueError):
        known = False
    if not known:
        raise ConfigError("warehouse is not a URL such as postgresql://otc:${OTC_WAREHOUSE_PASSWORD}@host:5432/otc")
    for name, value in (("a user", parsed.username), ("a host", parsed.host), ("a database", parsed.database)):
        if not value:
            raise ConfigError(
                f"warehouse: the URL names no {name.split()[1]}; write postgresql://user:…@host:5432/database"
            )
    options = tuple((k, str(v)) for k, v in sorted(parsed.query.items()))
    return Address(
        str(parsed.host),
        parsed.port or 5432,
        str(parsed.database),
        str(parsed.username),
        str(parsed.password or ""),
        options,
    )


def connect(where: Address, *, timeout: float = 10) -> Any:
    """Sign in; a statement stands by itself until a transaction is begun. ConfigError, WarehouseError say why not."""
    options: dict[str, Any] = dict(where.options)
    settings = (
        f"{options.pop('options', '')} -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 {PLANNER}".strip()
    )
    wanted = {"connect_timeout": max(2, int(timeout)), "keepalives_idle": 30, **options}
    ours = {"application_name": _application(), "client_encoding": "UTF8", "options": settings}
    place = {"host": where.host, "port": where.port, "dbname": where.database}
    try:
        connection = psycopg2.connect(**{**wanted, **ours, **place, "user": where.user, "password": where.password})
    except psycopg2.Error as problem:
        said = first_line(problem).replace(where.password or "\0", "…")
        if any(word in said for word in _REFUSED):
            hint = "; `otc init --warehouse` makes it" if said.endswith("does not exist") and "database" in said else ""
            raise ConfigError(f"warehouse {where.shown} does not let {where.user!r} in: {_short(said)}{hint}") from None
        raise WarehouseError(f"warehouse {where.shown} cannot be reached: {_short(said)}") from None
    connection.autocommit = True
    return connection


@contextlib.contextmanager
def told(where: Address) -> Iterator[None]:
    """Turn what the server cannot do (down, full, locked), or does not permit, into one line.

    A wrong statement stays what it is.
    """
    try:
        yield
    except psycopg2.Error as problem:
        code = problem.pgcode or ""
        if code == _NOT_PERMITTED:
            raise ConfigError(
                f"warehouse {where.shown} does not let {where.user!r} do that: {first_line(problem)}; "
                "`otc init --warehouse` grants what is needed"
            ) from None
        if code == _READ_ONLY:
            raise WarehouseError(f"warehouse {where.shown} is read-only: {first_line(problem)}") from None
        lost = isinstance(problem, psycopg2.OperationalError | psycopg2.InterfaceError) and not code
        if lost or code.startswith(_CANNOT):
            raise WarehouseError(f"warehouse {where.shown} cannot be used: {first_line(problem)}") from None
        raise


def _short(said: str) -> str:
    """libpq says where it connected to before what was answered; that is said already."""
    return said.rpartition("failed: ")[2].removeprefix("FATAL: ").strip() or said


def _application() -> str:
    """Who this is, as others read it in ``pg_stat_activity``: at most 63 bytes."""
    name = Path(sys.argv[0] or "python").name
    words = " ".join([name, *sys.argv[1:3]])
    return f"otc pid {os.getpid()}: {words}".encode("ascii", "replace").decode()[:63]
