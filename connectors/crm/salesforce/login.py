"""Signing in at ``/services/oauth2/token``: client credentials or JWT bearer. The vendor retires SOAP ``login()``.

Belongs here: how a token is got, and which instance may be believed. Not here: what is done with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.kit.errors import ConfigError, FatalError
from connectors.kit.http import Origin, Session, refuse_html, refuse_status, require_secure
from connectors.kit.pinning import is_loopback

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VENDOR_DOMAINS = (".salesforce.com", ".salesforce.mil", ".force.com", ".sfcrmapps.cn", ".sfcrmproducts.cn")
_ADVICE = {
    "invalid_client_id": "check client_id",
    "invalid_client": "check client_id and client_secret",
    "invalid_grant": "check username, and that the app may be used by that user",
    "invalid_app_access": "let the app be used by that user (permission set)",
    "unsupported_grant_type": "switch the flow on in the connected app",
    "inactive_user": "the user is not active",
    "inactive_org": "the organisation is not active",
}


@dataclass(frozen=True)
class Token:
    """A session id, and the instance it is for. Its text never shows the session id."""

    access_token: str
    instance_url: str

    def __repr__(self) -> str:
        return f"Token(instance_url={self.instance_url!r})"


def sign_in(settings: SalesforceSettings, session: Session) -> Token:
    """Get a token; ConfigError says what to check when the vendor refuses."""
    host = session.origin.host
    answer = session.request(
        "POST",
        f"{session.origin}/services/oauth2/token",
        data=_grant(settings),
        headers={"Accept": "application/json"},
        idempotent=True,
    )
    refuse_html(answer)
    if answer.status_code in (400, 401, 403):
        said = answer.json()
        code = str(said.get("error", "")) if isinstance(said, dict) else ""
        raise ConfigError(
            f"{host} refused the login ({code or answer.status_code}); {_ADVICE.get(code, 'check the app')}"
        )
    refuse_status(answer, "the login")
    said = answer.json()
    if not isinstance(said, dict) or not said.get("access_token") or not said.get("instance_url"):
        raise FatalError(f"{host} answered the login without a token; check that login_url is a Salesforce address")
    return Token(str(said["access_token"]), _instance(settings, str(said["instance_url"])))


def _grant(settings: SalesforceSettings) -> dict[str, Any]:
    if settings.client_secret is not None:
        return {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.get_secret_value(),
        }
    claims = {
        "iss": settings.client_id,
        "sub": settings.username,
        "aud": settings.jwt_audience or str(Origin.of(settings.login_url)),
        "exp": int(time.time()) + 180,  # the vendor refuses more than three minutes
    }
    try:
        assertion = jwt.encode(claims, _private_key(settings), algorithm="RS256")
    except (ValueError, TypeError, jwt.exceptions.PyJWTError):
        raise ConfigError(
            "the private key is not an RSA key in PEM form; give the one behind the app's certificate"
        ) from None
    return {"grant_type": JWT_GRANT, "assertion": assertion}


def _private_key(settings: SalesforceSettings) -> str:
    if settings.private_key is not None:
        return settings.private_key.get_secret_value()
    path = settings.private_key_path or Path()
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"private_key_path {path.name!r} cannot be read ({type(error).__name__}); check it") from None


def _instance(settings: SalesforceSettings, stated: str) -> str:
    """Believe the instance that the login names only where it is the vendor's, or the one that was configured."""
    origin = require_secure(stated, allow_private=settings.allow_private, setting="the login's instance_url")
    if settings.instance_url is not None:
        configured = Origin.of(settings.instance_url)
        if configured != origin:
            raise ConfigError(
                f"the login names instance {origin}, instance_url says {configured}; correct or remove it"
            )
        return str(origin)
    vendor = origin.scheme == "https" and origin.host.endswith(VENDOR_DOMAINS)
    here = settings.allow_private and is_loopback(origin.host)
    if not (vendor or here or origin == Origin.of(settings.login_url)):
        raise ConfigError(
            f"the login names instance {origin}, not a Salesforce address; set instance_url if it is meant"
        )
    return str(origin)
