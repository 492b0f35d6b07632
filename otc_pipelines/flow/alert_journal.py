"""The journal of alerts: what has been told and lasts, and what could not be told yet. A file beside the warehouse.

Belongs here: its shape, one writer at a time, writing it whole or not at all. Not here: what is worth telling, or how
it is told. It is no table: the alert that matters most is that the warehouse cannot be used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from connectors.kit.errors import FatalError

_log = logging.getLogger(__name__)
_WAIT = 60.0
_KEPT = 20  # of those that were given up


@dataclass
class Waiting:
    """A notification that some have not got yet: by channel, who, how often it was tried, when again, and why not."""

    id: str
    subject: str
    text: str
    facts: dict[str, Any]
    channels: dict[str, dict[str, Any]]


@dataclass
class Journal:
    """What lasts, by key; what waits; the last of what was given up."""

    lasting: dict[str, dict[str, str]] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    given_up: list[dict[str, Any]] = field(default_factory=list)

    def give_up(self, **facts: Any) -> None:
        """Keep the fact that somebody was never told."""
        self.given_up = [*self.given_up, facts][-_KEPT:]


def read(folder: Path) -> Journal:
    """Return the journal as it stands; an empty one where there is none, or what is there is none.

    FatalError where it cannot be read.
    """
    path = folder / "journal.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Journal(found["lasting"], [Waiting(**w) for w in found["waiting"]], found["given_up"])
    except FileNotFoundError:
        return Journal()
    except (ValueError, KeyError, TypeError):
        _log.error("%s is damaged; a new journal of alerts is begun, and lasting ones will be told again", path)
        return Journal()
    except OSError as problem:
        raise FatalError(f"{path} cannot be read: {problem.strerror or problem}; give the right") from None


@contextmanager
def writing(folder: Path) -> Iterator[tuple[Journal, Any]]:
    """Give the journal and what saves it; nobody else writes meanwhile. FatalError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "journal.lock", timeout=_WAIT):
            journal = read(folder)
            yield journal, lambda: _save(folder, journal)
    except Timeout:
        raise FatalError(f"the journal of alerts in {folder} is in use; it is tried again at the next run") from None
    except OSError as problem:
        why = problem.strerror or problem
        raise FatalError(
            f"the journal of alerts in {folder} cannot be written: {why}; make room, or give the right"
        ) from None


def _save(folder: Path, journal: Journal) -> None:
    unfinished = folder / "journal.json.part"
    unfinished.write_text(json.dumps(asdict(journal), ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.replace(folder / "journal.json")
