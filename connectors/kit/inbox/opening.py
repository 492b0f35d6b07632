"""How each storage is opened, and what its errors mean: wrong settings, not now, or not at all.

Belongs here: what differs between storages. Not here: what is done with files.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.inbox.settings import InboxSettings

_NEEDS = {"sftp": ("paramiko", "sftp"), "ssh": ("paramiko", "sftp"), "s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3")}
_REFUSED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccessDenied", "403")


def filesystem(
    settings: InboxSettings, options: Mapping[str, Any], other: Callable[..., tuple[Any, str]]
) -> tuple[Any, str]:
    """Return the file system of a path and the folder in it. Nothing is connected to yet, where that can wait."""
    module, extra = _NEEDS.get(settings.scheme, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise ConfigError(
            f"a path that begins with {settings.scheme}:// needs {module}: install otc-pipelines[{extra}]"
        )
    if settings.scheme in ("sftp", "ssh"):
        from connectors.kit.inbox.sftp import PinnedSFTP

        if options:
            raise ConfigError(f"{next(iter(options))} is not taken for SFTP; use the keys that docs/configure.md names")
        parts = urlsplit(settings.path)
        user = unquote(parts.username) if parts.username else None
        return PinnedSFTP(str(parts.hostname), parts.port or 22, user, settings), unquote(parts.path) or "/"
    if settings.scheme in ("s3", "s3a"):
        found: tuple[Any, str] = other(settings.path, **{**_store(settings), **options})
        return found
    secret = {"password": settings.password.get_secret_value()} if settings.password else {}
    return other(settings.path, **secret, **options)


def _store(settings: InboxSettings) -> dict[str, Any]:
    client = {"endpoint_url": settings.endpoint_url, "region_name": settings.region, "verify": settings.ca_bundle}
    found: dict[str, Any] = {
        "client_kwargs": {k: v for k, v in client.items() if v is not None},
        "config_kwargs": {
            "connect_timeout": settings.timeout_seconds,
            "read_timeout": settings.timeout_seconds,
            "retries": {"max_attempts": settings.attempts, "mode": "standard"},
        },
        "use_listings_cache": False,
        "skip_instance_cache": True,
    }
    if settings.access_key_id and settings.secret_access_key:
        found |= {"key": settings.access_key_id, "secret": settings.secret_access_key.get_secret_value()}
    if settings.session_token:
        found["token"] = settings.session_token.get_secret_value()
    return found


def translated(error: Exception, what: str, *, is_remote: bool, is_file: bool) -> ConnectorError:
    """Return the house's error for what a storage raised."""
    kinds = {c.__name__ for c in type(error).__mro__}
    code = _code(error)
    if kinds & {"NoCredentialsError", "PartialCredentialsError"}:
        return ConfigError(f"{what} needs credentials; give access_key_id and secret_access_key, as ${{NAME}}")
    if "SSLError" in kinds or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ConfigError(f"{what}: the certificate of the server is not trusted; set ca_bundle to its authority")
    if code in _REFUSED:
        return ConfigError(f"{what} was refused ({code}); check the key, its secret and what it may read")
    said = why(error)
    if isinstance(error, FileNotFoundError):
        return FatalError(f"{what} is not there any more; it is read at the next run, if it comes again")
    if isinstance(error, PermissionError):
        todo = "give the right to read it" if is_file else "check path and rights"
        return FatalError(f"{what} cannot be read: {said}; {todo}")
    if is_remote or isinstance(error, ConnectionError | TimeoutError | EOFError):
        return RetriableError(f"{what} cannot be reached: {said}; try again later")
    return FatalError(f"{what} cannot be read: {said}; check path and rights")


def _code(error: BaseException | None) -> str:
    """The code of an object store's answer, found on the error or on what caused it."""
    while error is not None:
        answer = getattr(error, "response", None)
        if isinstance(answer, dict):
            return str(answer.get("Error", {}).get("Code", ""))
        error = error.__cause__ or error.__context__
    return ""


def why(error: BaseException) -> str:
    """The reason of an error in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
