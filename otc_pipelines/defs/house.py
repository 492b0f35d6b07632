"""All rooms put together: the one seam through which definitions are made, for Dagster, the demo and tests.

Belongs here: the assembly. Not here: any asset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from otc_pipelines.defs.cash_application import decision_asset
from otc_pipelines.defs.extract import configuration_asset, source_assets, totals_asset
from otc_pipelines.defs.extract.sources import RETRIES
from otc_pipelines.defs.failures import lines
from otc_pipelines.defs.gate import gate_checks
from otc_pipelines.defs.post import ledger_asset
from otc_pipelines.defs.publish import close_asset, published_asset
from otc_pipelines.defs.reverse_sync import sync_assets
from otc_pipelines.defs.schedules import alert_sensors, file_sensors, follow_ups, jobs_of, schedules
from otc_pipelines.defs.steps import RESOURCE, pass_resource, silent
from otc_pipelines.defs.transform import model_assets
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import manifest as parse
from otc_pipelines.flow.run import Pass
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse import Warehouse


def build_defs(
    instance: Instance | None = None,
    *,
    current: Pass | None = None,
    manifest: Mapping[str, Any] | None = None,
    retries: dg.RetryPolicy = RETRIES,
) -> dg.Definitions:
    """Return the definitions of an instance (of ``OTC_CONFIG``, where none is given).

    ``current``: the pass that every run belongs to, instead of one a run; it tells of itself. ``manifest``: the dbt
    project, parsed already. ConfigError in one line where the configuration is wrong.
    """
    instance = instance or load()
    stored = Warehouse.of(instance).kind
    models = model_assets(instance, parse(Flow(instance)) if manifest is None else manifest)
    jobs = jobs_of(delivers=bool(instance.targets))
    return dg.Definitions(
        assets=[
            configuration_asset(stored),
            *source_assets(instance, retries),
            totals_asset(instance, stored),
            models,
            ledger_asset(stored),
            decision_asset(stored),
            published_asset([key for key in models.keys if key.path[0] == "marts"], stored),
            close_asset(),
            *sync_assets(instance),
        ],
        asset_checks=gate_checks(models.keys),
        jobs=list(jobs),
        schedules=schedules(instance, jobs),
        sensors=[*follow_ups(jobs), *file_sensors(instance, jobs.pull), *alert_sensors(instance)],
        resources={RESOURCE: pass_resource(instance, current)},
        executor=dg.in_process_executor,
        loggers={"silent": silent, "console": lines if current is None else silent},
    )
