"""The errors a connector may raise, named by what the caller must do.

    ConnectorError
    ├── ConfigError        the settings or credentials are wrong: a person must change them (exit 2)
    ├── RetriableError     the vendor did not answer properly this time: try again later (exit 3)
    ├── FatalError         the vendor cannot be used at all as it is now: trying again does not help (exit 3)
    └── RejectedByVendor   the vendor understood a write and said no: that record goes to the dead letters

Every message is one line: what was wrong, with the value, and what to do. Never a secret, never personal data.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Anything that went wrong between this house and a vendor. The message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ConfigError(ConnectorError):
    """Settings or credentials are wrong; a person must change them. Exit code 2."""


class RetriableError(ConnectorError):
    """The vendor could not answer now (time-out, 429, 5xx, malformed page); later it may. Exit code 3.

    ``retry_after`` is the vendor's own wish in seconds, where it stated one.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FatalError(ConnectorError):
    """The vendor cannot be used as it is now (unreadable folder, foreign origin); retrying is useless. Exit code 3."""


class RejectedByVendor(ConnectorError):  # noqa: N818  (what the vendor did, as the contract names it)
    """The vendor refused one record; ``code`` is the vendor's own error code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
