"""Holds what this connector needs against what an organisation has: missing fields are named before anything is read.

Belongs here: describe against the catalogue. Not here: rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.crm.salesforce.catalogue import METADATA, Table, Writable
from connectors.crm.salesforce.client import SalesforceClient
from connectors.kit.errors import ConfigError


def absent_columns(client: SalesforceClient, table: Table) -> frozenset[str]:
    """Return our names of the optional columns that are not there; ConfigError where a needed one is missing."""
    there = client.describe(table.vendor)
    _require(client.host, table.vendor, [c.vendor for c in table.columns if not c.optional], there)
    return frozenset(c.field.name for c in table.columns if c.vendor not in there)


def require_writable(client: SalesforceClient, target: Writable) -> None:
    """Raise ConfigError unless every field of the target is there, may be changed, and the key is an external id."""
    there = client.describe(target.vendor)
    _require(client.host, target.vendor, [target.external_id, *(f.vendor for f in target.fields)], there)
    if not there[target.external_id].get("externalId"):
        raise ConfigError(f"{target.vendor}.{target.external_id} is not an external id; deploy {METADATA}")
    fixed = [f.vendor for f in target.fields if not there[f.vendor].get("updateable", True)]
    if fixed:
        raise ConfigError(
            f"{target.vendor}: {', '.join(fixed)} may not be changed by this user; assign OTC_Integration"
        )


def _require(host: str, object_name: str, needed: list[str], there: Mapping[str, Mapping[str, Any]]) -> None:
    missing = [name for name in needed if name not in there]
    custom = [name for name in missing if name.endswith("__c")]
    if custom:
        raise ConfigError(
            f"{host}: {object_name} has no {', '.join(custom)}; "
            f"deploy {METADATA} and assign permission set OTC_Integration"
        )
    if missing:
        raise ConfigError(f"{host}: {object_name}.{', '.join(missing)} cannot be seen by this user; grant read access")
