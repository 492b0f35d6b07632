"""Mail: who is tried again and who is not, what a mail looks like, and servers that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.kit.contract import OutcomeStatus
from connectors.kit.errors import ConfigError
from connectors.kit.notifying import Notification
from connectors.messaging.smtp.client import SmtpNotifier
from connectors.messaging.smtp.settings import SmtpSettings
from tests.live.smtp import MailServer, running

pytestmark = pytest.mark.live
ANN, BOB = "ann@acme.example", "bob@acme.example"
SAID = Notification("n1", "[Acme] failed: bank", "Why, and where to look.\n")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with running(tmp_path) as found:
        yield found


def notifier(server: MailServer, waits: list[float] | None = None, **changes: Any) -> SmtpNotifier:
    settings = SmtpSettings.model_validate(server.settings(**changes))
    return SmtpNotifier(settings, waits.append if waits is not None else lambda _: None)


def statuses(outcomes: Any) -> dict[str, OutcomeStatus]:
    return {o.key: o.status for o in outcomes}


def test_only_who_was_put_off_is_tried_again_with_growing_waits(server: MailServer) -> None:
    server.moods.put_off[BOB] = 2
    waits: list[float] = []
    sent = notifier(server, waits, first_wait_seconds=2).notify(SAID, [ANN, BOB])
    assert statuses(sent) == {ANN: OutcomeStatus.DELIVERED, BOB: OutcomeStatus.DELIVERED}
    assert [envelope for envelope, _ in server.taken] == [[ANN], [BOB]]
    assert len(waits) == 2
    assert 2 <= waits[0] <= waits[1] + 2
    assert len({m["Message-ID"] for _, m in server.taken}) == 1


def test_one_is_refused_one_put_off_one_told(server: MailServer) -> None:
    cat = "cat@acme.example"
    server.moods.refused.add(BOB)
    server.moods.put_off[cat] = 99
    outcomes = {o.key: o for o in notifier(server, to=[ANN, BOB, cat]).notify(SAID, [ANN, BOB, cat])}
    assert outcomes[ANN].status is OutcomeStatus.DELIVERED
    assert outcomes[BOB].status is OutcomeStatus.FAILED
    assert "550 5.1.1 No such user here" in outcomes[BOB].reason
    assert outcomes[cat].status is OutcomeStatus.RETRY
    assert "Greylisted" in outcomes[cat].reason
    assert len(server.taken) == 1, "ann was told once, however often cat was put off"


@pytest.mark.parametrize(
    ("answer", "status"),
    [("452 4.3.1 Disk full", OutcomeStatus.RETRY), ("554 5.7.1 Looks like spam", OutcomeStatus.FAILED)],
)
def test_the_text_may_be_put_off_or_refused(server: MailServer, answer: str, status: OutcomeStatus) -> None:
    server.moods.text = [answer] * 3
    outcomes = list(notifier(server).notify(SAID, [ANN]))
    assert [(o.status, answer[4:] in o.reason) for o in outcomes] == [(status, True)]


def test_a_connection_that_ends_after_the_text_gives_the_same_mail_again(server: MailServer) -> None:
    server.moods.hangs_up_after_text = 1
    assert statuses(notifier(server).notify(SAID, [ANN])) == {ANN: OutcomeStatus.DELIVERED}
    assert [m["Message-ID"] for m in server.got(ANN)] == ["<n1@acme.example>"] * 2


def test_a_sender_that_is_refused_is_a_wrong_setting(server: MailServer) -> None:
    server.moods.sender = "553 5.7.1 Not yours"
    with pytest.raises(ConfigError, match=r"refused the sender alerts@acme.example"):
        notifier(server).notify(SAID, [ANN])


def test_the_mail_is_plain_text_with_one_subject_line(server: MailServer) -> None:
    list(notifier(server).notify(Notification("x", "Grüße\nand a second line", "Zeile\n" + "lang " * 400), [ANN]))
    (mail,) = server.got(ANN)
    assert mail["Subject"] == "Grüße and a second line"
    assert mail["From"] == "alerts@acme.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines()[0] == "Zeile"


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    with running(tmp_path, "tls") as server:
        assert statuses(notifier(server).notify(SAID, [ANN])) == {ANN: OutcomeStatus.DELIVERED}


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "none", login=False) as server:
        with pytest.raises(ConfigError, match="does not offer STARTTLS; nothing was sent"):
            notifier(server, security="starttls").notify(SAID, [ANN])
        assert server.taken == []
        plain = notifier(server, user=None, password=None, ca_bundle=None)
        assert statuses(plain.notify(SAID, [ANN])) == {ANN: OutcomeStatus.DELIVERED}


def test_a_server_that_takes_no_login_is_named(tmp_path: Path) -> None:
    with running(tmp_path, login=False) as server, pytest.raises(ConfigError, match="does not offer a login"):
        notifier(server).notify(SAID, [ANN])


def test_a_certificate_for_another_name_is_refused(server: MailServer) -> None:
    with pytest.raises(ConfigError, match=r"certificate of .* is not trusted"):
        notifier(server, host="127.1").notify(SAID, [ANN])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"to": []}, "to"),
        ({"to": ["Ann <ann@acme.example>"]}, "not a mail address alone"),
        ({"to": ["ann@acme.example\r\nRCPT TO:<eve@evil.example>"]}, "not a mail address alone"),
        ({"from": "nobody"}, "not a mail address alone"),
        ({"security": "ssl"}, "security"),
        ({"security": "none"}, "in clear"),
        ({"user": None}, "belong together"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(change: dict[str, Any], named: str) -> None:
    stated = {"host": "h", "user": "u", "password": "p", "from": ANN, "to": [BOB], **change}
    with pytest.raises(ValidationError) as caught:
        SmtpSettings.model_validate(stated)
    (error,) = caught.value.errors()
    assert named in f"{error['loc']} {error['msg']}"


def test_ports_go_with_security_unless_stated() -> None:
    stated = {"host": "h", "from": ANN, "to": BOB}
    found = [SmtpSettings.model_validate({**stated, "security": s}).listens_at for s in ("starttls", "tls", "none")]
    assert found == [587, 465, 25]
    assert SmtpSettings.model_validate({**stated, "port": 2525}).listens_at == 2525
