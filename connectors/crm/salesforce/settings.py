"""What a person configures to reach a Salesforce organisation. Every wrong combination is named in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.crm.salesforce.catalogue import TABLES
from connectors.kit.http_settings import HttpSettings


def _version(value: str) -> str:
    if not value.removesuffix(".0").isdigit() or not value.endswith(".0") or float(value) < 46:
        raise ValueError(f"{value!r} is not an API version; use one such as 62.0, 46.0 or later")
    return value


def _entities(value: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [v for v in value if v not in TABLES]
    if unknown or not value:
        raise ValueError(f"{', '.join(unknown) or 'nothing'} cannot be read; choose from: {', '.join(TABLES)}")
    return value


class SalesforceSettings(HttpSettings):
    """A connected app with either a client secret (client credentials) or a private key and a user (JWT bearer).

    ``login_url`` is the organisation's My Domain for client credentials, https://login.salesforce.com or
    https://test.salesforce.com for JWT.
    """

    login_url: str = "https://login.salesforce.com"
    instance_url: str | None = None
    client_id: str
    client_secret: SecretStr | None = None
    username: str | None = None
    private_key_path: Path | None = None
    private_key: SecretStr | None = None
    jwt_audience: str | None = None
    api_version: Annotated[str, AfterValidator(_version)] = "62.0"
    entities: Annotated[tuple[str, ...], AfterValidator(_entities)] = tuple(TABLES)
    lookback_seconds: int = Field(default=600, ge=0, le=86_400)
    bulk_threshold: int = Field(default=2_000, ge=0)
    window_rows: int = Field(default=100_000, ge=1, le=1_000_000)
    bulk_page_rows: int = Field(default=50_000, ge=1, le=250_000)
    totals_rows: int = Field(default=20_000, ge=0)
    write_threshold: int = Field(default=2_000, ge=0)
    write_batch: int = Field(default=200, ge=1, le=200)
    lock_retries: int = Field(default=2, ge=0, le=5)
    job_timeout_seconds: float = Field(default=1_800, gt=0)
    poll_seconds: float = Field(default=1.0, gt=0, le=60)
    read_timeout_seconds: float = Field(default=120, gt=0)

    @model_validator(mode="after")
    def _coherent(self) -> SalesforceSettings:
        key = self.private_key_path is not None or self.private_key is not None
        if key and self.client_secret is not None:
            raise ValueError("client_secret and a private key are both set; keep the one that your connected app uses")
        if not key and self.client_secret is None:
            raise ValueError("no credentials: set client_secret, or username with private_key_path")
        if key and not self.username:
            raise ValueError("username is missing: a private key signs in as a user; name it")
        if self.private_key_path is not None and self.private_key is not None:
            raise ValueError("private_key and private_key_path are both set; keep one")
        for setting, url in (("login_url", self.login_url), ("instance_url", self.instance_url)):
            if url is not None:
                self.secure(setting, url)
        if not key and urlsplit(self.login_url).hostname in ("login.salesforce.com", "test.salesforce.com"):
            raise ValueError(
                f"login_url {self.login_url!r} does not take client credentials; use your My Domain, "
                "such as https://acme.my.salesforce.com"
            )
        return self
