"""The warehouse on a PostgreSQL server: one writing process at a time, each step as the role that may do it.

The process that writes holds an advisory lock in a session of its own for as long as it does; a transaction commits
only while that session lives. Reading is one snapshot, and cannot write.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2

from otc_pipelines.warehouse import schema
from otc_pipelines.warehouse.door import Role, Tx, Warehouse, WarehouseError, lock_wait
from otc_pipelines.warehouse.fitness import facts
from otc_pipelines.warehouse.roles import grant_ops, in_use
from otc_pipelines.warehouse.server_tx import ServerTx
from otc_pipelines.warehouse.session import PLANNER, address, connect, told

LOCK = 0x6F7463  # "otc": advisory locks are a database's own, so one number serves every instance
_TRANSACTIONS = LOCK + 1
_POLL = 0.1
_LIBPQ = {
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Options of the URL that dbt has no key for: libpq takes them from the environment."""


class ServerWarehouse(Warehouse):
    """A database of a server; ``folder`` is the instance's own, ``wait`` is how many seconds to wait for its writer."""

    kind = "postgres"
    marts_built_in = "marts_build"

    def __init__(self, url: str, folder: Path, wait: float | None = None) -> None:
        self.address = address(url)
        self.folder = folder
        self._wait = lock_wait(wait)
        self._ready = False
        self._roles: bool | None = None
        self._guard = threading.RLock()
        self._depth = 0
        self._holding: Any = None

    @property
    def shown(self) -> str:
        """See Warehouse."""
        return self.address.shown

    def described(self) -> Mapping[str, str]:
        """See Warehouse."""
        with told(self.address), self._connected() as connection:
            found = facts(connection)
            roles = "loader, transformer and bi_reader are in use"
            if not self.roles(connection):
                roles = f"none: all is done as {self.address.user}; `otc init --warehouse` makes them"
        return {
            "server": f"PostgreSQL {found.version}, encoding {found.encoding}, collation {found.collation}",
            "roles": roles,
        }

    def dbt_environment(self, *, connects: bool = True) -> Mapping[str, str]:
        """See Warehouse. The time zone and the name in ``pg_stat_activity`` are libpq's own variables."""
        role = ""
        if connects:
            with self._connected() as connection:
                role = "transformer" if self.roles(connection) else ""
        where = self.address
        return {
            "OTC_DBT_TARGET": "postgres",
            "OTC_MARTS_BUILT_IN": self.marts_built_in,
            "OTC_PG_HOST": where.host,
            "OTC_PG_PORT": str(where.port),
            "OTC_PG_DATABASE": where.database,
            "OTC_PG_USER": where.user,
            "DBT_ENV_SECRET_OTC_PG_PASSWORD": where.password,
            "OTC_PG_ROLE": role,
            "OTC_PG_SSLMODE": dict(where.options).get("sslmode", ""),
            "OTC_PG_SSLROOTCERT": dict(where.options).get("sslrootcert", ""),
            "PGTZ": "UTC",
            "PGAPPNAME": "otc dbt",
            "PGOPTIONS": f"{dict(where.options).get('options', '')} {PLANNER}".strip(),
            **{_LIBPQ[name]: value for name, value in where.options if name in _LIBPQ},
        }

    def sqlalchemy(self) -> tuple[str, dict[str, Any]]:
        """See Warehouse."""
        with self._connected() as connection:
            role = "-c role=transformer " if self.roles(connection) else ""
        arguments = {"options": f"{role}-c TimeZone=UTC -c default_transaction_read_only=on {PLANNER}"}
        return self.address.url("postgresql+psycopg2").render_as_string(hide_password=False), arguments

    def roles(self, connection: Any) -> bool:
        """True if ``otc init --warehouse`` has been here, and the login may act as its roles."""
        if self._roles is None:
            self._roles = in_use(connection, self.address)
        return self._roles

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """See Warehouse."""
        with self._guard:
            if self._depth == 0:
                self._holding = self._locked()
            self._depth += 1
        try:
            yield
        finally:
            with self._guard:
                self._depth -= 1
                if self._depth == 0:
                    with contextlib.suppress(psycopg2.Error):
                        self._holding.close()
                    self._holding = None

    @contextlib.contextmanager
    def transaction(self, role: Role = "owner") -> Iterator[Tx]:
        """See Warehouse."""
        with self.writing(), told(self.address), self._connected() as connection:
            if not self._ready:
                facts(connection).require(self.shown)
                self._migrate(connection)
                self._ready = True
            with connection.cursor() as cursor:
                cursor.execute("begin")
                cursor.execute(f"set local lock_timeout = {int(self._wait * 1000) + 1}")
                cursor.execute("select pg_advisory_xact_lock(%s)", (_TRANSACTIONS,))  # of this process's other threads
                if role != "owner" and self.roles(connection):
                    cursor.execute(f"set local role {role}")
                if role == "loader":  # a few new rows look for their keys in many, by the index
                    cursor.execute("set local enable_nestloop = on")
                    cursor.execute("set local enable_mergejoin = on")
            try:
                yield ServerTx(connection)
                self._still_holding()
                _statement(connection, "commit")
            except BaseException:
                with contextlib.suppress(psycopg2.Error):
                    _statement(connection, "rollback")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Tx]:
        """See Warehouse."""
        with self.snapshot("transformer") as tx:
            if tx.scalar("select to_regclass('ops.schema_version')") is None:
                raise WarehouseError(f"warehouse {self.shown} is empty yet; run `otc run` first")
            schema.require_current({str(r["name"]) for r in tx.rows("select name from ops.schema_version")})
            yield tx

    @contextlib.contextmanager
    def snapshot(self, role: str) -> Iterator[Tx]:
        """Read as a role: one state of everything for the whole transaction."""
        with told(self.address), self._connected() as connection:
            _statement(connection, "begin isolation level repeatable read read only")
            if self.roles(connection):
                _statement(connection, f"set local role {role}")
            try:
                yield ServerTx(connection)
            finally:
                with contextlib.suppress(psycopg2.Error):
                    _statement(connection, "rollback")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        connection = connect(self.address)
        try:
            yield connection
        finally:
            with contextlib.suppress(psycopg2.Error):
                connection.close()

    def _migrate(self, connection: Any) -> None:
        schema.migrate(_Statements(connection))
        _statement(connection, "begin")
        for statement in schema.SERVER_INDEXES:
            _statement(connection, statement)
        if self.roles(connection):
            grant_ops(connection)
        _statement(connection, "commit")

    def _locked(self) -> Any:
        """A session that holds the lock; WarehouseError after the wait, naming who has it."""
        connection = connect(self.address)
        try:
            deadline = time.monotonic() + self._wait
            with told(self.address), connection.cursor() as cursor:
                while True:
                    cursor.execute("select pg_try_advisory_lock(%s)", (LOCK,))
                    if cursor.fetchone()[0]:
                        return connection
                    if time.monotonic() > deadline:
                        break
                    time.sleep(_POLL)
            who = _holder(connection)
        except BaseException:
            connection.close()
            raise
        connection.close()
        raise WarehouseError(f"warehouse {self.shown} is in use by {who}; wait for it or stop it")

    def _still_holding(self) -> None:
        """The lock ends with its session: nothing is committed by a process that may not be the only one any more."""
        try:
            _statement(self._holding, "select 1")
        except psycopg2.Error:
            raise WarehouseError(
                f"warehouse {self.shown} has ended the session that held the lock; nothing was committed, run again"
            ) from None


class _Statements:
    """A connection as the migrations see it."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor()

    def execute(self, sql: str) -> Any:
        """Run a statement and return what can be fetched from."""
        self._cursor.execute(sql)
        return self._cursor


def _statement(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _holder(connection: Any) -> str:
    """Who holds the lock, as far as the server tells this login."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select a.application_name, coalesce(host(a.client_addr), 'this machine'), a.backend_start, a.usename
            from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
            where l.locktype = 'advisory' and l.granted and l.objid = %s and l.classid = 0
                and l.database = (select oid from pg_database where datname = current_database())""",
            (LOCK,),
        )
        found = cursor.fetchone()
    if found is None:
        return "another process"
    name, host, since, user = found
    return f"{name or user or 'another process'} from {host}" + (
        f", since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
    )
