"""The ledger's movements: append-only, the one source of every balance."""

from collections.abc import Iterator, Sequence

import dagster as dg

from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished, numbers
from otc_pipelines.defs.transform import model_key
from otc_pipelines.flow.posting import post
from otc_pipelines.naming import OWNERS

MOVEMENTS = dg.AssetKey(["ops", "ar_movement"])
_READ = ("documents", "installments", "receipts", "receipt_events", "allocations", "adjustments", "fx_rates")


_KEPT = {
    "aging_snapshot": "Aging of past days by customer, currency and bucket: as first taken, and each time restated.",
    "aging_snapshot_day": "Past days whose aging was taken, and when first.",
}


def ledger_asset(stored: str) -> dg.AssetsDefinition:
    """``ops.ar_movement``, posted from the versions that were loaded since the last posting, and what is kept of it."""

    def spec(key: dg.AssetKey, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            key,
            deps=deps,
            group_name="post",
            owners=[OWNERS["post"]],
            kinds={"python", stored},
            tags={"layer": "post"},
            description=description,
        )

    movements = (
        "Signed movements on instalments and unapplied balances, append-only, with the day that each is effective, "
        "the moment that it was recorded and the moment that it was loaded."
    )
    read = [model_key("conformed", f"int_{entity}__unioned") for entity in _READ]

    @dg.multi_asset(
        name="ops__ar_movement",
        specs=[
            spec(MOVEMENTS, read, movements),
            *(spec(dg.AssetKey(["ops", name]), [MOVEMENTS], said) for name, said in _KEPT.items()),
        ],
        can_subset=True,
        required_resource_keys={RESOURCE},
    )
    def ar_movement(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        current = current_pass(context)
        report = finished(current, attempted(current, "post", "ledger", lambda: post(current.flow)))
        said = {"note": report.message} if report.message else {}
        for key in sorted(context.selected_asset_keys, key=lambda k: (k != MOVEMENTS, k)):  # what others are made of
            with current.flow.warehouse.reading() as tx:
                kept = tx.scalar(f"select count(*) from ops.{key.path[-1]}")  # noqa: S608
            counted = {**numbers(report), **said} if key == MOVEMENTS else {}
            yield dg.MaterializeResult(asset_key=key, metadata={**counted, "dagster/row_count": kept})

    return ar_movement
