"""What ``otc.yaml`` may say of a webhook."""

from __future__ import annotations

from pydantic import Field, SecretStr

from connectors.kit.contract import Settings


class WebhookSettings(Settings):
    """Where the JSON goes, and the secret that signs it."""

    url: str = Field(min_length=1)
    secret: SecretStr
    ca_bundle: str | None = Field(default=None, description="Authority to trust instead of the usual ones.")
    proxy: str | None = None
    allow_private: bool = Field(default=False, description="Addresses of this machine or network may be used.")
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    attempts: int = Field(default=3, ge=1, le=10)
    first_wait_seconds: float = Field(default=1.0, ge=0, le=60)
