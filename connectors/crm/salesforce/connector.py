"""The declaration of the Salesforce connector, and what ``otc check`` tries."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.crm.salesforce.catalogue import ENTITIES, TABLES, WRITABLE
from connectors.crm.salesforce.client import SalesforceClient
from connectors.crm.salesforce.schema import absent_columns, require_writable
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.source import source
from connectors.crm.salesforce.totals import counting
from connectors.crm.salesforce.writer import writer
from connectors.kit.contract import Capability, CheckResult, Connector, Role
from connectors.kit.errors import ConfigError, ConnectorError


def check(settings: SalesforceSettings) -> Iterator[CheckResult]:
    """Sign in, then hold each object against what is needed. One line each; nothing is written."""
    with SalesforceClient(settings) as client:
        try:
            client.sign_in()
            yield CheckResult("sign in", True, f"signed in at {client.host}")
        except ConnectorError as error:
            yield CheckResult("sign in", False, str(error))
            return
        for name in settings.entities:
            try:
                absent = absent_columns(client, TABLES[name])
                yield CheckResult(
                    f"read {name}", True, f"without {', '.join(sorted(absent))}" if absent else "all fields"
                )
            except ConnectorError as error:
                yield CheckResult(f"read {name}", False, str(error))
        for target in WRITABLE.values():
            try:
                require_writable(client, target)
                yield CheckResult(f"write {target.name}", True, f"{target.vendor} by {target.external_id}")
            except ConfigError as error:
                yield CheckResult(f"write {target.name}", True, f"not ready, needed only as a target: {error}")
            except ConnectorError as error:
                yield CheckResult(f"write {target.name}", False, str(error))


CONNECTOR = Connector(
    name="salesforce",
    role=Role.CRM,
    title="Salesforce",
    settings=SalesforceSettings,
    entities=ENTITIES,
    source=source,
    check=check,
    capabilities=frozenset({Capability.INCREMENTAL, Capability.DELETES_FEED, Capability.WRITES, Capability.TOTALS}),
    counting=counting,
    writer=writer,
    simulator="connectors.crm.salesforce.simulator:main_serve",
    outbound_fields={w.name: {f.name: f.vendor for f in w.fields} for w in WRITABLE.values()},
)
