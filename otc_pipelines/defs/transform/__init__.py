"""Stage, conform, marts, outbound: the dbt project as assets, its shape tests as checks."""

from otc_pipelines.defs.transform.models import model_assets
from otc_pipelines.defs.transform.translator import Translator, model_key

__all__ = ["Translator", "model_assets", "model_key"]
