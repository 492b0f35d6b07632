"""Declaration of the SQL connector."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.erp.sql.settings import SqlSettings
from connectors.erp.sql.source import CURSOR, entity_views, source
from connectors.erp.sql.totals import counting
from connectors.kit.contract import Capability, CheckResult, Connector, Role
from connectors.kit.errors import ConnectorError
from connectors.kit.receivables import RECEIVABLES
from connectors.kit.sql import Database


def check(settings: SqlSettings) -> Iterator[CheckResult]:
    """Connect, and say of each entity's view whether it has the columns that a row needs."""
    try:
        with Database(settings.url.get_secret_value()) as database:
            found = entity_views(database, settings)
    except ConnectorError as error:
        yield CheckResult("database", False, str(error))
        return
    yield CheckResult("database", True, f"{len(found)} views")
    for each in found:
        missing = [f.name for f in each.entity.fields if f.required and f.name not in each.columns]
        how = "incremental" if CURSOR in each.columns else f"read whole, it has no {CURSOR}"
        text = f"add the columns {', '.join(missing)}" if missing else how
        yield CheckResult(f"view {each.view.title}", not missing, text)


CONNECTOR = Connector(
    name="sql",
    role=Role.ERP,
    title="Views of any SQL database",
    settings=SqlSettings,
    entities=RECEIVABLES,
    source=source,
    check=check,
    capabilities=frozenset({Capability.INCREMENTAL, Capability.DELETES_SWEEP, Capability.TOTALS}),
    counting=counting,
)
