"""Who may do what on a server: the roles loader, transformer and bi_reader, and the login that acts as them.

Belongs here: roles, schemas, grants, and whether they are in use. Not here: connecting, what is done as which role.

The login of otc.yaml owns nothing but ``ops`` and inherits nothing: it acts as loader (raw tables) or transformer
(everything that is derived). ``bi_reader`` reads ``marts`` and nothing else; give it to the logins of people and tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from otc_pipelines.warehouse.session import Address

LOADER, TRANSFORMER, READER = "loader", "transformer", "bi_reader"
ROLES = (LOADER, TRANSFORMER, READER)
DERIVED = ("staging", "conformed", "marts_build", "marts", "outbound")
_LOADED = ("load", "cursor", "quarantine", "unknown_column", "instance", "legal_entity", "bank_account")
_AUDIT = "audit_event"


def in_use(connection: Any) -> bool:
    """True if this database was set up for the roles and the login may act as each of them."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_roles where rolname = any(%s)", (list(ROLES),))
        if cursor.fetchone()[0] != len(ROLES) or not _schemas(cursor, ("marts",)):
            return False
        cursor.execute(
            """select bool_and(pg_has_role(session_user, rolname, 'member'))
                and has_database_privilege('loader', current_database(), 'CREATE')
                and has_schema_privilege('transformer', 'marts', 'CREATE')
            from pg_roles where rolname = any(%s)""",
            (list(ROLES),),
        )
        return bool(cursor.fetchone()[0])


def set_up(connection: Any, login: Address) -> Iterator[str]:
    """Make roles, login, schemas and grants in the database that an administrator is connected to; say each in a line.

    Done again it changes nothing but the login's password. Tables that are there already get the owner they would have.
    """
    database = login.database
    with connection.cursor() as cursor:
        for role in ROLES:
            made = _made(cursor, role, "nologin")
            yield f"role {role}: {'made' if made else 'is there'}"
        made = _made(cursor, login.user, "login")
        yield f"login {login.user}: {'made' if made else 'is there'}; acts as loader, transformer, bi_reader"
        hashed = encrypt_password(login.password, login.user, connection, "scram-sha-256")  # no log sees the password
        _do(cursor, "alter role {} with login noinherit password {}", login.user, sql.Literal(hashed))
        _do(cursor, "alter role {} in database {} set timezone to 'UTC'", login.user, database)
        for role in ROLES:
            _do(cursor, "grant {} to {}", role, login.user)
        cursor.execute("select rolsuper from pg_roles where rolname = current_user")
        if not cursor.fetchone()[0]:  # to give things to a role one must belong to it
            for role in (LOADER, TRANSFORMER, login.user):
                _do(cursor, "grant {} to current_user", role)
        _database(cursor, database, login.user)
        yield f"database {database}: loader and transformer may work in it, bi_reader may connect"
        for schema in ("ops", *DERIVED):
            _schema(cursor, schema, login.user if schema == "ops" else TRANSFORMER)
        yield f"schemas ops, {', '.join(DERIVED)}: belong to {login.user} and transformer"
        _adopt(cursor, login.user)
        _defaults(cursor)
        yield "raw tables: loader writes, transformer reads, those to come too"
        yield "marts: transformer writes, bi_reader reads, those to come too; bi_reader reads nothing else"
        cursor.execute("grant usage on schema ops to loader, transformer")
        _grant_ops(cursor)


def grant_ops(connection: Any) -> None:
    """Grant the tables of ``ops``, as their owner: what landing writes to loader, everything to transformer.

    Nobody but the owner may change or remove an event of the audit trail.
    """
    with connection.cursor() as cursor:
        _grant_ops(cursor)


def _grant_ops(cursor: Any) -> None:
    cursor.execute("grant usage on schema ops to loader, transformer")
    cursor.execute("select tablename from pg_tables where schemaname = 'ops'")
    for (table,) in cursor.fetchall():
        name = sql.Identifier("ops", table)
        everything = sql.SQL("select, insert" if table == _AUDIT else "select, insert, update, delete")
        loader = everything if table in (*_LOADED, _AUDIT) else sql.SQL("select")
        cursor.execute(sql.SQL("grant {} on {} to transformer").format(everything, name))
        cursor.execute(sql.SQL("grant {} on {} to loader").format(loader, name))


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
    cursor.execute("select nspname from pg_namespace where nspname like 'raw\\_%%' escape '\\'")
    raw = [name for (name,) in cursor.fetchall()]
    for schema in raw:
        _do(cursor, "alter schema {} owner to loader", schema)
        _do(cursor, "revoke all on schema {} from public, bi_reader", schema)
        _do(cursor, "grant usage on schema {} to transformer", schema)
    owners = {**dict.fromkeys(raw, LOADER), **dict.fromkeys(DERIVED, TRANSFORMER), "ops": login}
    cursor.execute(
        """select n.nspname, c.relname, c.relkind from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = any(%s) and c.relkind in ('r', 'v', 'm')""",
        (list(owners),),
    )
    for schema, table, kind in cursor.fetchall():
        noun = {"r": "table", "v": "view", "m": "materialized view"}[kind]
        name, owner = sql.Identifier(schema, table), sql.Identifier(owners[schema])
        cursor.execute(sql.SQL(f"alter {noun} {{}} owner to {{}}").format(name, owner))
        if schema in raw:
            cursor.execute(sql.SQL("grant select on {} to transformer").format(name))


def _defaults(cursor: Any) -> None:
    """Grants for what is there and for what these roles will make."""
    cursor.execute("grant usage on schema staging, conformed, marts_build, marts, outbound to transformer")
    cursor.execute("alter default privileges for role loader grant usage on schemas to transformer")
    cursor.execute("alter default privileges for role loader grant select on tables to transformer")
    cursor.execute("grant usage on schema marts to bi_reader")
    cursor.execute("grant select on all tables in schema marts to bi_reader")
    cursor.execute("alter default privileges for role transformer in schema marts grant select on tables to bi_reader")


def _do(cursor: Any, statement: str, *names: Any) -> None:
    parts = [n if isinstance(n, sql.Composable) else sql.Identifier(n) for n in names]
    cursor.execute(sql.SQL(statement).format(*parts))
