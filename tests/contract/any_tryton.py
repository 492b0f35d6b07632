"""What the suite does to a Tryton, a simulated one or a live one: spoil its answers, misconfigure it, write limits.

Belongs here: what both worlds share. Not here: the books of either.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Intent, Settings
from connectors.kit.errors import ConfigError, ConnectorError, RetriableError
from connectors.simulation.faults import Fault, Faults
from tests.contract.case import World

WRITE = "model.party.party.write"


def options(url: str, database: str, username: str, password: str, **more: Any) -> dict[str, Any]:
    """What a source of otc.yaml says of a Tryton on loopback, the password as a value; it is not waited for long."""
    return {
        "url": url,
        "database": database,
        "username": username,
        "password": password,
        "allow_private": True,
        "attempts": 2,
        "first_wait_seconds": 0,
        **more,
    }


class AnyTryton(World, ABC):
    """A world of Tryton. ``reading``: path of the calls that are spoilt; ``opening``: how many of them are let pass."""

    batch_rows = 50
    reading: str
    opening: int

    def __init__(self, said: dict[str, Any], faults: Faults) -> None:
        self._options = {**said, "page_rows": self.batch_rows, "batch_rows": self.batch_rows}
        self._faults = faults
        self.settings = self.other()

    def other(self, **changed: object) -> TrytonSettings:
        """The settings that reach it, but for some."""
        return TrytonSettings(**{**self._options, **changed})

    def spoil(self) -> Iterable[str]:
        for name, kind, more in (
            ("a web page", "html", {}),
            ("half an answer", "truncate", {}),
            ("down", "unavailable", {}),
            ("another host", "redirect", {"url": "http://127.0.0.2:9/"}),
        ):
            self._faults.add(Fault(kind, path=self.reading, after=self.opening, times=99, **more))
            yield name
            self._faults.clear()

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        yield "wrong password", self.other(password="not-this-one"), ConfigError
        yield "no such company", self.other(company="Nobody Inc"), ConfigError
        yield "nobody there", self.other(url="http://127.0.0.1:9"), RetriableError

    @abstractmethod
    def parties(self) -> list[str]:
        """Ids of a few parties."""

    def intents(self) -> tuple[str, list[Intent], list[Intent]]:
        return "credit_limit", self._limits(1, "1000.50"), self._limits(2, "0.00")

    def lose_answer(self) -> None:
        self._faults.add(Fault("lose_answer", path=WRITE))

    def _limits(self, version: int, amount: str) -> list[Intent]:
        fields = {"credit_limit_amount": amount, "currency": "USD"}
        return [Intent(key, fields, f"{version}-{key}", version) for key in self.parties()]
