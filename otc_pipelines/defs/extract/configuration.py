"""What ``otc.yaml`` says of legal entities and bank accounts, as tables that the models read."""

from collections.abc import Iterator

import dagster as dg

from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass
from otc_pipelines.naming import OWNERS

CONFIGURED = (dg.AssetKey(["ops", "legal_entity"]), dg.AssetKey(["ops", "bank_account"]))
_ABOUT = {
    "legal_entity": "Configured legal entities: base currency and receivables control account.",
    "bank_account": "Configured bank accounts, and the legal entity that each belongs to.",
}


def configuration_asset(stored: str) -> dg.AssetsDefinition:
    """The configuration's tables; every raw table is made too, so that models find one even of a source that fails."""
    specs = [
        dg.AssetSpec(
            key,
            group_name="extract",
            owners=[OWNERS["extract"]],
            kinds={"yaml", stored},
            tags={"role": "configuration"},
            description=_ABOUT[key.path[-1]],
        )
        for key in CONFIGURED
    ]

    @dg.multi_asset(specs=specs, name="configuration", required_resource_keys={RESOURCE})
    def configuration(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        current = current_pass(context)
        attempted(current, "configure", "configure", current.begin)
        with current.flow.warehouse.reading() as tx:
            for key in CONFIGURED:
                rows = tx.scalar(f"select count(*) from ops.{key.path[-1]}")  # noqa: S608
                yield dg.MaterializeResult(key, metadata={"dagster/row_count": rows})

    return configuration
