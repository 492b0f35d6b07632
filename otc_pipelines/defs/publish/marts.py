"""The published marts: swapped in whole, with the aging and the match rate as pictures."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg

from otc_pipelines.defs import shown
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished, numbers
from otc_pipelines.flow.charts import aging_chart, aging_numbers, match_chart, match_numbers
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import publish_marts
from otc_pipelines.naming import OWNERS
from otc_pipelines.warehouse.publish import published

PUBLISHED = dg.AssetKey(["published", "marts"])
_LOOKS = ("aging", "match rate", "tables")
_FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=3))


def published_asset(marts: Iterable[dg.AssetKey], stored: str) -> dg.AssetsDefinition:
    """The copy of every mart that BI and the command line read."""

    @dg.asset(
        key=PUBLISHED,
        deps=sorted(marts),
        group_name="marts",
        owners=[OWNERS["marts"]],
        kinds={stored, "python"},
        tags={"layer": "publish"},
        required_resource_keys={RESOURCE},
        freshness_policy=_FRESH,
        description="The marts that people read, all of one build, swapped in whole: a reader never sees half of one.",
    )
    def marts_copy(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        current = current_pass(context)
        report = finished(current, attempted(current, "publish", "marts", lambda: publish_marts(current.flow)))
        counted = {**numbers(report), "bytes": report.facts["bytes"]}
        looks = _shown_last(context.instance) if report.facts["stood"] else {}
        return dg.MaterializeResult(metadata={**counted, **(looks or _looks(current.flow))})

    return marts_copy


def _shown_last(record: dg.DagsterInstance) -> dict[str, Any]:
    """What the last materialisation looked like: the same as now, where the copy stood. Empty where it is not known."""
    last = record.get_latest_materialization_event(PUBLISHED)
    seen = last.asset_materialization.metadata if last and last.asset_materialization else {}
    return {name: seen[name] for name in _LOOKS} if all(name in seen for name in _LOOKS) else {}


def _looks(flow: Flow) -> dict[str, Any]:
    with published(flow.warehouse) as tx:
        names = [
            r["table_name"]
            for r in tx.rows(
                "select table_name from information_schema.tables where table_schema = 'marts' order by table_name"
            )
        ]
        tables = [{"table": n, "rows": tx.scalar(f'select count(*) from marts."{n}"')} for n in names]  # noqa: S608
    return {
        "aging": shown.picture(aging_chart(aging_numbers(flow)), "Receivables by days late"),
        "match rate": shown.picture(match_chart(match_numbers(flow)), "Cash application by rule"),
        "tables": shown.table(tables),
    }
