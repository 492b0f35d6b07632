"""What a person configures to reach a Tryton database. Every wrong combination is named in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.kit.http_settings import HttpSettings


def _database(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]+", value):
        raise ValueError(f"{value!r} is not the name of a database; use the one trytond was started with (-d)")
    return value


def _username(value: str) -> str:
    if not value.strip() or ":" in value:
        raise ValueError(f"username {value!r} is empty or has a colon; Tryton's sessions cannot carry it")
    return value


class TrytonSettings(HttpSettings):
    """A user of one database, and the company whose books are read.

    ``company``: its name, as Tryton shows it; left out, the user's current company. ``legal_entity``: what that
    company is called in ``legal_entities`` of otc.yaml; left out, the company's name. ``lookback_seconds``: how far
    behind the last row an incremental read begins; longer than the longest transaction of the ERP. ``sweep``: compare
    all keys at each run, to find what was deleted. ``totals_rows``: records of a model up to which amounts are fetched
    to be held against what landed; above that they are only counted. ``receipt_journals``: for a target, the statement
    journal (its name) that takes the receipts of each of our bank accounts; left out, the journal that has the account
    in Tryton.
    """

    url: str
    database: Annotated[str, AfterValidator(_database)]
    username: Annotated[str, AfterValidator(_username)]
    password: SecretStr
    company: str | None = None
    legal_entity: str | None = None
    page_rows: int = Field(default=1_000, ge=1, le=10_000)
    batch_rows: int = Field(default=20_000, ge=1, le=50_000)
    lookback_seconds: int = Field(default=3_600, ge=0, le=604_800)
    totals_rows: int = Field(default=20_000, ge=0)
    sweep: bool = True
    receipt_journals: Mapping[str, str] = Field(default_factory=dict)
    read_timeout_seconds: float = Field(default=300, gt=0)

    @model_validator(mode="after")
    def _coherent(self) -> TrytonSettings:
        if self.page_rows > self.batch_rows:
            raise ValueError(f"page_rows {self.page_rows} is more than batch_rows {self.batch_rows}; a page must fit")
        self.secure("url", self.url)
        return self
