"""A finance system calls nobody: the telemetry of every library is off before that library is imported.

Each name is the library's own documented switch. Run once, at the import of the package; a test watches the sockets.
"""

from __future__ import annotations

import os

SWITCHES = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",  # dlt
    "DAGSTER_DISABLE_TELEMETRY": "yes",  # dagster
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",  # dbt
    "DO_NOT_TRACK": "1",  # dbt and others
    "GX_ANALYTICS_ENABLED": "false",  # great-expectations
}


def silence() -> None:
    """Set every switch; a user's own contrary setting does not win."""
    os.environ.update(SWITCHES)
