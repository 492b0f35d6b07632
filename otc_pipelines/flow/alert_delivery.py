"""Who gets an alert: sending what waits in the journal, through each channel, again where one could not.

Belongs here: trying, waiting longer, giving up. Not here: what is told (``alerts``), any wire (``connectors``). One
process sends at a time, and the journal is not held meanwhile: a mail server that answers slowly keeps nobody from
writing down what happened. Each channel's outcome is written before the next one is tried.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from connectors.kit.contract import Outcome, OutcomeStatus
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.notifying import Notification
from connectors.registry import channel
from otc_pipelines.flow.alert_journal import Journal, Waiting, read, writing
from otc_pipelines.settings import Instance

_log = logging.getLogger(__name__)
_FILE = "file"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_ATTEMPTS = 60  # over two days
_OTHER_SENDER = 5.0  # seconds; who sends already sends this too


def folder(instance: Instance) -> Path:
    """Where the journal is."""
    return instance.data_dir / "alerts"


def begun(instance: Instance, said: Notification, at: datetime) -> Waiting:
    """A notification that nobody has got yet."""
    state = {name: {"recipients": None, "attempts": 0, "next": at.isoformat(), "reason": ""} for name in _all(instance)}
    return Waiting(said.id, said.subject, said.text, dict(said.facts), state)


def deliver(instance: Instance, now: Callable[[], datetime]) -> None:
    """Send what is due. What was sent is struck out, what was refused for good is given up, the rest waits longer."""
    if not read(folder(instance)).waiting:
        return
    try:
        with FileLock(folder(instance) / "sending.lock", timeout=_OTHER_SENDER):
            tried: set[tuple[str, str]] = set()
            while due := _due(instance, now(), tried):
                waiting, name = due
                tried.add((waiting.id, name))
                outcomes = _sent(instance, name, waiting, waiting.channels[name]["recipients"])
                with writing(folder(instance)) as (journal, save):
                    _settle(journal, waiting.id, name, outcomes, now())
                    save()
    except Timeout:
        _log.info("another process sends alerts; what waits is sent by that one, or at the next run")
    except ConnectorError as problem:
        _log.error("alerts: %s", problem)


def now_or_never(instance: Instance, said: Notification) -> None:
    """Try every channel once: what becomes of it is in the log alone."""
    waiting = Waiting(said.id, said.subject, said.text, dict(said.facts), {})
    for name in _all(instance):
        for o in _sent(instance, name, waiting, None):
            if o.status is not OutcomeStatus.DELIVERED:
                _log.error("alert %r could not be told by %s: %s", said.subject, name, o.reason)


def _all(instance: Instance) -> list[str]:
    return ([_FILE] if instance.alerts.file else []) + list(instance.alerts.options)


def _due(instance: Instance, now: datetime, tried: set[tuple[str, str]]) -> tuple[Waiting, str] | None:
    for waiting in read(folder(instance)).waiting:
        for name, state in waiting.channels.items():
            if (waiting.id, name) not in tried and datetime.fromisoformat(state["next"]) <= now:
                return waiting, name
    return None


def _settle(journal: Journal, identity: str, name: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    waiting = next((w for w in journal.waiting if w.id == identity), None)
    if waiting is None or name not in waiting.channels:
        return  # the journal was begun anew meanwhile
    state = waiting.channels[name]
    left = [o for o in outcomes if o.status not in (OutcomeStatus.DELIVERED, OutcomeStatus.FAILED)]
    refused = [o for o in outcomes if o.status is OutcomeStatus.FAILED]
    state["attempts"] += 1
    if state["attempts"] >= _ATTEMPTS:
        refused, left = refused + left, []
    for o in refused:
        _log.error("alert %r was never told to %s by %s: %s", waiting.subject, o.key, name, o.reason)
        journal.give_up(at=f"{now:%Y-%m-%d %H:%M}", subject=waiting.subject, channel=name, reason=o.reason)
    if left:
        _log.error("alert %r could not be told by %s: %s; it is tried again", waiting.subject, name, left[0].reason)
        wait = min(_FIRST_WAIT * 2 ** min(state["attempts"] - 1, 10), _LONGEST_WAIT)
        state |= {
            "recipients": [o.key for o in left if o.key] or None,
            "next": (now + wait).isoformat(),
            "reason": left[0].reason,
        }
    else:
        del waiting.channels[name]
    if not waiting.channels:
        journal.waiting.remove(waiting)


def _sent(instance: Instance, name: str, waiting: Waiting, recipients: list[str] | None) -> list[Outcome]:
    """Send one notification through one channel; whatever goes wrong is an outcome."""
    try:
        if name == _FILE:
            return [_appended(instance, waiting.facts)]
        if name not in instance.alerts.options:
            return [Outcome("", OutcomeStatus.FAILED, f"{name} is not configured any more")]
        notifier = channel(name).notifier(instance.settings_of_channel(name))
        known = notifier.recipients()
        wanted = [r for r in recipients if r in known] if recipients is not None else list(known)
        return list(notifier.notify(Notification(waiting.id, waiting.subject, waiting.text, waiting.facts), wanted))
    except ConnectorError as problem:
        return [Outcome("", OutcomeStatus.RETRY, str(problem))]
    except Exception as problem:
        _log.exception("channel %s broke", name)
        return [Outcome("", OutcomeStatus.RETRY, f"it broke: {type(problem).__name__}")]


def _appended(instance: Instance, facts: Mapping[str, Any]) -> Outcome:
    if instance.alerts.file is None:
        return Outcome("", OutcomeStatus.FAILED, "file is not configured any more")
    path = instance.path.parent / instance.alerts.file
    lines = [json.dumps({"at": facts["at"], **alert}, ensure_ascii=False) + "\n" for alert in facts["alerts"]]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
    except OSError as problem:
        raise FatalError(f"alerts.file {path} cannot be written: {problem.strerror or problem}; name another") from None
    return Outcome("", OutcomeStatus.DELIVERED)
