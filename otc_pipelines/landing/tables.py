"""Raw tables: a declared entity's table, its personal table, and how they grow when a declaration does.

Belongs here: DDL from declarations. Not here: what is loaded into them.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.kit.contract import Connector, Entity, Field, FieldType
from otc_pipelines.naming import personal_table, raw_schema
from otc_pipelines.warehouse import Tx, quoted

SQL_TYPES = {
    FieldType.TEXT: "text",
    FieldType.DECIMAL: "decimal(18,4)",
    FieldType.RATE: "decimal(28,10)",
    FieldType.DATE: "date",
    FieldType.TIMESTAMP: "timestamptz",
    FieldType.INTEGER: "bigint",
    FieldType.BOOLEAN: "boolean",
    FieldType.CURRENCY: "text",
}
OWN_COLUMNS = ("recorded_at", "deleted")
_STANDARD = (
    ("recorded_at", "timestamptz not null"),
    ("recorded_by_source", "boolean not null"),
    ("deleted", "boolean not null"),
    ("_extra", "text"),
    ("_key", "text not null"),
    ("_row_hash", "text not null"),
    ("_loaded_at", "timestamptz not null"),
    ("_load_id", "text not null"),
    ("_file", "text"),
    ("_line", "bigint"),
)


def business_columns(entity: Entity) -> tuple[Field, ...]:
    """The declared columns of the entity's own table: neither standard nor personal."""
    return tuple(f for f in entity.fields if f.name not in OWN_COLUMNS and not f.personal)


def raw_table(connector: str, entity: str) -> str:
    """Qualified name of an entity's raw table."""
    return f"{raw_schema(connector)}.{quoted(entity)}"


def raw_personal(connector: str, entity: str) -> str:
    """Qualified name of an entity's personal table."""
    return f"{raw_schema(connector)}.{quoted(personal_table(entity))}"


def ensure_tables(tx: Tx, connectors: Iterable[Connector]) -> None:
    """Make the raw tables that these connectors declare, and add columns that a declaration has gained."""
    existing: dict[tuple[str, str], set[str]] = {}
    for row in tx.rows(
        "select table_schema, table_name, column_name from information_schema.columns where table_schema like 'raw_%'"
    ):
        existing.setdefault((row["table_schema"], row["table_name"]), set()).add(row["column_name"])
    schemas = {row["schema_name"] for row in tx.rows("select schema_name from information_schema.schemata")}
    for connector in connectors:
        schema = raw_schema(connector.name)
        if schema not in schemas:
            tx.execute(f"create schema {schema}")
        for entity in connector.entities:
            wanted = [("source_system", "text not null")]
            wanted += [(f.name, SQL_TYPES[f.type]) for f in business_columns(entity)]
            wanted += [("person", "text")] if entity.personal else []
            _ensure(tx, schema, entity.name, [*wanted, *_STANDARD], existing)
            if entity.personal:
                personal = [("person", "text not null"), ("source_system", "text not null")]
                personal += [(f.name, SQL_TYPES[f.type]) for f in entity.personal]
                _ensure(
                    tx,
                    schema,
                    personal_table(entity.name),
                    [*personal, ("_loaded_at", "timestamptz not null")],
                    existing,
                )


def _ensure(
    tx: Tx, schema: str, table: str, columns: list[tuple[str, str]], existing: dict[tuple[str, str], set[str]]
) -> None:
    found = existing.get((schema, table))
    if found is None:
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
        tx.execute(f"create table {schema}.{quoted(table)} ({listed})")
        tx.index(f"{schema}.{quoted(table)}", ["_key"] if "_key" in dict(columns) else ["person"])
        return
    for name, kind in columns:
        if name not in found:
            tx.execute(
                f"alter table {schema}.{quoted(table)} add column {quoted(name)} {kind.removesuffix(' not null')}"
            )
