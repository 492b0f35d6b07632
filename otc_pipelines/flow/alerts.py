"""Alerts: something failed that a person must look at. Always to the log; to a file of JSON lines where one is named.

Belongs here: writing one down. Not here: deciding what is worth one (sensors, the flow).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from connectors.kit.errors import FatalError
from connectors.kit.redact import redact_text
from otc_pipelines.settings import Instance

_log = logging.getLogger(__name__)

Kind = Literal["run_failed", "gate_failed"]


def alert(instance: Instance, kind: Kind, subject: str, message: str) -> None:
    """Tell that ``subject`` failed and why, in one line. FatalError when the configured file cannot be written."""
    said = redact_text(" ".join(message.split()))
    _log.error("%s: %s: %s", kind, subject, said)
    if instance.alerts.file is None:
        return
    path = instance.path.parent / instance.alerts.file
    line = {"at": datetime.now(UTC).isoformat(), "kind": kind, "subject": subject, "message": said}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as problem:
        raise FatalError(f"alerts.file {path} cannot be written: {problem.strerror or problem}; name another") from None
