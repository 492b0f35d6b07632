"""Signed JSON to one address, through the house's only HTTP session.

Belongs here: the body and its signature. ``OTC-Signature: t=<unix seconds>,v1=<hex>``, where v1 is HMAC-SHA256 with the
secret over ``<t>.<body>``: the receiver makes it again from the raw body, compares in constant time, refuses an old
``t``, and takes a body whose ``id`` it has met for a repetition.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from connectors.kit.contract import CheckResult, Outcome, OutcomeStatus
from connectors.kit.errors import ConnectorError, FatalError, RetriableError
from connectors.kit.http import HttpPolicy, Session, refuse_status, require_secure
from connectors.kit.notifying import Notification
from connectors.messaging.webhook.settings import WebhookSettings

SIGNATURE = "OTC-Signature"


class WebhookNotifier:
    """Tells a program."""

    def __init__(self, settings: WebhookSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._origin = require_secure(settings.url, allow_private=settings.allow_private, setting="url")
        self._sleep = sleep

    def recipients(self) -> Sequence[str]:
        """The origin that is told; the path may hold what is not for everybody."""
        return (str(self._origin),)

    def notify(self, notification: Notification, recipients: Sequence[str]) -> Iterable[Outcome]:
        """Send it once for the only recipient. Sending it twice does no harm: the ``id`` stays."""
        body = json.dumps(
            {"id": notification.id, "subject": notification.subject, "text": notification.text, **notification.facts},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        return [self._told(recipient, body) for recipient in recipients]

    def check(self) -> str:
        """Ask the address without telling it anything; return what was found, in words."""
        with self._session() as session:
            response = session.request("OPTIONS", self._settings.url, allow_redirects=False)
        return f"{self._origin} answers ({response.status_code}); nothing was sent"

    def _told(self, recipient: str, body: bytes) -> Outcome:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            SIGNATURE: signature(self._settings.secret.get_secret_value(), int(time.time()), body),
        }
        try:
            with self._session() as session:
                response = session.post(
                    self._settings.url, data=body, headers=headers, allow_redirects=False, idempotent=True
                )
                if response.is_redirect:
                    raise FatalError(
                        f"{self._origin} answered with a redirect ({response.status_code}); give its own url"
                    )
                refuse_status(response, "the webhook")
        except RetriableError as problem:
            return Outcome(recipient, OutcomeStatus.RETRY, str(problem))
        except FatalError as problem:
            return Outcome(recipient, OutcomeStatus.FAILED, str(problem))
        return Outcome(recipient, OutcomeStatus.DELIVERED)

    def _session(self) -> Any:
        settings = self._settings
        policy = HttpPolicy(
            connect_timeout=settings.timeout_seconds,
            read_timeout=settings.timeout_seconds,
            attempts=settings.attempts,
            first_wait=settings.first_wait_seconds,
            max_body_bytes=2**20,
            allow_private=settings.allow_private,
            ca_bundle=Path(settings.ca_bundle) if settings.ca_bundle else None,
            proxy=settings.proxy,
        )
        return Session(settings.url, policy, sleep=self._sleep)


def signature(secret: str, at: int, body: bytes) -> str:
    """The header's value for a body sent at a time."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def check(settings: WebhookSettings) -> Iterator[CheckResult]:
    """Try the connection."""
    try:
        yield CheckResult("webhook", True, WebhookNotifier(settings).check())
    except ConnectorError as problem:
        yield CheckResult("webhook", False, str(problem))
