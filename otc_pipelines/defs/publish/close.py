"""The close of a day as an asset: aging by document, frozen, its hash audited."""

from collections.abc import Iterator

import dagster as dg

from otc_pipelines.defs.publish.marts import PUBLISHED
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass
from otc_pipelines.flow.close import close_of_day
from otc_pipelines.flow.context import StepReport
from otc_pipelines.naming import OWNERS

CLOSE = dg.AssetKey(["close", "aging"])


def close_asset() -> dg.AssetsDefinition:
    """Aging by document as the day ended, in a file that is never overwritten."""

    @dg.asset(
        key=CLOSE,
        deps=[PUBLISHED],
        group_name="marts",
        owners=[OWNERS["gate"]],
        kinds={"parquet", "python"},
        tags={"layer": "close"},
        required_resource_keys={RESOURCE},
        output_required=False,
        description="Who owed what when the day ended, by document. Never overwritten; its SHA-256 is audited. The"
        " job close_of_day closes it, or materializing this asset alone; among others it is passed over.",
    )
    def closed_day(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        if (context.run.asset_selection or {CLOSE}) != {CLOSE}:
            context.log.info("The day is not closed among others: materialize this asset alone, or run close_of_day.")
            return
        current = current_pass(context)
        written = attempted(current, "close", "aging", lambda: close_of_day(current.flow))
        said = written.path.name
        current.done(StepReport("close", "aging", rows_new=written.rows, seconds=written.seconds, message=said))
        yield dg.MaterializeResult(
            metadata={
                "as_of": written.day.isoformat(),
                "rows_new": written.rows,
                "file": dg.MetadataValue.path(str(written.path)),
                "sha256": written.sha256,
            }
        )

    return closed_day
