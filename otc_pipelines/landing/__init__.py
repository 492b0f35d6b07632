"""From a connector's items to committed rows: validate, redact, package with dlt, load in one transaction, quarantine.

The property that counts: rows, cursor and load record become visible in one transaction; a replay is a no-op; nothing
that a process leaves behind in a local folder is needed.
"""

from otc_pipelines.landing.land import EntityLoad, LandingReport, land
from otc_pipelines.landing.quarantine import QuarantinedRow, quarantined, replay

__all__ = ["EntityLoad", "LandingReport", "QuarantinedRow", "land", "quarantined", "replay"]
