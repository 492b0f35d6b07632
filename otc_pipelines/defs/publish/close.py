"""The close of a day as an asset: aging by document, frozen, its hash audited."""

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
        description="Who owed what when the day ended, by document. Never overwritten; its SHA-256 is audited.",
    )
    def closed_day(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        current = current_pass(context)
        written = attempted(current, "close", "aging", lambda: close_of_day(current.flow))
        said = written.path.name
        current.done(StepReport("close", "aging", rows_new=written.rows, seconds=written.seconds, message=said))
        return dg.MaterializeResult(
            metadata={
                "as_of": written.day.isoformat(),
                "rows_new": written.rows,
                "file": dg.MetadataValue.path(str(written.path)),
                "sha256": written.sha256,
            }
        )

    return closed_day
