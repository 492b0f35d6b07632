"""From a connector's items to committed rows: validate, redact, package with dlt, load in one transaction, quarantine.

The property that counts: rows, cursor and load record become visible in one transaction; a replay is a no-op; nothing
that a process leaves behind in a local folder is needed.
"""

from otc_pipelines.landing.land import EntityLoad, LandingReport, land
from otc_pipelines.landing.quarantine import QuarantinedRow, quarantined, replay
from otc_pipelines.landing.totals import Holding, hold_against_source

__all__ = [
    "EntityLoad",
    "Holding",
    "LandingReport",
    "QuarantinedRow",
    "hold_against_source",
    "land",
    "quarantined",
    "replay",
]
