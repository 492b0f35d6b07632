"""What a channel is: a way to tell people or programs that something happened. Mail is one, a webhook another.

Belongs here: types and their meaning. Not here: what is worth telling, any wire. A channel is no source and no target:
it gives no rows and takes no records, so it has a declaration, and a contract suite, of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from connectors.kit.contract import CheckResult, Outcome, Settings
from connectors.kit.redact import redact_text


@dataclass(frozen=True)
class Notification:
    """Something to tell. ``id`` stays the same however often it is sent, so that a receiver can tell a repetition.

    ``facts`` says the same as ``text``, for programs. Card numbers are taken out of all of it, and ``subject`` is one
    line of characters that can be seen, whatever it was made from.
    """

    id: str
    subject: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen = "".join(c if c.isprintable() else " " for c in self.subject)
        object.__setattr__(self, "subject", redact_text(" ".join(seen.split())))
        object.__setattr__(self, "text", redact_text(self.text))
        object.__setattr__(self, "facts", _redacted(self.facts))


class Notifier(Protocol):
    """Tells through one channel."""

    def recipients(self) -> Sequence[str]:
        """Return whom it tells, under names that may be shown."""
        ...

    def notify(self, notification: Notification, recipients: Sequence[str]) -> Iterable[Outcome]:
        """Tell these recipients and yield exactly one outcome for each: delivered, failed for good, or retry later.

        It tries again by itself for a short while. A ConnectorError says that nobody could be told.
        """
        ...


@dataclass(frozen=True)
class Channel:
    """A channel's declaration, which ``connectors/messaging/<name>/channel.py`` must define as ``CHANNEL``.

    ``check`` connects and logs in, and sends nothing.
    """

    name: str
    title: str
    settings: type[Settings]
    notifier: Callable[[Any], Notifier]
    check: Callable[[Any], Iterable[CheckResult]]


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {k: _redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(v) for v in value]
    return value
