"""Questions that people ask of the published marts, and their answers as rows: aging, matches.

Belongs here: reading and shaping. Not here: printing, writing.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """Rows in a stable order, the columns to show, and facts that stand beside them."""

    rows: list[dict[str, Any]]
    columns: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
