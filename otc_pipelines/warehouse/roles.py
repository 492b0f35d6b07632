"""Who may do what on a server: the roles loader, transformer and bi_reader, and the login that acts as them.

Belongs here: roles, schemas, grants, and whether they are in use. Not here: connecting, what is done as which role.

The login of otc.yaml owns ``ops`` and inherits nothing: it acts as loader for the raw tables, as transformer, which is
dbt's role, for everything that is derived, and reads both. ``bi_reader`` reads ``marts`` and nothing else; give it to
the logins of people and tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from connectors.kit.errors import ConfigError
from otc_pipelines.warehouse.session import Address

LOADER, TRANSFORMER, READER = "loader", "transformer", "bi_reader"
ROLES = (LOADER, TRANSFORMER, READER)
DERIVED = ("staging", "conformed", "marts_build", "marts", "outbound")
_LOADED = ("load", "cursor", "quarantine", "unknown_column", "instance", "legal_entity", "bank_account")
_AUDIT = "audit_event"


def in_use(connection: Any, login: Address) -> bool:
    """True if this database was set up for the roles. ConfigError when it was, and one is gone or not the login's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from pg_namespace where nspname = 'marts' and pg_get_userbyid(nspowner) = %s", (TRANSFORMER,)
        )
        if cursor.fetchone() is None:
            return False
        kind = "SET" if connection.server_version >= 160000 else "MEMBER"
        cursor.execute(
            """select wanted.name, found.oid is not null, pg_has_role(session_user, found.oid, %s)
            from unnest(%s) as wanted (name) left join pg_roles as found on found.rolname = wanted.name""",
            (kind, list(ROLES)),
        )
        for role, there, may in cursor.fetchall():
            if not may:
                what = f"{login.user!r} may not act as {role}" if there else f"the role {role} is missing"
                raise ConfigError(f"warehouse {login.shown}: {what}; run `otc init --warehouse`")
        return True


def set_up(connection: Any, login: Address) -> Iterator[str]:
    """Make roles, login, schemas and grants in the database that one is connected to; say each in a line.

    An administrator gives the login its password; a login that sets itself up needs CREATEROLE and must own the
    database. Done again it changes nothing else. Tables that are there already get the owner they would have.
    """
    database = login.database
    with connection.cursor() as cursor:
        for role in ROLES:
            made = _made(cursor, role, "nologin")
            yield f"role {role}: {'made' if made else 'is there'}"
        yield _login(connection, cursor, login)
        if not _is_superuser(cursor):  # to give things to a role one must belong to it
            for role in {LOADER, TRANSFORMER, login.user} - {_current(cursor)}:
                _do(cursor, "grant {} to current_user", role)
        _database(cursor, database, login.user)
        yield f"database {database}: loader and transformer may work in it, bi_reader may connect"
        for schema in ("ops", *DERIVED):
            _schema(cursor, schema, login.user if schema == "ops" else TRANSFORMER)
        yield f"schemas ops, {', '.join(DERIVED)}: belong to {login.user} and transformer"
        _adopt(cursor, login.user)
        _defaults(cursor, login.user)
        yield "raw tables: loader writes, transformer reads, those to come too"
        yield "marts: transformer writes, bi_reader reads, those to come too; bi_reader reads nothing else"
        _grant_ops(cursor)


def _login(connection: Any, cursor: Any, login: Address) -> str:
    """The login of otc.yaml: it acts as the roles and has nothing of theirs by itself."""
    own = _current(cursor) == login.user
    made = _made(cursor, login.user, "login")
    if not own:
        hashed = encrypt_password(login.password, login.user, connection, "scram-sha-256")  # no log sees the password
        _do(cursor, "alter role {} with login noinherit password {}", login.user, sql.Literal(hashed))
    _do(cursor, "alter role {} in database {} set timezone to 'UTC'", login.user, login.database)
    apart = " with inherit false, set true" if connection.server_version >= 160000 else ""
    for role in ROLES:
        _do(cursor, "grant {} to {}" + apart, role, login.user)
    return f"login {login.user}: {'made' if made else 'is there'}; acts as {', '.join(ROLES)}"


def grant_ops(connection: Any) -> None:
    """Grant the tables of ``ops``, as their owner: all read them, loader writes what landing writes.

    Models are the transformer's, and cannot write the ledger, the outbox or the audit trail; nobody but the owner
    changes or removes an event of the trail.
    """
    with connection.cursor() as cursor:
        _grant_ops(cursor)


