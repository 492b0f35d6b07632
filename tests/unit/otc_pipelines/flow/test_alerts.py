"""Each occurrence is told once, through every channel, again where one could not; and nothing of it fails a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from connectors.kit.errors import ConfigError
from otc_pipelines.flow import alert_delivery
from otc_pipelines.flow.alert_journal import read
from otc_pipelines.flow.alerts import Occurrence, tell, undelivered
from otc_pipelines.settings import Instance, load
from tests.contract.channels.webhook import SECRET, Hook
from tests.live.smtp import PASSWORD, running

BANK = Occurrence("run_failed", "extract bank", "source bank:\n cannot be reached", "`otc check`", "r1", "otc run")
TIE_OUT = Occurrence("gate_failed", "fct_tie_out", "2 checks failed", "data_docs", "r1")
START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def after(self, **span: float) -> Clock:
        self.now += timedelta(**span)
        return self


def instance_of(folder: Path, alerts: str = "") -> Instance:
    folder.mkdir(exist_ok=True)
    (folder / "otc.yaml").write_text(f"company: {{name: Acme, base_currency: USD}}\n{alerts}")
    return load(folder / "otc.yaml")


def lines(folder: Path, name: str = "alerts.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_it_goes_to_the_log_and_to_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = instance_of(tmp_path, "alerts: {file: told/alerts.jsonl}\n")
    with caplog.at_level(logging.ERROR):
        assert tell(instance, [BANK, TIE_OUT]) == 2
    assert [(t["kind"], t["subject"], t["message"], t["where"], t["run_id"]) for t in lines(tmp_path / "told")] == [
        ("run_failed", "extract bank", "source bank: cannot be reached", "`otc check`", "r1"),
        ("gate_failed", "fct_tie_out", "2 checks failed", "data_docs", "r1"),
    ]
    assert [r.getMessage() for r in caplog.records] == [
        "run_failed: extract bank: source bank: cannot be reached",
        "gate_failed: fct_tie_out: 2 checks failed",
    ]


def test_an_occurrence_is_told_once_as_long_as_it_lasts_and_anew_after_it_was_over(tmp_path: Path) -> None:
    instance = instance_of(tmp_path, "alerts: {file: alerts.jsonl}\n")
    assert [tell(instance, [BANK]), tell(instance, [BANK]), tell(instance, [BANK, TIE_OUT])] == [1, 0, 1]
    assert tell(instance, [], [BANK.key]) == 0
    assert [tell(instance, [BANK]), tell(instance, [TIE_OUT])] == [1, 0]
    assert [t["subject"] for t in lines(tmp_path)] == ["extract bank", "fct_tie_out", "extract bank"]


def test_what_is_over_and_comes_back_in_one_look_is_told(tmp_path: Path) -> None:
    instance = instance_of(tmp_path)
    assert tell(instance, [BANK]) == 1
    assert tell(instance, [BANK], [BANK.key]) == 1


def test_a_card_number_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = instance_of(tmp_path, "alerts: {file: alerts.jsonl}\n")
    tell(instance, [Occurrence("run_failed", "pull", "row 4111 1111 1111 1111 was refused", "log")])
    everything = "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    assert "1111 1111" not in everything + caplog.text


def test_without_a_channel_it_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = instance_of(tmp_path)
    tell(instance, [BANK])
    assert len(caplog.records) == 1
    assert read(instance.data_dir / "alerts").waiting == []


def test_a_file_that_cannot_be_written_fails_nothing_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    instance, clock = instance_of(tmp_path, "alerts: {file: alerts.jsonl}\n"), Clock()
    (tmp_path / "alerts.jsonl").mkdir()
    assert tell(instance, [BANK], now=clock) == 1
    assert "cannot be written" in caplog.text
    (line,) = undelivered(instance)
    assert (line.ok, line.what) == (False, "waiting file")
    (tmp_path / "alerts.jsonl").rmdir()
    tell(instance, [], now=clock.after(seconds=30))
    assert not (tmp_path / "alerts.jsonl").exists(), "not before its time"
    tell(instance, [], now=clock.after(seconds=31))
    assert [t["subject"] for t in lines(tmp_path)] == ["extract bank"]
    assert undelivered(instance) == []


def test_a_journal_that_cannot_be_written_fails_nothing_and_the_log_says_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    instance = instance_of(tmp_path)
    (tmp_path / "data").write_text("a file where a folder should be")
    assert tell(instance, [BANK]) == 1
    assert "extract bank" in caplog.text
    assert "journal of alerts" in caplog.text
    (line,) = undelivered(instance)
    assert (line.ok, "cannot be read" in line.message) == (False, True)


def test_a_damaged_journal_is_begun_anew(tmp_path: Path) -> None:
    instance = instance_of(tmp_path)
    tell(instance, [BANK])
    (instance.data_dir / "alerts" / "journal.json").write_text("{")
    assert tell(instance, [BANK]) == 1


# --- channels, real ones


@pytest.mark.live
def test_mail_and_webhook_are_told_and_say_what_where_and_which_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook = Hook(tmp_path / "hook")
    with running(tmp_path / "mail") as server, hook.server:
        mail = json.dumps(server.settings(password="${MAIL_PASSWORD}"))
        web = json.dumps(json.loads(hook.settings.model_dump_json()) | {"secret": "${HOOK_SECRET}"})
        instance = instance_of(tmp_path / "house", f"alerts:\n  smtp: {mail}\n  webhook: {web}\n")
        assert tell(instance, [BANK, TIE_OUT]) == 2
        (message,) = server.got("ann@acme.example")
        assert message["Subject"] == "[Acme] 2 alerts: extract bank, fct_tie_out"
        text = message.get_content()
        for said in ("FAILED: extract bank", "source bank: cannot be reached", "Look: `otc check`", "Run: r1", "GATE"):
            assert said in text
        (body,) = hook.bodies
        assert (body["company"], len(body["alerts"]), hook.forged) == ("Acme", 2, 0)
        assert body["alerts"][0]["message"] == "source bank: cannot be reached"
        assert body["id"] in message["Message-ID"]
        assert undelivered(instance) == []
        kept = (instance.data_dir / "alerts" / "journal.json").read_text()
        assert PASSWORD not in kept
        assert SECRET not in kept


@pytest.mark.live
def test_who_was_not_reached_is_told_later_and_nobody_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    clock = Clock()
    with running(tmp_path / "mail") as server:
        mail = json.dumps(server.settings(password="${MAIL_PASSWORD}", attempts=1))
        instance = instance_of(tmp_path / "house", f"alerts: {{file: alerts.jsonl, smtp: {mail}}}\n")
        server.moods.put_off["bob@acme.example"] = 1
        tell(instance, [BANK], now=clock)
        (line,) = undelivered(instance)
        assert "Greylisted" in line.message
        tell(instance, [BANK], now=clock.after(minutes=2))
        assert [envelope for envelope, _ in server.taken] == [["ann@acme.example"], ["bob@acme.example"]]
        assert undelivered(instance) == []
        assert len(lines(tmp_path / "house")) == 1


@pytest.mark.live
def test_who_says_no_is_given_up_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with running(tmp_path / "mail") as server:
        mail = json.dumps(server.settings(password="${MAIL_PASSWORD}"))
        instance = instance_of(tmp_path / "house", f"alerts: {{smtp: {mail}}}\n")
        server.moods.refused.add("bob@acme.example")
        tell(instance, [BANK])
        (line,) = undelivered(instance)
        assert (line.ok, line.what) == (True, "never told smtp")
        assert "No such user" in line.message
        assert len(server.taken) == 1


def test_a_channel_that_is_set_up_wrongly_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = instance_of(tmp_path, "alerts: {webhook: {url: 'http://hooks.example.invalid', secret: '${NOT_SET}'}}\n")
    assert tell(instance, [BANK]) == 1
    (line,) = undelivered(instance)
    assert "NOT_SET" in line.message


def test_a_channel_that_is_removed_is_given_up(tmp_path: Path) -> None:
    instance, clock = instance_of(tmp_path, "alerts: {webhook: {url: 'x', secret: '${NOT_SET}'}}\n"), Clock()
    tell(instance, [BANK], now=clock)
    tell(instance_of(tmp_path), [], now=clock.after(hours=1))
    assert [line.what for line in undelivered(instance)] == ["never told webhook"]


def test_it_is_given_up_after_some_days(tmp_path: Path) -> None:
    instance, clock = instance_of(tmp_path, "alerts: {webhook: {url: 'x', secret: '${NOT_SET}'}}\n"), Clock()
    tell(instance, [BANK], now=clock)
    for _ in range(60):
        tell(instance, [BANK], now=clock.after(hours=1))
    assert [line.what for line in undelivered(instance)] == ["never told webhook"]
    assert clock.now - START > timedelta(days=2)


# --- bad moments


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hook, Instance]]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook = Hook(tmp_path / "hook")
    with hook.server:
        web = json.dumps(json.loads(hook.settings.model_dump_json()) | {"secret": "${HOOK_SECRET}"})
        yield hook, instance_of(tmp_path / "house", f"alerts: {{webhook: {web}}}\n")


@pytest.mark.live
def test_it_is_told_although_the_journal_cannot_be_written_and_not_each_minute(hooked: tuple[Hook, Instance]) -> None:
    hook, instance = hooked
    instance.data_dir.write_text("a file where a folder should be")
    assert [tell(instance, [BANK]), tell(instance, [BANK])] == [1, 0]
    assert [tell(instance, [], [BANK.key]), tell(instance, [BANK])] == [0, 1]
    instance.data_dir.unlink()
    assert [tell(instance, [BANK]), tell(instance, [BANK])] == [1, 0], "now it is written down"
    assert [b["subject"] for b in hook.bodies] == ["[Acme] failed: extract bank"] * 3


@pytest.mark.live
@pytest.mark.parametrize(("where", "times"), [("_sent", 1), ("_settle", 2)], ids=["before sending", "after sending"])
def test_who_dies_at_it_loses_nothing_and_a_repetition_can_be_told(
    hooked: tuple[Hook, Instance], monkeypatch: pytest.MonkeyPatch, where: str, times: int
) -> None:
    hook, instance = hooked

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(alert_delivery, where, dies)
        tell(instance, [BANK])
    assert tell(instance, [BANK]) == 0, "it was written down"
    assert len(hook.bodies) == times
    assert len({b["id"] for b in hook.bodies}) == 1
    assert undelivered(instance) == []


@pytest.mark.live
def test_a_sender_that_is_slow_keeps_nobody_from_noting(
    hooked: tuple[Hook, Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, instance = hooked
    monkeypatch.setattr(alert_delivery, "_OTHER_SENDER", 0.0)
    tell(instance, [BANK])
    with FileLock(instance.data_dir / "alerts" / "sending.lock"):
        assert tell(instance, [TIE_OUT]) == 1
        assert [line.message for line in undelivered(instance)] == ["[Acme] gate failed: fct_tie_out: not tried yet"]
    tell(instance, [])
    assert [b["subject"] for b in hook.bodies] == [
        "[Acme] failed: extract bank",
        "[Acme] gate failed: fct_tie_out",
    ]


# --- the configuration


@pytest.mark.parametrize(
    ("alerts", "named"),
    [
        ("{pager: {number: 1}}", ("alerts", "pager", "allowed", "file", "smtp", "webhook")),
        ("{smtp: yes}", ("smtp", "mapping")),
        ("{smtp: {host: h, from: a@b.c, to: a@b.c, user: u, password: hunter2}}", ("password", "environment")),
        ("{webhook: {url: 'https://h', secret: hunter2}}", ("secret", "environment")),
        ("{webhook: {url: 'https://h', secret: '${NOT_SET}'}}", ("NOT_SET", "not set")),
        ("{smtp: {host: h}}", ("smtp", "from", "missing")),
        ("{smtp: {host: h, from: a@b.c, to: a@b.c, colour: blue}}", ("colour", "allowed", "host")),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, alerts: str, named: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        instance_of(tmp_path, f"alerts: {alerts}\n").channels()
    assert all(word in str(caught.value) for word in named), caught.value
    assert "hunter2" not in str(caught.value)
