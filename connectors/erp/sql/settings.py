"""Settings of the SQL connector: where the database is, and which view gives which entity.

Belongs here: what may be written in ``otc.yaml``. Not here: connecting.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from connectors.kit.contract import Settings
from connectors.kit.receivables import RECEIVABLES
from connectors.kit.timezone import Timezone


class SqlSettings(Settings):
    """``url`` as SQLAlchemy writes it. ``views``: entity to view; without it, views that are named as their entity.

    ``timezone``: of times that the database gives without an offset. ``overlap_seconds``: how far behind the last row
    an incremental read begins. ``sweep``: compare all keys at each run, to find deletions. ``floats: allow`` takes
    money from binary floating point columns, at the price of the last digits.
    """

    url: SecretStr
    db_schema: str | None = Field(default=None, alias="schema")
    views: dict[str, str] = Field(default_factory=dict)
    timezone: Timezone | None = None
    overlap_seconds: int = Field(default=600, ge=0)
    sweep: bool = True
    floats: Literal["refuse", "allow"] = "refuse"
    batch_rows: int = Field(default=20_000, ge=1, le=50_000)

    @field_validator("views")
    @classmethod
    def _known_entities(cls, value: dict[str, str]) -> dict[str, str]:
        names = [e.name for e in RECEIVABLES]
        for name in value:
            if name not in names:
                raise ValueError(f"{name!r} is not an entity; there are: {', '.join(names)}")
        return value
