"""What a server and its database must be to hold a warehouse, and what they are.

Belongs here: version, encoding, collation, whether it can be written. Not here: who may do what (``roles``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import ConfigError
from otc_pipelines.warehouse.door import WarehouseError

OLDEST = 15
_BYTEWISE = {"C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8"}
_MAKE = "make one: create database NAME template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"


@dataclass(frozen=True)
class Facts:
    """What was found: ``version`` is the server's own text, ``number`` its major; ``read_only`` why, or ''."""

    version: str
    number: int
    encoding: str
    collation: str
    read_only: str = ""

    def require(self, shown: str) -> None:
        """ConfigError for a database that cannot hold a warehouse, WarehouseError for one that is not to be written."""
        if self.number < OLDEST:
            raise ConfigError(f"warehouse {shown} is on PostgreSQL {self.version}; {OLDEST} is the oldest that will do")
        if self.encoding != "UTF8":
            raise ConfigError(f"warehouse {shown} has the encoding {self.encoding} and needs UTF8; {_MAKE}")
        if self.collation not in _BYTEWISE:
            raise ConfigError(
                f"warehouse {shown} has the collation {self.collation}; it must be C or C.UTF-8, so that text has one "
                f"order everywhere; {_MAKE}"
            )
        if self.read_only:
            raise WarehouseError(f"warehouse {shown} cannot be written: {self.read_only}")


def facts(connection: Any) -> Facts:
    """Ask a session."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select current_setting('server_version') as version,
                cast(current_setting('server_version_num') as integer) / 10000 as number,
                pg_encoding_to_char(encoding) as encoding, datcollate, to_jsonb(d) ->> 'datlocprovider',
                pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') as read_only
            from pg_database as d where datname = current_database()"""
        )
        version, number, encoding, collation, provider, standby, read_only = cursor.fetchone()
    why = ""
    if standby:
        why = "it is a standby; name its primary"
    elif read_only == "on":
        why = "default_transaction_read_only is on, for the server, the database or the login; turn it off"
    named = collation if provider in ("c", "d", "b") else f"of ICU ({collation})"
    return Facts(version.split()[0], number, encoding, named, why)
