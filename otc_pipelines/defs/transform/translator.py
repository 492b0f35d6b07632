"""What a dbt model is called, belongs to and depends on as an asset.

Belongs here: names. Not here: running dbt. A raw table of one connector may hold several sources: a staging model
depends on that entity of each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from otc_pipelines.naming import OWNERS, raw_asset
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse

LAYERS = {"staging": "stage", "conformed": "conform", "marts": "marts", "outbound": "gate"}
"""Schema of a model → its asset group. What would leave the house stands where it is judged."""

# A table of no other model waits for this too and is made with the other marts. Made before, it would be made once more
# by the next pass: tables stand while all rows do that passes keep, and what matching keeps comes later.
_MATCHED = dg.AssetKey(["ops", "match_decision"])
_FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=3))


def model_key(schema: str, name: str) -> dg.AssetKey:
    """Asset key of a dbt model."""
    return dg.AssetKey([schema, name])


class Translator(DagsterDbtTranslator):  # type: ignore[misc]  # the library carries no types
    """Names, groups, owners and dependencies of the models of one instance."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_metadata=False))
        self._stored = Warehouse.of(instance).kind
        self._sources: dict[str, list[str]] = {}
        for source in instance.sources:
            self._sources.setdefault(f"raw_{source.connector}", []).append(source.name)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """Return the asset of a model, its raw dependencies being those of the configured sources."""
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] != "model":
            return spec
        deps: dict[dg.AssetKey, dg.AssetDep] = {}
        for upstream in props["depends_on"]["nodes"]:
            for key in self._upstream(manifest, upstream):
                deps[key] = dg.AssetDep(key)
        layer = LAYERS[props["config"]["schema"]]
        view = props["config"]["materialized"] == "view"
        if layer == "marts" and not view and not any(n.startswith("model.") for n in props["depends_on"]["nodes"]):
            deps[_MATCHED] = dg.AssetDep(_MATCHED)
        return spec.replace_attributes(
            deps=list(deps.values()),
            kinds={"dbt", self._stored, "view" if view else "table"},
            owners=[OWNERS[layer]],
            tags={"layer": layer},
            freshness_policy=_FRESH if layer in ("marts", "gate") and not view else None,
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """``schema/name``, as in the warehouse."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return model_key(dbt_resource_props["config"]["schema"], dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The flow's own group of a model's layer."""
        return LAYERS.get(dbt_resource_props["config"].get("schema") or "")

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own description; the SQL is in the project."""
        return str(dbt_resource_props.get("description") or "")

    def _upstream(self, manifest: Mapping[str, Any], unique_id: str) -> list[dg.AssetKey]:
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] == "source" and props["source_name"] in self._sources:
            entity = props["name"].removesuffix("__personal")
            return [dg.AssetKey(raw_asset(name, entity)) for name in self._sources[props["source_name"]]]
        return [self.get_asset_key(props)]
