"""What ``otc.yaml`` may say of a mail server."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from connectors.kit.contract import Settings

#: An address alone, no display name: it goes into the envelope as it is.
_ADDRESS = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class SmtpSettings(Settings):
    """A mail server and whom to tell. ``security: none`` is for a relay of your own network, never with a login."""

    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65_535, description="587 for starttls, 465 for tls, 25 for none.")
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: str = Field(alias="from")
    to: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(min_length=1)
    ca_bundle: str | None = Field(default=None, description="Authority to trust instead of the usual ones.")
    timeout_seconds: float = Field(default=20.0, gt=0, le=300)
    attempts: int = Field(default=3, ge=1, le=10)
    first_wait_seconds: float = Field(default=2.0, ge=0, le=60)

    @property
    def listens_at(self) -> int:
        """The port: the one that is stated, else the usual one."""
        return self.port or _PORTS[self.security]

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: Any) -> Any:
        for address in (value,) if isinstance(value, str) else value:
            if not _ADDRESS.match(address):
                raise ValueError(f"{address!r} is not a mail address alone, such as ar-team@acme.example")
        return value

    @model_validator(mode="after")
    def _coherent(self) -> SmtpSettings:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; give both, or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("security none would send the password in clear; use starttls or tls, or leave user out")
        return self
