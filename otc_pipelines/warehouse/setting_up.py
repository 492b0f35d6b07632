"""Making a server ready: the database, its roles and schemas, as an administrator; done again it changes nothing.

Belongs here: who signs in for it, and the one transaction. Not here: the grants themselves (``roles``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2 import sql

from connectors.kit.errors import ConfigError
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse.door import first_line
from otc_pipelines.warehouse.fitness import facts
from otc_pipelines.warehouse.roles import set_up
from otc_pipelines.warehouse.server import LOCK
from otc_pipelines.warehouse.session import Address, address, connect, told

ADMINISTRATOR = "OTC_WAREHOUSE_ADMIN_URL"
"""Environment variable with the URL of who may make roles; without it the login of otc.yaml makes them itself."""

_SETTING_UP = LOCK + 2


def set_up_server(instance: Instance, administrator: str | None) -> Iterator[str]:
    """Make the database, if it is not there, then roles, login, schemas and grants; say each in a line.

    ConfigError when the instance keeps its warehouse in a file, or the administrator may not do it.
    """
    if instance.warehouse == "duckdb":
        raise ConfigError(
            f"{instance.path.name}: warehouse: duckdb needs no setting up; name a server, postgresql://…, or leave "
            "--warehouse out"
        )
    login = address(instance.warehouse)
    admin = address(administrator) if administrator else login
    if (admin.host, admin.port) != (login.host, login.port):
        raise ConfigError(f"{ADMINISTRATOR} is for {admin.shown}, and the warehouse is at {login.shown}")
    there = Address(admin.host, admin.port, login.database, admin.user, admin.password, admin.options)
    with told(admin):
        try:
            if administrator:
                yield from _database(admin, login.database)
            with contextlib.closing(connect(there)) as connection, connection.cursor() as cursor:
                facts(connection).require(there.shown)
                cursor.execute("begin")
                cursor.execute("select pg_advisory_xact_lock(%s)", (_SETTING_UP,))
                yield from set_up(connection, login)
                cursor.execute("commit")
        except psycopg2.errors.InsufficientPrivilege as problem:
            raise _may_not(admin, administrator, problem) from None


def _database(admin: Address, name: str) -> Iterator[str]:
    with contextlib.closing(connect(admin)) as connection, connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (name,))
        if cursor.fetchone():
            return
        with contextlib.suppress(psycopg2.errors.DuplicateDatabase):
            statement = "create database {} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
    yield f"database {name}: made"


def _may_not(admin: Address, administrator: str | None, problem: Any) -> ConfigError:
    said = first_line(problem)
    if administrator:
        return ConfigError(f"{admin.user!r} may not set up {admin.shown}: {said}; name a superuser in {ADMINISTRATOR}")
    return ConfigError(
        f"{admin.user!r} may not set up its own warehouse: {said}; name an administrator's URL in {ADMINISTRATOR}, "
        "for this command only"
    )
