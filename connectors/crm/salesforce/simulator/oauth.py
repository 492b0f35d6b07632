"""The token endpoint: client credentials, JWT bearer, refresh token; and which tokens are valid.

Belongs here: who may call. Not here: what a call does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.crm.salesforce.login import JWT_GRANT
from connectors.crm.salesforce.simulator.org import ORG_ID, USER_ID
from connectors.simulation.server import Answer, Request, json_answer
from connectors.simulation.store import Store

AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
USERNAME = "integration@example.com"


class Tokens:
    """A connected app with a secret and a key pair of its own, made on first use and kept in the state folder."""

    def __init__(self, store: Store, state_dir: Path, address: Callable[[], str]) -> None:
        self._store = store
        self._address = address
        app = store.get("app", "app")
        if app is None:
            app = {"client_id": "3MVG9" + secrets.token_hex(16), "client_secret": secrets.token_hex(24)}
            app["refresh_token"] = "5Aep" + secrets.token_hex(24)
            store.put("app", "app", app)
        self.client_id: str = app["client_id"]
        self.client_secret: str = app["client_secret"]
        self.refresh_token: str = app["refresh_token"]
        self._key_path = state_dir / "connected_app.pem"

    @property
    def private_key_path(self) -> Path:
        """The app's private key, for JWT."""
        if not self._key_path.exists():
            _make_key(self._key_path)
        return self._key_path

    def valid(self, request: Request) -> bool:
        """Say whether a request carries a token that still holds."""
        said = request.headers.get("authorization", "")
        token = said.partition(" ")[2] if said.lower().startswith(("bearer ", "oauth ")) else ""
        token = token or request.headers.get("x-sfdc-session", "")
        return bool(token) and self._store.get("token", _digest(token)) is not None

    def expire(self) -> None:
        """Let every token given so far be refused."""
        for document in self._store.all("token"):
            self._store.delete("token", document["digest"])

    def answer(self, request: Request) -> Answer:
        """Answer a call to the token endpoint."""
        form = request.form()
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            user, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            form = {"client_id": user, "client_secret": secret, **form}
        grant = form.get("grant_type", "")
        if grant == JWT_GRANT:
            refusal = self._check_assertion(form.get("assertion", ""))
        elif grant in ("client_credentials", "refresh_token"):
            refusal = self._check_client(form, grant)
        elif grant == "password":  # blocked in organisations made since summer 2023, and it does not say so
            refusal = self._check_client(form, grant) or ("invalid_grant", "authentication failure")
        else:
            refusal = ("unsupported_grant_type", "grant type not supported")
        if refusal is not None:
            return json_answer({"error": refusal[0], "error_description": refusal[1]}, 400)
        token = f"{ORG_ID[:15]}!{secrets.token_urlsafe(48)}"
        self._store.put("token", _digest(token), {"digest": _digest(token)})
        return json_answer(self._granted(token), grant=grant)

    def revoke(self, request: Request) -> Answer:
        """Let one token be refused from now on."""
        token = {**request.query, **request.form()}.get("token", "")
        if self._store.get("token", _digest(token)) is None:
            return json_answer({"error": "invalid_token", "error_description": "invalid token"}, 400)
        self._store.delete("token", _digest(token))
        return Answer(200)

    def _granted(self, token: str) -> dict[str, Any]:
        address, issued = self._address(), str(int(time.time() * 1000))
        identity = f"{address}/id/{ORG_ID}/{USER_ID}"
        signature = hmac.new(self.client_secret.encode(), (identity + issued).encode(), hashlib.sha256).digest()
        return {
            "access_token": token,
            "signature": base64.b64encode(signature).decode(),
            "scope": "api",
            "instance_url": address,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
            "api_instance_url": address,
        }

    def _check_client(self, form: dict[str, str], grant: str) -> tuple[str, str] | None:
        if form.get("client_id") != self.client_id:
            return "invalid_client_id", "client identifier invalid"
        stated = form.get("client_secret", "")
        if not hmac.compare_digest(stated.encode(), self.client_secret.encode()):
            return "invalid_client", "invalid client credentials"
        if grant == "refresh_token" and form.get("refresh_token") != self.refresh_token:
            return "invalid_grant", "expired access/refresh token"
        return None

    def _check_assertion(self, assertion: str) -> tuple[str, str] | None:
        key = serialization.load_pem_private_key(self.private_key_path.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        try:
            claims = jwt.decode(
                assertion,
                key.public_key(),
                algorithms=["RS256"],
                audience=[*AUDIENCES, self._address()],
                options={"require": ["exp", "iss", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            return "invalid_grant", "expired authorization code"
        except jwt.InvalidAudienceError:
            return "invalid_grant", "audience is invalid"
        except jwt.PyJWTError:
            return "invalid_grant", "invalid assertion"
        if claims["iss"] != self.client_id:
            return "invalid_client_id", "client identifier invalid"
        if claims["exp"] > time.time() + 600:
            return "invalid_grant", "assertion expires too far in the future"
        return None if claims["sub"] == USERNAME else ("invalid_grant", "user hasn't approved this consumer")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _make_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
