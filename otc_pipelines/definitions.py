"""The only thing that Dagster loads: the definitions of the instance that ``OTC_CONFIG`` names.

A wrong configuration is one line that names the key, the value and what is allowed.
"""

from __future__ import annotations

import dagster as dg

from connectors.kit.errors import ConnectorError
from otc_pipelines.defs.house import build_defs


def _definitions() -> dg.Definitions:
    try:
        return build_defs()
    except ConnectorError as problem:
        raise dg.DagsterInvalidDefinitionError(str(problem)) from None


defs = _definitions()
