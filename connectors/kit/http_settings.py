"""What a person may configure of any vendor's HTTP, by the same names for each.

Belongs here: settings that become an ``HttpPolicy``. Not here: where a vendor is, and how one signs in to it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from connectors.kit.contract import Settings
from connectors.kit.errors import ConfigError
from connectors.kit.http import HttpPolicy, require_secure


class HttpSettings(Settings):
    """Patience, budget and trust. ``allow_private`` lets addresses on this machine or network be used."""

    connect_timeout_seconds: float = Field(default=10, gt=0)
    read_timeout_seconds: float = Field(default=60, gt=0)
    attempts: int = Field(default=5, ge=1, le=10)
    first_wait_seconds: float = Field(default=0.5, ge=0)
    requests_per_second: float | None = Field(default=None, gt=0)
    allow_private: bool = False
    ca_bundle: Path | None = None
    proxy: str | None = None

    def secure(self, setting: str, url: str) -> None:
        """Check an address that a setting names; ValueError where it is plain http to anywhere but this machine."""
        try:
            require_secure(url, allow_private=self.allow_private, setting=setting)
        except ConfigError as error:
            raise ValueError(str(error)) from None

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
