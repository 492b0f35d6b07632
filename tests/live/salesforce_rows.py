"""The same records as different clients write them, in one form that can be compared.

Belongs here: values by the type that the organisation's own description gives. Not here: any client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from connectors.crm.salesforce.catalogue import TABLES
from connectors.crm.salesforce.client import SalesforceClient
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator
from connectors.crm.salesforce.source import batches
from connectors.kit.contract import Batch

Rows: TypeAlias = "Counter[tuple[tuple[str, Any], ...]]"
_NUMBERS = ("double", "currency", "percent", "int")


def alike(crm: SalesforceSimulator, name: str, records: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> Rows:
    """Write records of an object as a multiset of the fields asked for."""
    types = {f: crm.org.objects[name].fields[f].type for f in fields}
    return Counter(tuple((f, _value(kind, r[f])) for f, kind in types.items()) for r in records)


def as_our_connector_reads(
    crm: SalesforceSimulator, entity: str, **options: Any
) -> tuple[list[dict[str, Any]], set[str]]:
    """All rows of an entity by our own connector, under the vendor's names, and the fields that it reads."""
    settings = SalesforceSettings.model_validate(
        {
            "login_url": crm.url,
            "client_id": crm.client_id,
            "client_secret": crm.client_secret,
            "ca_bundle": crm.ca_bundle,
            "allow_private": True,
            "poll_seconds": 0.02,
            **options,
        }
    )
    table = TABLES[entity]
    vendor = {c.field.name: c.vendor for c in table.columns}
    with SalesforceClient(settings) as client:
        read = (item for item in batches(client, table, None) if isinstance(item, Batch))  # a sweep of keys comes last
        found = [row for batch in read for row in batch.rows.to_pylist()]
    return [{vendor[n]: v for n, v in row.items()} for row in found], set(vendor.values())


def _value(kind: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if kind in _NUMBERS:
        return Decimal(str(value)).normalize()
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind == "date":
        return str(value)[:10]
    if kind == "datetime":
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    return str(value)
