"""What the suite asks of a channel's case: the receiving side, real and on loopback, which can be in a bad mood.

A case is ``tests/contract/channels/<channel>.py`` with ``CASE``, a function that takes an empty folder and gives a
context of a ``Receiver``.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from connectors.kit.contract import Settings
from connectors.kit.notifying import Channel

CASES = Path(__file__).parent / "channels"


class Receiver(ABC):
    """Whoever is told. ``settings`` reach it without long waits between tries."""

    settings: Settings
    secrets: tuple[str, ...] = ()

    @abstractmethod
    def got(self) -> list[tuple[str, str, str]]:
        """Return what came: recipient, what identifies the notification, and all of its text that can be read."""

    @abstractmethod
    def put_off(self, times: int) -> None:
        """Say to the next tries: later."""

    @abstractmethod
    def refuse(self) -> str:
        """Say no to a recipient from now on; return whom."""

    @abstractmethod
    def unusable(self) -> Iterable[tuple[str, Settings]]:
        """Return settings under which nobody can be told, each with a name."""


class Case(Protocol):
    """Builds a receiver in an empty folder."""

    def __call__(self, folder: Path) -> AbstractContextManager[Receiver]: ...


def case_of(channel: Channel) -> Case:
    """Return a channel's case."""
    module = importlib.import_module(f"tests.contract.channels.{channel.name}")
    case: Case = module.CASE
    return case
