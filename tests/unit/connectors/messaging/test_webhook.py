"""The webhook: what is signed, which answers are a no, and that nothing goes elsewhere."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.kit.contract import OutcomeStatus
from connectors.kit.errors import ConfigError
from connectors.kit.notifying import Notification
from connectors.messaging.webhook.client import SIGNATURE, WebhookNotifier, signature
from connectors.messaging.webhook.settings import WebhookSettings
from connectors.simulation.server import Answer, LoopbackServer, Request

SAID = Notification("n1", "[Acme] failed: bank", "Grüße", {"company": "Acme"})


class Listener:
    """Answers what it is told to, and keeps what came."""

    def __init__(self, folder: Path) -> None:
        self.came: list[Request] = []
        self.answers: list[Answer] = []
        self.server = LoopbackServer(self._answer, folder)

    def _answer(self, request: Request) -> Answer:
        self.came.append(request)
        return self.answers.pop(0) if self.answers else Answer(204)

    def notifier(self, attempts: int = 2) -> WebhookNotifier:
        settings = WebhookSettings(
            url=f"{self.server.url}/hooks/t0ken",
            secret=SecretStr("s3cret"),
            ca_bundle=str(self.server.ca_bundle),
            allow_private=True,
            attempts=attempts,
            first_wait_seconds=0,
        )
        return WebhookNotifier(settings, lambda _: None)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    found = Listener(tmp_path)
    with found.server:
        yield found


def test_the_signature_is_of_the_time_and_the_raw_body(listener: Listener) -> None:
    notifier = listener.notifier()
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert told.status is OutcomeStatus.DELIVERED
    (request,) = listener.came
    stamp, made = (part.partition("=")[2] for part in request.headers[SIGNATURE.lower()].split(","))
    expected = hmac.new(b"s3cret", f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert (made, request.json()["id"]) == (expected, "n1")
    assert signature("s3cret", int(stamp), request.body + b" ") != request.headers[SIGNATURE.lower()]


def test_what_is_shown_of_it_is_the_origin_alone(listener: Listener) -> None:
    listener.answers = [Answer(410)]
    notifier = listener.notifier()
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert "t0ken" not in f"{notifier.recipients()} {told.key} {told.reason}"


def test_a_redirect_is_a_no_and_is_not_followed(listener: Listener) -> None:
    listener.answers = [Answer(307, headers={"Location": f"{listener.server.url}/elsewhere"})]
    notifier = listener.notifier()
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert (told.status, "redirect" in told.reason) == (OutcomeStatus.FAILED, True)
    assert [r.path for r in listener.came] == ["/hooks/t0ken"]


@pytest.mark.parametrize("status", [429, 503])
def test_later_is_asked_again_with_the_same_id(listener: Listener, status: int) -> None:
    listener.answers = [Answer(status)]
    notifier = listener.notifier()
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert told.status is OutcomeStatus.DELIVERED
    assert [r.json()["id"] for r in listener.came] == ["n1", "n1"]


@pytest.mark.parametrize("status", [400, 404, 410])
def test_no_is_not_asked_again(listener: Listener, status: int) -> None:
    listener.answers = [Answer(status)]
    notifier = listener.notifier(attempts=5)
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert (told.status, len(listener.came)) == (OutcomeStatus.FAILED, 1)


def test_a_defect_of_the_receiver_is_left_for_another_time(listener: Listener) -> None:
    listener.answers = [Answer(500)]
    notifier = listener.notifier()
    (told,) = notifier.notify(SAID, notifier.recipients())
    assert (told.status, len(listener.came)) == (OutcomeStatus.RETRY, 1)


def test_a_secret_that_is_refused_is_a_wrong_setting(listener: Listener) -> None:
    listener.answers = [Answer(401)]
    notifier = listener.notifier()
    with pytest.raises(ConfigError, match="refused the credentials") as caught:
        list(notifier.notify(SAID, notifier.recipients()))
    assert "s3cret" not in str(caught.value)