def _grant_ops(cursor: Any) -> None:
    _do(cursor, "grant usage on schema ops to loader, transformer")
    cursor.execute("select tablename from pg_tables where schemaname = 'ops'")
    for (table,) in cursor.fetchall():
        name = sql.Identifier("ops", table)
        landed = {_AUDIT: "select, insert"} | dict.fromkeys(_LOADED, "select, insert, update, delete")
        cursor.execute(sql.SQL("grant select on {} to transformer").format(name))
        cursor.execute(sql.SQL("grant {} on {} to loader").format(sql.SQL(landed.get(table, "select")), name))


def _current(cursor: Any) -> str:
    cursor.execute("select current_user")
    return str(cursor.fetchone()[0])


def _is_superuser(cursor: Any) -> bool:
    cursor.execute("select rolsuper from pg_roles where rolname = current_user")
    return bool(cursor.fetchone()[0])


def _made(cursor: Any, role: str, kind: str) -> bool:
    cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
    if cursor.fetchone():
        return False
    cursor.execute(sql.SQL("create role {} " + kind).format(sql.Identifier(role)))
    return True


def _database(cursor: Any, database: str, login: str) -> None:
    _do(cursor, "revoke all on database {} from public", database)
    _do(cursor, "grant connect, temporary on database {} to {}, loader, transformer", database, login)
    _do(cursor, "grant connect on database {} to bi_reader", database)
    _do(cursor, "grant create on database {} to loader, transformer", database)
    _do(cursor, "revoke create on schema public from public")


def _schema(cursor: Any, schema: str, owner: str) -> None:
    if not _schemas(cursor, (schema,)):
        _do(cursor, "create schema {} authorization {}", schema, owner)
    _do(cursor, "alter schema {} owner to {}", schema, owner)
    _do(cursor, "revoke all on schema {} from public", schema)


def _schemas(cursor: Any, names: tuple[str, ...]) -> bool:
    cursor.execute("select count(*) from pg_namespace where nspname = any(%s)", (list(names),))
    return bool(cursor.fetchone()[0] == len(names))


def _adopt(cursor: Any, login: str) -> None:
    """What an instance made before it had roles gets the owner that it would have now."""
    cursor.execute("select nspname from pg_namespace where nspname like 'raw\\_%' escape '\\'")
    raw = [name for (name,) in cursor.fetchall()]
    for schema in raw:
        _do(cursor, "alter schema {} owner to loader", schema)
        _do(cursor, "revoke all on schema {} from public, bi_reader", schema)
        _do(cursor, "grant usage on schema {} to transformer, {}", schema, login)
    owners = {**dict.fromkeys(raw, LOADER), **dict.fromkeys(DERIVED, TRANSFORMER), "ops": login}
    cursor.execute(
        """select n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner)
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = any(%s) and c.relkind in ('r', 'v', 'm')""",
        (list(owners),),
    )
    for schema, table, kind, has in cursor.fetchall():
        noun = {"r": "table", "v": "view", "m": "materialized view"}[kind]
        name, owner = sql.Identifier(schema, table), sql.Identifier(owners[schema])
        if has != owners[schema]:
            cursor.execute(sql.SQL(f"alter {noun} {{}} owner to {{}}").format(name, owner))
        if schema in raw:
            cursor.execute(sql.SQL("grant select on {} to transformer").format(name))
        if schema != "ops":
            cursor.execute(sql.SQL("grant select on {} to {}").format(name, sql.Identifier(login)))


def _defaults(cursor: Any, login: str) -> None:
    """Grants for what is there and for what these roles will make."""
    _do(cursor, "grant usage on schema staging, conformed, marts_build, marts, outbound to {}", login)
    _do(cursor, "alter default privileges for role loader grant usage on schemas to transformer, {}", login)
    _do(cursor, "alter default privileges for role loader grant select on tables to transformer, {}", login)
    _do(cursor, "alter default privileges for role transformer grant select on tables to {}", login)
    _do(cursor, "grant usage on schema marts to bi_reader")
    _do(cursor, "grant select on all tables in schema marts to bi_reader")
    _do(cursor, "alter default privileges for role transformer in schema marts grant select on tables to bi_reader")


def _do(cursor: Any, statement: str, *names: Any) -> None:
    parts = [n if isinstance(n, sql.Composable) else sql.Identifier(n) for n in names]
    cursor.execute(sql.SQL(statement).format(*parts))
