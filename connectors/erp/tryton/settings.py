"""What a person configures to reach a Tryton database. Every wrong combination is named in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.kit.contract import Settings
from connectors.kit.errors import ConfigError
from connectors.kit.http import HttpPolicy, require_secure


def _database(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]+", value):
        raise ValueError(f"{value!r} is not the name of a database; use the one trytond was started with (-d)")
    return value


def _username(value: str) -> str:
    if not value.strip() or ":" in value:
        raise ValueError(f"username {value!r} is empty or has a colon; Tryton's sessions cannot carry it")
    return value


class TrytonSettings(Settings):
    """A user of one database, and the company whose books are read.

    ``company``: its name, as Tryton shows it; left out, the user's current company. ``legal_entity``: what that
    company is called in ``legal_entities`` of otc.yaml; left out, the company's name. ``lookback_seconds``: how far
    behind the last row an incremental read begins; longer than the longest transaction of the ERP. ``sweep``: compare
    all keys at each run, to find what was deleted. ``receipt_journals``: for a target, the statement journal (its name)
    that takes the receipts of each of our bank accounts; left out, the journal that has the account in Tryton.
    ``allow_private`` lets addresses on this machine or network be used.
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
    sweep: bool = True
    receipt_journals: Mapping[str, str] = Field(default_factory=dict)
    connect_timeout_seconds: float = Field(default=10, gt=0)
    read_timeout_seconds: float = Field(default=300, gt=0)
    attempts: int = Field(default=5, ge=1, le=10)
    first_wait_seconds: float = Field(default=0.5, ge=0)
    requests_per_second: float | None = Field(default=None, gt=0)
    allow_private: bool = False
    ca_bundle: Path | None = None
    proxy: str | None = None

    @model_validator(mode="after")
    def _coherent(self) -> TrytonSettings:
        if self.page_rows > self.batch_rows:
            raise ValueError(f"page_rows {self.page_rows} is more than batch_rows {self.batch_rows}; a page must fit")
        try:
            require_secure(self.url, allow_private=self.allow_private, setting="url")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def policy(self) -> HttpPolicy:
        """How sessions behave under these settings."""
        return HttpPolicy(
            connect_timeout=self.connect_timeout_seconds,
            read_timeout=self.read_timeout_seconds,
            attempts=self.attempts,
            first_wait=self.first_wait_seconds,
            rate=self.requests_per_second,
            allow_private=self.allow_private,
            ca_bundle=self.ca_bundle,
            proxy=self.proxy,
        )
