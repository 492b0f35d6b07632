"""One suite for every channel: each recipient is told once, later means later, no means no, nothing leaks."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from connectors.kit.contract import OutcomeStatus, Settings
from connectors.kit.errors import ConnectorError
from connectors.kit.notifying import Channel, Notification
from connectors.registry import channels
from tests.contract.channel import CASES, Receiver, case_of
from tests.contract.test_declaration import SECRET
from tests.contract.test_reading import one_line

pytestmark = pytest.mark.live
CARD = "4111 1111 1111 1111"


def said(**changes: object) -> Notification:
    facts = {"alerts": [{"subject": "bank", "message": f"row {CARD} was refused"}]}
    return Notification(
        **{"id": "n1", "subject": "[Acme] failed: bank", "text": "Grüße: why", "facts": facts, **changes}
    )  # type: ignore[arg-type]


@pytest.fixture(params=list(channels().values()), ids=lambda c: c.name)
def channel(request: pytest.FixtureRequest) -> Channel:
    found: Channel = request.param
    return found


@pytest.fixture
def receiver(channel: Channel, tmp_path: Path) -> Iterator[Receiver]:
    with case_of(channel)(tmp_path) as built:
        yield built


def test_every_channel_has_a_case_and_every_case_a_channel() -> None:
    assert {p.stem for p in CASES.glob("*.py")} - {"__init__"} == set(channels())


def test_it_is_declared_in_full_and_its_settings_are_strict(channel: Channel) -> None:
    assert channel.title.strip()
    folder = Path(inspect.getfile(channel.settings)).parent
    assert inspect.getdoc(channel.settings) != inspect.getdoc(Settings)
    text = (folder / "README.md").read_text(encoding="utf-8")
    for name, info in channel.settings.model_fields.items():
        assert f"`{info.alias or name}`" in text, f"README.md does not name {name}"
        if SECRET.search(name):
            assert SecretStr.__name__ in str(info.annotation), f"{name} must be a SecretStr"
    with pytest.raises(ValidationError, match="colour_of_the_sky"):
        channel.settings.model_validate({"colour_of_the_sky": "blue"})


def test_each_recipient_is_told_once(channel: Channel, receiver: Receiver) -> None:
    notifier = channel.notifier(receiver.settings)
    recipients = list(notifier.recipients())
    outcomes = list(notifier.notify(said(), recipients))
    assert [(o.key, o.status) for o in outcomes] == [(r, OutcomeStatus.DELIVERED) for r in recipients]
    assert sorted(who for who, _, _ in receiver.got()) == sorted(recipients)
    for _, identity, text in receiver.got():
        assert "n1" in identity
        assert "[Acme] failed: bank" in text
        assert "Grüße: why" in text


def test_a_card_number_and_a_second_line_of_a_subject_do_not_leave(channel: Channel, receiver: Receiver) -> None:
    notifier = channel.notifier(receiver.settings)
    hostile = said(subject=f"bank\r\nBcc: eve@evil.example\r\n\r\n{CARD}", text=f"card {CARD}")
    assert {o.status for o in notifier.notify(hostile, notifier.recipients())} == {OutcomeStatus.DELIVERED}
    assert receiver.got()
    for who, _, text in receiver.got():
        assert "1111 1111" not in text
        assert "eve" not in who
        assert "bank Bcc: eve@evil.example" in text


def test_who_says_later_is_told_a_little_later(channel: Channel, receiver: Receiver) -> None:
    receiver.put_off(1)
    notifier = channel.notifier(receiver.settings)
    outcomes = list(notifier.notify(said(), notifier.recipients()))
    assert {o.status for o in outcomes} == {OutcomeStatus.DELIVERED}
    assert sorted(who for who, _, _ in receiver.got()) == sorted(notifier.recipients())


def test_who_goes_on_saying_later_is_left_for_another_time(channel: Channel, receiver: Receiver) -> None:
    receiver.put_off(100)
    notifier = channel.notifier(receiver.settings)
    outcomes = list(notifier.notify(said(), notifier.recipients()))
    assert [(o.key, o.status) for o in outcomes] == [(r, OutcomeStatus.RETRY) for r in notifier.recipients()]
    assert all(one_line(o.reason) for o in outcomes)
    assert receiver.got() == []
    receiver.put_off(0)
    assert {o.status for o in notifier.notify(said(), notifier.recipients())} == {OutcomeStatus.DELIVERED}


def test_who_says_no_is_not_asked_again_and_the_others_are_told(channel: Channel, receiver: Receiver) -> None:
    refused = receiver.refuse()
    notifier = channel.notifier(receiver.settings)
    outcomes = {o.key: o for o in notifier.notify(said(), notifier.recipients())}
    assert outcomes[refused].status is OutcomeStatus.FAILED
    assert one_line(outcomes[refused].reason)
    others = [r for r in notifier.recipients() if r != refused]
    assert [outcomes[r].status for r in others] == [OutcomeStatus.DELIVERED] * len(others)
    assert sorted(who for who, _, _ in receiver.got()) == sorted(others)


def test_settings_that_cannot_work_are_one_line_and_never_a_delivery(channel: Channel, receiver: Receiver) -> None:
    names = []
    for name, settings in receiver.unusable():
        names.append(name)
        try:
            notifier = channel.notifier(settings)
            outcomes = list(notifier.notify(said(), notifier.recipients()))
            lines = [o.reason for o in outcomes]
            assert OutcomeStatus.DELIVERED not in {o.status for o in outcomes}, name
        except ConnectorError as problem:
            lines = [str(problem)]
        checked = list(channel.check(settings))
        assert not all(line.ok for line in checked), name
        lines += [line.message for line in checked]
        assert all(one_line(line) for line in lines), (name, lines)
        assert not [s for s in receiver.secrets if s in str(lines)], name
    assert names
    assert receiver.got() == []


def test_check_says_that_all_is_well_and_tells_nobody(channel: Channel, receiver: Receiver) -> None:
    lines = list(channel.check(receiver.settings))
    assert lines
    assert all(line.ok and one_line(line.message) for line in lines), lines
    assert receiver.got() == []


def test_no_secret_reaches_a_log(
    channel: Channel, receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = channel.notifier(receiver.settings)
    list(notifier.notify(said(), notifier.recipients()))
    list(channel.check(receiver.settings))
    out = capfd.readouterr()
    for secret in receiver.secrets:
        assert secret not in "\n".join([caplog.text, out.out, out.err, repr(receiver.settings)])
