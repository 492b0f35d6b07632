"""What reading tests share: running a resource, and what the simulator should give."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.crm.salesforce.catalogue import TABLES
from connectors.crm.salesforce.client import SalesforceClient
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.source import batches
from connectors.kit.contract import Batch, Cursor


def read(settings: SalesforceSettings, entity: str = "accounts", cursor: Cursor | None = None) -> list[Batch]:
    """Read an entity to its end."""
    with SalesforceClient(settings, sleep=lambda seconds: None) as client:
        return [found for found in batches(client, TABLES[entity], cursor) if isinstance(found, Batch)]


def rows_of(found: list[Batch]) -> list[dict[str, Any]]:
    """All rows of some batches."""
    return [row for batch in found for row in batch.rows.to_pylist()]


def names(found: list[Batch]) -> Counter[str]:
    """How often each name came."""
    return Counter(str(row["name"]) for row in rows_of(found))


def accounts(count: int, **fields: Any) -> dict[str, list[dict[str, Any]]]:
    """So many accounts A0, A1, … with keys C-0, C-1, …"""
    return {"Account": [{"Name": f"A{n}", "OTC_Customer_Key__c": f"C-{n}", **fields} for n in range(count)]}
