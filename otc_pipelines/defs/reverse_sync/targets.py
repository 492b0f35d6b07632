"""Each object of each target: planned and shown in a dry run, delivered where the target means it.

Belongs here: the asset and what it shows. Not here: whether it may be delivered; delivery itself asks for the verdict
of exactly these rows, also when this asset is materialised alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from otc_pipelines.defs import shown
from otc_pipelines.defs.publish import PUBLISHED
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished, numbers
from otc_pipelines.defs.transform import model_key
from otc_pipelines.flow.sync import deliver_object, plan_targets
from otc_pipelines.naming import OWNERS, outbound_model, sync_asset
from otc_pipelines.settings import Instance, Target

_PREVIEW_ROWS = 5
_TIE_OUT = model_key("marts", "fct_tie_out")


def sync_assets(instance: Instance) -> list[dg.AssetsDefinition]:
    """An asset for each object of each configured target."""
    return [_object(instance, target, name) for target in instance.targets for name in target.objects]


def _object(instance: Instance, target: Target, object_name: str) -> dg.AssetsDefinition:
    connector = instance.source(target.source).connector
    mode = "Delivered" if target.mode == "deliver" else "Planned only (dry run)"

    @dg.asset(
        key=dg.AssetKey(sync_asset(target.name, object_name)),
        deps=[model_key("outbound", outbound_model(connector, object_name)), _TIE_OUT, PUBLISHED],
        group_name="reverse_sync",
        owners=[OWNERS["reverse_sync"]],
        kinds={"python", connector},
        tags={"target": target.name, "mode": target.mode},
        op_tags={"target": target.name},
        required_resource_keys={RESOURCE},
        description=f"{mode}: {object_name} in {target.name}. Refused without a passing verdict for exactly its rows.",
        metadata={"max_changes": target.limits.max_changes, "on_conflict": target.on_conflict},
    )
    def synced(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        current = current_pass(context)
        name = f"{target.name}/{object_name}"
        if target.mode == "dry_run":
            planned = attempted(current, "plan", name, lambda: plan_targets(current.flow, target.name))
            rows = [r for r in planned if r["object"] == object_name]
            return dg.MaterializeResult(metadata={"mode": "dry run, nothing was written", **_shown(rows)})
        report, rows = attempted(current, "deliver", name, lambda: deliver_object(current.flow, target, object_name))
        finished(current, report)
        said = {"mode": "deliver", "note": report.message}
        return dg.MaterializeResult(metadata={**said, **numbers(report), **_shown(rows)})

    return synced


def _shown(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    actions = Counter(r["action"] for r in rows)
    statuses = Counter(r["status"] for r in rows if r["action"] != "skip")
    changes = [r for r in rows if r["action"] != "skip"][:_PREVIEW_ROWS]
    return {
        **{action: actions[action] for action in ("create", "update", "skip")},
        **dict(sorted(statuses.items())),
        "changes": shown.table(changes, ("key", "action", "status", "fields", "reason")),
    }
