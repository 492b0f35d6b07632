"""The dbt project as one op that Dagster splits where posting and matching stand between its models.

Belongs here: what is selected, and results as materialisations and checks. Not here: how dbt is run.
"""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from connectors.kit.errors import FatalError
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass
from otc_pipelines.defs.transform.translator import LAYERS, Translator
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import transform_models
from otc_pipelines.settings import Instance
from otc_pipelines.transform import STANDING, NodeResult, TransformReport

Result = dg.MaterializeResult[None] | dg.AssetCheckResult


def model_assets(instance: Instance, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Every model of the configured connectors."""

    @dbt_assets(  # type: ignore[untyped-decorator]  # the library carries no types
        manifest=manifest,
        exclude="resource_type:seed",  # for those who run dbt by hand
        dagster_dbt_translator=Translator(instance),
        name="models",
        required_resource_keys={RESOURCE},
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Result]:
        current = current_pass(context)
        keys = {key.path[-1]: key for key in context.selected_asset_keys}
        name = _part(keys.values())
        step, report = attempted(current, "transform", name, lambda: transform_models(current.flow, name, sorted(keys)))
        current.done(step)
        order = list(TopologicalSorter(context.assets_def.asset_deps).static_order())
        yield from _materialised(current.flow, report, keys, order)
        yield from _checked(report, {c.name: c for c in context.selected_asset_check_keys})
        if not all(m.ok for m in report.models) or len(report.models) < len(keys):
            raise dg.Failure(step.message, allow_retries=False)

    made: dg.AssetsDefinition = models
    return made


def _part(keys: Any) -> str:
    """The layers that are built, in flow order: what the step is called."""
    found = {key.path[0] for key in keys}
    return ", ".join(layer for layer in LAYERS if layer in found)


def _materialised(
    flow: Flow, report: TransformReport, keys: Mapping[str, dg.AssetKey], order: list[dg.AssetKey]
) -> Iterator[Result]:
    tables = [m for m in report.models if m.ok and m.schema in _kept(flow)]
    rows = _rows(flow, tables)
    made = [m for m in report.models if m.ok and m.name in keys]
    for model in sorted(made, key=lambda m: order.index(keys[m.name])):
        said: dict[str, Any] = {"seconds": round(model.seconds, 3), "built": model.status != STANDING}
        said |= {"dagster/row_count": rows[model.name]} if model.name in rows else {}
        yield dg.MaterializeResult(keys[model.name], metadata=said)


def _kept(flow: Flow) -> tuple[str, str]:
    """Schemas whose models are tables."""
    return flow.warehouse.marts_built_in, "outbound"


def _rows(flow: Flow, models: list[NodeResult]) -> dict[str, int]:
    """Rows of the models that are tables; a view is not computed only to count it."""
    with flow.warehouse.reading() as tx:
        kept = {
            r["table_name"]
            for r in tx.rows(
                """select table_name from information_schema.tables
                where table_schema in (:marts, :outbound) and table_type = 'BASE TABLE'""",
                **dict(zip(("marts", "outbound"), _kept(flow), strict=True)),
            )
        }
        return {
            m.name: tx.scalar(f'select count(*) from {m.schema}."{m.name}"')  # noqa: S608
            for m in models
            if m.name in kept
        }


def _checked(report: TransformReport, checks: Mapping[str, dg.AssetCheckKey]) -> Iterator[Result]:
    for result in report.results:
        key = checks.get(result.name)
        if result.kind != "test" or key is None or result.status == "skipped":
            continue
        if result.status in ("error", "runtime error") and not result.message:
            raise FatalError(f"test {result.name} could not be run")
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result.ok and result.status != "warn",
            severity=dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR,
            description=result.message or None,
            metadata={"seconds": round(result.seconds, 3), "status": result.status},
        )
