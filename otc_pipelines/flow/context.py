"""What a pass works with, and what each of its steps reports.

Belongs here: the values that steps share. Not here: any step.
"""

from __future__ import annotations

import getpass
import os
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connectors.kit.contract import Connector
from connectors.registry import connector
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse


def current_actor() -> str:
    """Who runs this: ``OTC_ACTOR``, else the user of the process."""
    try:
        return os.environ.get("OTC_ACTOR") or getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@dataclass(frozen=True)
class Flow:
    """One pass over one instance: its warehouse, who runs it, its own id."""

    instance: Instance
    actor: str = field(default_factory=current_actor)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The instance's warehouse."""
        return Warehouse.of(self.instance)

    @cached_property
    def connectors(self) -> dict[str, Connector]:
        """The connectors that the configured sources use, by name."""
        return {s.connector: connector(s.connector) for s in self.instance.sources}


@dataclass
class StepReport:
    """What one step did: ``status`` is done, failed, held or skipped; ``code`` is the exit code that it asks for."""

    step: str
    name: str
    status: str = "done"
    rows_in: int | None = None
    rows_new: int | None = None
    quarantined: int | None = None
    seconds: float = 0.0
    message: str = ""
    code: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
