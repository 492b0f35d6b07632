"""What the sources say of their own rows and amounts, as a table that models compare with what landed."""

from collections.abc import Iterator

import dagster as dg

from otc_pipelines.defs.steps import RESOURCE, current_pass
from otc_pipelines.naming import OWNERS, raw_asset
from otc_pipelines.settings import Instance

TOTALS = dg.AssetKey(["ops", "source_total"])


def totals_asset(instance: Instance, stored: str) -> dg.AssetsDefinition:
    """The table of what sources count. Each source's own step keeps its rows (``landing/totals``); this one tells."""
    spec = dg.AssetSpec(
        TOTALS,
        deps=[
            dg.AssetKey(raw_asset(source.name, entity.name))
            for source in instance.sources
            for entity in instance.connector_of(source).entities
        ],
        group_name="extract",
        owners=[OWNERS["extract"]],
        kinds={stored},
        description="What each source last said of its own rows and amounts, beside what had landed of it then.",
    )

    @dg.multi_asset(specs=[spec], name="source_totals", required_resource_keys={RESOURCE})
    def source_totals(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with current_pass(context).flow.warehouse.reading() as tx:
            counted = tx.rows(
                """select count(*) as kept, count(distinct source_system) as sources,
                    count(case when reason is not null then 1 end) as unchecked from ops.source_total"""
            )[0]
        yield dg.MaterializeResult(
            TOTALS,
            metadata={
                "dagster/row_count": counted["kept"],
                "sources": counted["sources"],
                "not checked": counted["unchecked"],
            },
        )

    return source_totals
