"""An op a source, an asset an entity: what came, what was new, what was set aside and why, and a look at it.

Belongs here: showing what landing did. Not here: landing. The preview has no personal column: those are in tables of
their own, and unknown columns may hold anything.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from connectors.kit.contract import Connector, Entity
from otc_pipelines.defs import shown
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished
from otc_pipelines.flow.context import StepReport
from otc_pipelines.flow.extract import extract
from otc_pipelines.naming import OWNERS, raw_asset, raw_schema
from otc_pipelines.settings import Instance, Source
from otc_pipelines.warehouse import Tx

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=2))
RETRIES = dg.RetryPolicy(max_retries=2, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_PREVIEW_ROWS = 5
_PREVIEW_COLUMNS = 7


def source_assets(instance: Instance, retries: dg.RetryPolicy = RETRIES) -> list[dg.AssetsDefinition]:
    """The assets of every configured source."""
    return [_source(source, instance.connector_of(source), retries) for source in instance.sources]


def _source(source: Source, connector: Connector, retries: dg.RetryPolicy) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            raw_asset(source.name, entity.name),
            group_name="extract",
            owners=[OWNERS["extract"]],
            kinds={"dlt", connector.name},
            tags={"role": connector.role.value, "connector": connector.name, "source": source.name},
            description=f"{entity.description or entity.name} From {source.name} ({connector.title}).",
            metadata={"dagster/table_name": _table(connector, entity), "key": ", ".join(entity.key)},
            freshness_policy=FRESH,
        )
        for entity in connector.entities
    ]

    @dg.multi_asset(
        specs=specs,
        name=f"extract_{source.name}",
        required_resource_keys={RESOURCE},
        retry_policy=retries,
        op_tags={"connector": connector.name},
        can_subset=False,
    )
    def landed(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        current = current_pass(context)
        report = finished(current, attempted(current, "extract", source.name, lambda: extract(current.flow, source)))
        with current.flow.warehouse.reading() as tx:
            seen = [_metadata(tx, source, connector, entity, report) for entity in connector.entities]
        for entity, metadata in zip(connector.entities, seen, strict=True):
            yield dg.MaterializeResult(dg.AssetKey(raw_asset(source.name, entity.name)), metadata=metadata)

    return landed


def _table(connector: Connector, entity: Entity) -> str:
    return f"{raw_schema(connector.name)}.{entity.name}"


def _metadata(tx: Tx, source: Source, connector: Connector, entity: Entity, report: StepReport) -> dict[str, Any]:
    counts = report.facts["entities"].get(entity.name, {"rows_in": 0, "rows_new": 0, "quarantined": 0})
    table = _table(connector, entity)
    columns = [f.name for f in entity.columns if not f.personal][:_PREVIEW_COLUMNS]
    listed = ", ".join(f'"{c}"' for c in columns)
    kept = tx.scalar(f"select count(*) from {table} where source_system = :s", s=source.name)  # noqa: S608
    last = tx.rows(
        f"""select {listed} from {table} where source_system = :s and not deleted
        order by _loaded_at desc, _key limit {_PREVIEW_ROWS}""",  # noqa: S608
        s=source.name,
    )
    reasons = tx.rows(
        """select reason, count(*) as rows from ops.quarantine
        where source_system = :s and entity = :e and status = 'open' and stage <> 'posting'
        group by reason order by count(*) desc, reason limit 5""",
        s=source.name,
        e=entity.name,
    )
    return {
        **counts,
        "dagster/row_count": kept,
        "source bytes": report.facts["bytes"],
        "source seconds": round(report.seconds, 3),
        "preview": shown.table(last, columns),
        **({"quarantine reasons": shown.table(reasons)} if reasons else {}),
        **({"note": report.message} if report.message else {}),
    }
