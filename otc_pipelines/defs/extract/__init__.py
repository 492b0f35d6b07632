"""Extract: what each configured source gives, landed as it came, an asset an entity."""

from otc_pipelines.defs.extract.configuration import CONFIGURED, configuration_asset
from otc_pipelines.defs.extract.sources import source_assets

__all__ = ["CONFIGURED", "configuration_asset", "source_assets"]
