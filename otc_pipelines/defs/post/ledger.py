"""The ledger's movements: append-only, the one source of every balance."""

import dagster as dg

from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished, numbers
from otc_pipelines.defs.transform import model_key
from otc_pipelines.flow.posting import post
from otc_pipelines.naming import OWNERS

MOVEMENTS = dg.AssetKey(["ops", "ar_movement"])
_READ = ("documents", "installments", "receipts", "receipt_events", "allocations", "adjustments", "fx_rates")


def ledger_asset(stored: str) -> dg.AssetsDefinition:
    """``ops.ar_movement``, posted from the versions that were loaded since the last posting."""

    @dg.asset(
        key=MOVEMENTS,
        deps=[model_key("conformed", f"int_{entity}__unioned") for entity in _READ],
        group_name="post",
        owners=[OWNERS["post"]],
        kinds={"python", stored},
        tags={"layer": "post"},
        required_resource_keys={RESOURCE},
        description=(
            "Signed movements on instalments and unapplied balances, append-only, with the day that each is effective, "
            "the moment that it was recorded and the moment that it was loaded."
        ),
    )
    def ar_movement(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        current = current_pass(context)
        report = finished(current, attempted(current, "post", "ledger", lambda: post(current.flow)))
        with current.flow.warehouse.reading() as tx:
            kept = tx.scalar("select count(*) from ops.ar_movement")
        said = {"note": report.message} if report.message else {}
        return dg.MaterializeResult(metadata={**numbers(report), "dagster/row_count": kept, **said})

    return ar_movement
