"""What every simulated vendor is, whatever it answers: a loopback server over a store, with faults and a log.

Belongs here: starting, stopping, where it listens, what it was asked, serving it for people. Not here: any vendor's
dialect, which a simulator gives as its ``_answer``.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from connectors.simulation.faults import Faults
from connectors.simulation.server import Answer, LoopbackServer, Request
from connectors.simulation.store import Store


class Simulator(ABC):
    """A simulated vendor. Use as a context manager; its state stays in ``state_dir``.

    A subclass makes what it answers from of ``self._store``, and listens last: nothing is left open where that fails.
    """

    _server: LoopbackServer

    def __init__(self, state_dir: Path, faults: Faults | None) -> None:
        self.faults = faults or Faults()
        self._state_dir = state_dir
        self._store = Store(state_dir)

    def _listen(self, port: int, **options: Any) -> None:
        """Open the server's port, with these options of ``LoopbackServer``; it answers once it is entered."""
        self._server = LoopbackServer(self._answer, self._state_dir, port=port, faults=self.faults, **options)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._store):
            self._server.close()

    @property
    def url(self) -> str:
        """Where it listens: the address of the login, too."""
        return self._server.url

    @property
    def ca_bundle(self) -> Path | None:
        """The authority to trust; None without TLS."""
        return self._server.ca_bundle

    def log(self) -> list[dict[str, Any]]:
        """Return all requests that ever came, oldest first, with what was noted of each."""
        return self._server.log()

    def writes(self) -> list[dict[str, Any]]:
        """Return the requests that tried to change records, with their keys."""
        return [line for line in self.log() if line.get("writes")]

    @abstractmethod
    def _answer(self, request: Request) -> Answer:
        """Answer a request as the vendor does."""


def serve_people(said: Sequence[str]) -> None:
    """Say how to connect, then serve until interrupted: for a simulator that was entered."""
    sys.stdout.write("\n".join(said) + "\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
