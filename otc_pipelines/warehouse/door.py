"""The door to the warehouse: transactions, bound parameters, Arrow in and out, whichever database is behind it.

SQL that passes here is portable; what one database alone understands is written in this package. ``:name`` binds a
parameter. Belongs here: what both warehouses promise. Not here: how one of them does it (``embedded``, ``server``).
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa

from connectors.kit.errors import ConfigError, FatalError
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse.parameters import outside_literals


class WarehouseError(FatalError):
    """The warehouse could not be opened or written: locked, full, read-only, damaged, down. Exit code 3."""


Role = Literal["loader", "transformer", "owner"]
"""As whom a transaction is done, where the warehouse has roles.

Landing is the loader's, the models and the published marts are the transformer's, as dbt is; the house's own books
(``ops``: ledger, decisions, outbox, audit trail) are written by their owner, the login itself.
"""

_MARTS = re.compile(r"(?<![\w.])marts(?=\.)")


@dataclass(frozen=True)
class Published:
    """What was published: where (a file, or a schema of a database), how many tables and rows, its size in bytes."""

    place: str
    tables: int
    rows: int
    bytes: int


class Tx(ABC):
    """One transaction. Everything done through it becomes visible together, or not at all."""

    @abstractmethod
    def execute(self, sql: str, **parameters: Any) -> None:
        """Run a statement."""

    @abstractmethod
    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return all rows as dictionaries; decimals are Decimal, timestamps carry their offset (UTC)."""

    @abstractmethod
    def scalar(self, sql: str, **parameters: Any) -> Any:
        """Return the first column of the first row, or None."""

    @abstractmethod
    def arrow(self, sql: str, **parameters: Any) -> pa.Table:
        """Return the rows as an Arrow table."""

    @abstractmethod
    def arrow_batches(self, sql: str, size: int = 100_000, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """Yield the rows in Arrow batches of at most about ``size`` rows."""

    @abstractmethod
    def insert_arrow(self, table: str, rows: pa.Table) -> int:
        """Append rows to ``schema.table``, columns by name; return how many."""

    @abstractmethod
    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """Append dictionaries that all have the same keys; return how many."""

    @abstractmethod
    def temp(self, name: str, select: str, **parameters: Any) -> None:
        """Make a temporary table of a query's rows, replacing one of that name."""

    @abstractmethod
    def stage_parquet(self, name: str, files: Sequence[Path]) -> None:
        """Make a temporary table of the rows of Parquet files, replacing one of that name."""

    @abstractmethod
    def sha256(self, text: str) -> str:
        """Return the SQL of a text expression's SHA-256, as lower-case hexadecimal text, of its UTF-8."""

    @abstractmethod
    def content(self, relation: str) -> str:
        """Return what a relation holds as a short text: how many rows, ``:``, what is the same in any order."""

    @abstractmethod
    def index(self, table: str, columns: Sequence[str]) -> None:
        """Index a new table's columns, where the database needs that to find a row."""

    @abstractmethod
    def attempt(self) -> AbstractContextManager[None]:
        """Within it a statement may fail, and the transaction goes on after it."""


class Warehouse(ABC):
    """The warehouse of an instance: one writing process at a time.

    ``folder`` is the instance's own folder for what belongs to the warehouse and is not in it: the audit chain's
    anchor, load packages, the gates' pages. ``marts_built_in`` is the schema in which dbt builds the marts. ``kind`` is
    the database's usual name.
    """

    kind: ClassVar[str]
    marts_built_in: ClassVar[str] = "marts"
    folder: Path

    @staticmethod
    def of(instance: Instance, wait: float | None = None) -> Warehouse:
        """Return the warehouse of an instance; nothing is opened yet. ``wait``: seconds for whoever has it."""
        if instance.warehouse == "duckdb":
            from otc_pipelines.warehouse.embedded import EmbeddedWarehouse

            return EmbeddedWarehouse(instance.data_dir / "warehouse.duckdb", wait)
        try:
            from otc_pipelines.warehouse.server import ServerWarehouse
        except ModuleNotFoundError as problem:
            raise ConfigError(
                f"{instance.path.name}: warehouse: {problem.name} is not installed; install otc-pipelines[postgres]"
            ) from None

        return ServerWarehouse(instance.warehouse, instance.data_dir, wait)

    @property
    @abstractmethod
    def shown(self) -> str:
        """What people are told it is: a file, or a database on a host; never a password."""

    @abstractmethod
    def described(self) -> Mapping[str, str]:
        """Return what is to be said of it besides: which server it is, whether its roles are in use."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Be the one process that writes, for a whole pass; may be nested. WarehouseError says who holds it."""

    def held(self) -> AbstractContextManager[None]:
        """Write, and what is opened inside opens what is open already: opening may cost more than a small question.

        Nothing belongs inside that takes long, or that opens the warehouse by itself: other processes wait.
        """
        return self.writing()

    @abstractmethod
    def transaction(self, role: Role = "owner") -> AbstractContextManager[Tx]:
        """Open, begin, and commit at the end; any exception rolls all of it back."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Tx]:
        """Read without writing. WarehouseError when there is none yet, or another process keeps it."""

    @abstractmethod
    def dbt_environment(self, *, connects: bool = True) -> Mapping[str, str]:
        """Return what ``dbt_project/profiles.yml`` reads: dbt's target, and how to sign in where it ``connects``."""

    @abstractmethod
    def sqlalchemy(self) -> tuple[str, dict[str, Any]]:
        """Return the URL under which SQLAlchemy reads it, and the arguments to connect with."""

    def built(self, sql: str) -> str:
        """Return a query of ``marts`` as one of the marts that were built last, published or not."""
        if self.marts_built_in == "marts":
            return sql
        return outside_literals(sql, lambda part: _MARTS.sub(self.marts_built_in, part))


def lock_wait(wait: float | None) -> float:
    """Seconds to wait for whoever has the warehouse: ``wait``, else ``OTC_LOCK_WAIT``, else 60."""
    return float(os.environ.get("OTC_LOCK_WAIT", "60")) if wait is None else wait


def first_line(problem: BaseException) -> str:
    """Return the first line of an exception's message, or its type."""
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
