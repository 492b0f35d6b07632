"""A warehouse with raw tables as landing makes them, and rows put into it by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connectors.kit.banking import BANKING
from connectors.kit.contract import Connector, Entity, Role, Settings
from connectors.kit.receivables import RECEIVABLES
from connectors.registry import connector
from otc_pipelines.landing.tables import ensure_tables
from otc_pipelines.transform import TransformReport, build, dbt_vars
from otc_pipelines.warehouse import EmbeddedWarehouse, Tx, quoted

TODAY = date(2026, 1, 31)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def declared(name: str, role: Role, entities: tuple[Entity, ...]) -> Connector:
    return Connector(name, role, name, Settings, entities, lambda *_: None, lambda _: ())


CONNECTORS = (
    declared("files", Role.ERP, RECEIVABLES),
    declared("bank_files", Role.BANK, BANKING),
    declared("salesforce", Role.CRM, connector("salesforce").entities),
    declared("tryton", Role.ERP, connector("tryton").entities),
)


class House:
    """A warehouse file, its raw tables, and dbt over it."""

    def __init__(self, folder: Path, project: Path, connectors: tuple[Connector, ...] = CONNECTORS) -> None:
        self.warehouse = EmbeddedWarehouse(folder / "warehouse.duckdb")
        self.project = project
        self.names = [c.name for c in connectors]
        self._target = folder / "target"
        with self.warehouse.transaction() as tx:
            ensure_tables(tx, connectors)

    def land(self, connector: str, entity: str, source: str, *rows: dict[str, Any]) -> None:
        """Put versions into a raw table; ``key`` names the row, ``at`` its recorded and loaded time."""
        with self.warehouse.transaction() as tx:
            for nth, row in enumerate(rows):
                values = dict(row)
                at = values.pop("at", NOON)
                key = values.pop("key")
                standard = {
                    "source_system": source,
                    "recorded_at": at,
                    "recorded_by_source": True,
                    "deleted": values.pop("deleted", False),
                    "_key": key,
                    "_row_hash": f"{key}/{nth}",
                    "_loaded_at": at,
                    "_load_id": "load",
                    "_file": "file.csv",
                    "_line": nth + 2,
                }
                insert(tx, f"raw_{connector}.{quoted(entity)}", standard | values)

    def name_persons(self, connector: str, entity: str, source: str, *rows: dict[str, Any]) -> None:
        """Put current values into a personal table."""
        with self.warehouse.transaction() as tx:
            for row in rows:
                insert(
                    tx,
                    f"raw_{connector}.{quoted(entity + '__personal')}",
                    {"source_system": source, "_loaded_at": NOON} | row,
                )

    def build(self, *select: str, **how: Any) -> TransformReport:
        """Run dbt over it."""
        told = dbt_vars(self.project, self.names, today=TODAY)
        return build(self.project, self.warehouse, select, told, self._target, **how)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Ask the warehouse."""
        with self.warehouse.reading() as tx:
            return tx.rows(sql)


def insert(tx: Tx, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(quoted(n) for n in row)
    slots = ", ".join(f":v{n}" for n in range(len(row)))
    tx.execute(f"insert into {table} ({names}) values ({slots})", **{f"v{n}": v for n, v in enumerate(row.values())})
