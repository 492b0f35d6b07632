"""Alerts: something failed, or fell silent, that a person must look at. Always to the log; to a file and channels too.

Belongs here: saying each occurrence once, in words, through every channel, and again where one could not. Not here:
what is worth an alert (``occurrences``), any wire (``connectors/messaging``). Nothing here ever fails a run.
"""

from __future__ import annotations

import json
import logging
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from connectors.kit.contract import CheckResult, Outcome, OutcomeStatus
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.notifying import Channel, Notification
from connectors.kit.redact import redact_text
from otc_pipelines.flow.alert_journal import Journal, Waiting, read, writing
from otc_pipelines.settings import Instance

_log = logging.getLogger(__name__)
_FILE = "file"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_ATTEMPTS = 60  # over two days
_WORDS = {"run_failed": "failed", "gate_failed": "gate failed", "silent_source": "silent"}

Kind = Literal["run_failed", "gate_failed", "silent_source"]


@dataclass(frozen=True)
class Occurrence:
    """What happened: to what, why in one line, where to look. ``group`` parts subjects of one name, by what ran."""

    kind: Kind
    subject: str
    message: str
    where: str
    run_id: str = ""
    group: str = ""

    @property
    def key(self) -> str:
        """What it is the same occurrence by, as long as it lasts."""
        return key_of(self.kind, self.subject, self.group)


def key_of(kind: Kind, subject: str, group: str = "") -> str:
    """The key of an occurrence."""
    return f"{kind}|{group}|{subject}"


