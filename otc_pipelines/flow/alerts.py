"""Alerts: something failed, or fell silent, that a person must look at. Always to the log; to a file and channels too.

Belongs here: saying each occurrence once, in words. Not here: what is worth an alert (``occurrences``), who gets it and
when it is tried again (``alert_delivery``), any wire (``connectors/messaging``). Nothing here ever fails a run.
"""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from connectors.kit.contract import CheckResult
from connectors.kit.errors import ConnectorError
from connectors.kit.notifying import Notification
from connectors.kit.redact import redact_text
from otc_pipelines.flow.alert_delivery import begun, deliver, folder, now_or_never
from otc_pipelines.flow.alert_journal import read, writing
from otc_pipelines.settings import Instance

_log = logging.getLogger(__name__)
_WORDS = {"run_failed": "failed", "gate_failed": "gate failed", "silent_source": "silent"}
_unwritten: set[tuple[Path, str]] = set()
"""What this process has told while the journal could not be written, so that it is not told each minute."""

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
    a file or a journal that cannot be used: that is logged. Without a journal it is tried once, which is better than
    silence where the disk is full.
    """
    over = set(cleared)
    try:
        try:
            new = _noted(instance, occurred, over, now())
        except ConnectorError as problem:
            _log.error("alerts: %s", problem)
            return _told_without_journal(instance, occurred, over, now())
        deliver(instance, now)
        return len(new)
    except Exception:  # a defect here must not cost a run; the log shows it
        _log.exception("alerts broke")
    return 0


def undelivered(instance: Instance) -> list[CheckResult]:
    """What could not be told, a line each: what waits for another try, and the last that was given up."""
    try:
        journal = read(folder(instance))
    except ConnectorError as problem:
        return [CheckResult("journal", False, str(problem))]
    waiting = [
        CheckResult(f"waiting {name}", False, f"{w.subject}: {state['reason'] or 'not tried yet'}")
        for w in journal.waiting
        for name, state in w.channels.items()
    ]
    return waiting + [
        CheckResult(f"never told {g['channel']}", True, f"{g['at']} {g['subject']}: {g['reason']}")
        for g in journal.given_up
    ]


def _noted(instance: Instance, occurred: Sequence[Occurrence], over: set[str], at: datetime) -> list[Occurrence]:
    """Write down what is new and what is over, before anything is sent; return what is new."""
    with writing(folder(instance)) as (journal, save):
        lasting = {k: v for k, v in journal.lasting.items() if k not in over}
        new = list({o.key: o for o in occurred if o.key not in lasting}.values())
        lasting |= {o.key: {"since": at.isoformat(), "message": _one_line(o.message), "run_id": o.run_id} for o in new}
        if lasting == journal.lasting:
            return []
        journal.lasting = lasting
        if new:
            waiting = begun(instance, _notification(instance, new, at), at)
            journal.waiting += [waiting] if waiting.channels else []
        save()
    _unwritten.difference_update({(instance.path, k) for k in over | set(lasting)})
    for o in new:
        _log.error("%s: %s: %s", o.kind, o.subject, _one_line(o.message))
    return new


def _told_without_journal(instance: Instance, occurred: Sequence[Occurrence], over: set[str], at: datetime) -> int:
    _unwritten.difference_update({(instance.path, k) for k in over})
    new = list({o.key: o for o in occurred if (instance.path, o.key) not in _unwritten}.values())
    for o in new:
        _log.error("%s: %s: %s", o.kind, o.subject, _one_line(o.message))
        _unwritten.add((instance.path, o.key))
    if new:
        now_or_never(instance, _notification(instance, new, at))
    return len(new)


def _notification(instance: Instance, new: Sequence[Occurrence], at: datetime) -> Notification:
    company, host = instance.company.name, socket.gethostname()
    alerts = [
        {"kind": o.kind, "subject": o.subject, "message": _one_line(o.message), "where": o.where, "run_id": o.run_id}
        for o in new
    ]
    return Notification(
        id=uuid.uuid4().hex,
        subject=_subject(company, new),
        text=_text(company=company, alerts=alerts, words=_WORDS, at=f"{at:%Y-%m-%d %H:%M} UTC", host=host),
        facts={"at": at.isoformat(), "company": company, "host": host, "alerts": alerts},
    )


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
