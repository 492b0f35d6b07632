"""Names that people see: schemas, asset groups in flow order, owners, kinds, tags.

One place, so that the Dagster UI, the warehouse and the documentation say the same.
"""

from __future__ import annotations

SCHEMAS = ("staging", "conformed", "marts", "outbound", "ops")

GROUPS = ("extract", "stage", "conform", "post", "match", "marts", "gate", "reverse_sync")
"""Asset groups in the order in which data flows; each is a folder or a layer of the house."""

OWNERS = {
    "extract": "team:data-engineering",
    "stage": "team:data-engineering",
    "conform": "team:data-engineering",
    "post": "team:receivables",
    "match": "team:receivables",
    "marts": "team:receivables",
    "gate": "team:controllership",
    "reverse_sync": "team:revenue-operations",
}

WHOLE_BATCH = "*"
"""Suite name under which the gates store the verdict over all suites that guard a batch."""
BY_COMMAND, BY_DAGSTER = "otc run", "dagster"
"""What runs steps, as alerts tell them apart: the command by itself, or Dagster's jobs."""


def raw_schema(connector: str) -> str:
    """Schema that a connector's rows land in."""
    return f"raw_{connector}"


def raw_asset(source: str, entity: str) -> tuple[str, str, str]:
    """Asset key of one entity of one configured source."""
    return ("raw", source, entity)


def personal_table(entity: str) -> str:
    """Table beside an entity's own that keeps what identifies a person."""
    return f"{entity}__personal"


def outbound_model(connector: str, object_name: str) -> str:
    """The dbt model whose rows are exactly what would leave the house."""
    return f"sync_{connector}__{object_name}"


def sync_asset(target: str, object_name: str) -> tuple[str, str, str]:
    """Asset key of one object of one configured target."""
    return ("sync", target, object_name)