def tell(
    instance: Instance,
    occurred: Sequence[Occurrence],
    cleared: Iterable[str] = (),
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Tell what is new among ``occurred``, all of it as one notification; return how many that were.

    What lasts is not told again until it was cleared in between. What waits is tried again. Never raises for a channel,
    a file or a journal that cannot be used: that is logged.
    """
    try:
        with writing(_folder(instance)) as (journal, save):
            gone = set(cleared)
            lasting = {k: v for k, v in journal.lasting.items() if k not in gone}
            changed = lasting != journal.lasting
            journal.lasting = lasting
            new = list({o.key: o for o in occurred if o.key not in lasting}.values())
            if new:
                _add(instance, journal, new, now())
            if new or changed:
                save()
            if journal.waiting:
                _deliver(instance, journal, now())
                save()
            return len(new)
    except ConnectorError as problem:
        for o in occurred:
            _log.error("%s: %s: %s", o.kind, o.subject, _one_line(o.message))
        _log.error("alerts: %s", problem)
    except Exception:  # a defect here must not cost a run; the log shows it
        _log.exception("alerts broke")
    return 0


def undelivered(instance: Instance) -> list[CheckResult]:
    """What could not be told, a line each: what waits for another try, and the last that was given up."""
    journal = read(_folder(instance))
    waiting = [
        CheckResult(f"waiting {name}", False, f"{w.subject}: {state['reason'] or 'not tried yet'}")
        for w in journal.waiting
        for name, state in w.channels.items()
    ]
    return waiting + [
        CheckResult(f"never told {g['channel']}", True, f"{g['at']} {g['subject']}: {g['reason']}")
        for g in journal.given_up
    ]


def _add(instance: Instance, journal: Journal, new: Sequence[Occurrence], at: datetime) -> None:
    for o in new:
        _log.error("%s: %s: %s", o.kind, o.subject, _one_line(o.message))
        journal.lasting[o.key] = {"since": at.isoformat(), "message": _one_line(o.message), "run_id": o.run_id}
    names = ([_FILE] if instance.alerts.file else []) + list(instance.alerts.options)
    if not names:
        return
    company, host = instance.company.name, socket.gethostname()
    alerts = [
        {"kind": o.kind, "subject": o.subject, "message": _one_line(o.message), "where": o.where, "run_id": o.run_id}
        for o in new
    ]
    said = Notification(
        id=uuid.uuid4().hex,
        subject=_subject(company, new),
        text=_text(company=company, alerts=alerts, words=_WORDS, at=f"{at:%Y-%m-%d %H:%M} UTC", host=host),
        facts={"at": at.isoformat(), "company": company, "host": host, "alerts": alerts},
    )
    state = {name: {"recipients": None, "attempts": 0, "next": at.isoformat(), "reason": ""} for name in names}
    journal.waiting.append(Waiting(said.id, said.subject, said.text, dict(said.facts), state))


def _deliver(instance: Instance, journal: Journal, now: datetime) -> None:
    """Send what is due. What was sent is struck out, what was refused for good is given up, the rest waits longer."""
    opened = _channels(instance)
    for waiting in list(journal.waiting):
        for name in list(waiting.channels):
            state = waiting.channels[name]
            if datetime.fromisoformat(state["next"]) > now:
                continue
            outcomes = _sent(instance, opened, name, waiting, state["recipients"])
            left = [o for o in outcomes if o.status not in (OutcomeStatus.DELIVERED, OutcomeStatus.FAILED)]
            refused = [o for o in outcomes if o.status is OutcomeStatus.FAILED]
            state["attempts"] += 1
            if state["attempts"] >= _ATTEMPTS:
                refused, left = refused + left, []
            for o in refused:
                _log.error("alert %r was never told to %s by %s: %s", waiting.subject, o.key, name, o.reason)
                journal.give_up(at=f"{now:%Y-%m-%d %H:%M}", subject=waiting.subject, channel=name, reason=o.reason)
            if not left:
                del waiting.channels[name]
                continue
            _log.error("alert %r could not be told by %s: %s; it is tried again", waiting.subject, name, left[0].reason)
            wait = min(_FIRST_WAIT * 2 ** min(state["attempts"] - 1, 10), _LONGEST_WAIT)
            state |= {
                "recipients": [o.key for o in left if o.key] or None,
                "next": (now + wait).isoformat(),
                "reason": left[0].reason,
            }
        if not waiting.channels:
            journal.waiting.remove(waiting)


def _channels(instance: Instance) -> Mapping[str, tuple[Channel, Any] | ConnectorError]:
    try:
        return {channel.name: (channel, settings) for channel, settings in instance.channels()}
    except ConnectorError as problem:
        return dict.fromkeys(instance.alerts.options, problem)


def _sent(
    instance: Instance,
    opened: Mapping[str, tuple[Channel, Any] | ConnectorError],
    name: str,
    waiting: Waiting,
    recipients: list[str] | None,
) -> list[Outcome]:
    """Send one notification through one channel; whatever goes wrong is an outcome."""
    try:
        if name == _FILE:
            _append(instance, waiting.facts)
            return [Outcome("", OutcomeStatus.DELIVERED)]
        found = opened.get(name)
        if found is None:
            return [Outcome("", OutcomeStatus.FAILED, f"{name} is not configured any more")]
        if isinstance(found, ConnectorError):
            raise found
        channel, settings = found
        notifier = channel.notifier(settings)
        known = notifier.recipients()
        wanted = [r for r in recipients if r in known] if recipients is not None else list(known)
        return list(notifier.notify(Notification(waiting.id, waiting.subject, waiting.text, waiting.facts), wanted))
    except ConnectorError as problem:
        return [Outcome("", OutcomeStatus.RETRY, str(problem))]
    except Exception as problem:
        _log.exception("channel %s broke", name)
        return [Outcome("", OutcomeStatus.RETRY, f"it broke: {type(problem).__name__}")]


def _append(instance: Instance, facts: Mapping[str, Any]) -> None:
    path = instance.path.parent / str(instance.alerts.file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for alert in facts["alerts"]:
                file.write(json.dumps({"at": facts["at"], **alert}, ensure_ascii=False) + "\n")
    except OSError as problem:
        raise FatalError(f"alerts.file {path} cannot be written: {problem.strerror or problem}; name another") from None


def _folder(instance: Instance) -> Path:
    return instance.data_dir / "alerts"


def _one_line(text: str) -> str:
    return redact_text(" ".join(text.split()))


def _subject(company: str, new: Sequence[Occurrence]) -> str:
    if len(new) == 1:
        return f"[{company}] {_WORDS[new[0].kind]}: {new[0].subject}"
    return f"[{company}] {len(new)} alerts: {', '.join(o.subject for o in new[:3])}{' …' if len(new) > 3 else ''}"


def _text(**facts: Any) -> str:
    plain = Environment(  # noqa: S701 - plain text: nothing is escaped since nothing is markup
        loader=PackageLoader("otc_pipelines.flow"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return plain.get_template("alert.txt").render(**facts)
