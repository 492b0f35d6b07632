"""A webhook under the contract suite: a real HTTPS server that checks each signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.kit.contract import Settings
from connectors.messaging.webhook.settings import WebhookSettings
from connectors.simulation.server import Answer, LoopbackServer, Request
from tests.contract.channel import Receiver
from tests.live.postgres import free_port

SECRET = "whsec-only-for-tests"


class Hook(Receiver):
    """A program that listens."""

    secrets = (SECRET,)

    def __init__(self, folder: Path) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.forged = 0
        self._later, self._never = 0, False
        self.server = LoopbackServer(self._answer, folder)
        self.settings = self.changed()

    def changed(self, **changes: Any) -> WebhookSettings:
        """The settings that reach it, but for some."""
        return WebhookSettings.model_validate(
            {
                "url": f"{self.server.url}/hooks/otc",
                "secret": SECRET,
                "ca_bundle": str(self.server.ca_bundle),
                "allow_private": True,
                "timeout_seconds": 5,
                "first_wait_seconds": 0,
                **changes,
            }
        )

    def got(self) -> list[tuple[str, str, str]]:
        origin = self.server.url.rstrip("/")
        return [(origin, b["id"], json.dumps(b, ensure_ascii=False)) for b in self.bodies]

    def put_off(self, times: int) -> None:
        self._later = times

    def refuse(self) -> str:
        self._never = True
        return self.server.url.rstrip("/")

    def unusable(self) -> Iterable[tuple[str, Settings]]:
        for name, change in {
            "nobody listens": {"url": f"https://127.0.0.1:{free_port()}/"},
            "plain http": {"url": "http://hooks.example.invalid/"},
            "no URL": {"url": "hooks"},
            "a private address": {"allow_private": False},
            "not trusted": {"ca_bundle": None},
        }.items():
            yield name, self.changed(attempts=1, **change)

    def _answer(self, request: Request) -> Answer:
        if request.method != "POST":
            return Answer(405)
        stamp, sent = (p.partition("=")[2] for p in request.headers["otc-signature"].split(","))
        made = hmac.new(SECRET.encode(), f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made, sent) or abs(time.time() - int(stamp)) > 300:
            self.forged += 1
            return Answer(401)
        if self._later > 0:
            self._later -= 1
            return Answer(503)
        if self._never:
            return Answer(410)
        self.bodies.append(request.json())
        return Answer(204)


@contextmanager
def CASE(folder: Path) -> Iterator[Receiver]:  # noqa: N802 - the name the suite looks for
    hook = Hook(folder)
    with hook.server:
        yield hook
