"""Why a step of Dagster failed, in one line, for people: in alerts, and on the terminal of whoever serves the UI.

Belongs here: the words of a failure, and the logger that prints them. Not here: who is told (``schedules/alerting``).
"""

import logging
from typing import Any

import dagster as dg


def why(event: dg.DagsterEvent) -> str:
    """A failure of ours in its own line; of a defect no more than what it was, for it may quote a row."""
    data: Any = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error and (data.error.cause or data.error)
    return f"it broke: {error.cls_name or 'unknown'}; it is a defect" if error else "it failed"


class OneLine(logging.Formatter):
    """When, which run, and what: Dagster's own lines put a stack under a failure that says all in its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        about: dict[str, Any] = getattr(record, "dagster_meta", {})
        event: dg.DagsterEvent | None = about.get("dagster_event")
        said = str(about.get("orig_message") or record.getMessage())
        if event is not None and event.is_step_failure:
            said = f"{event.step_key}: {why(event)}"
        where = f"{about.get('job_name') or 'run'} {str(about.get('run_id') or '')[:8]}".strip()
        return f"{self.formatTime(record)} {record.levelname:<7} {where}: {' '.join(said.split())}"


@dg.logger(config_schema={}, description="A line each; the whole story of a run is in its events.")
def lines(_context: dg.InitLoggerContext) -> logging.Logger:
    """Print what a run says, and why it failed, in lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    printing = logging.Logger("otc.lines", level=logging.INFO)
    printing.addHandler(handler)
    return printing
