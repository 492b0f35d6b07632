"""Extract: what each configured source gives, landed as it came, an asset an entity; and what it counts itself."""

from otc_pipelines.defs.extract.configuration import CONFIGURED, configuration_asset
from otc_pipelines.defs.extract.sources import source_assets
from otc_pipelines.defs.extract.totals import TOTALS, totals_asset

__all__ = ["CONFIGURED", "TOTALS", "configuration_asset", "source_assets", "totals_asset"]
