"""Writes to Tryton: one outcome an intent, the same again harmless, what may have been applied is never sent twice.

Belongs here: the loop over intents and what each failure means. Not here: the objects (``writing/``), whether to write
(reverse_sync).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.settings import TrytonSettings
from connectors.erp.tryton.writing.calls import Calls, NotWrittenError, PerhapsAppliedError
from connectors.erp.tryton.writing.parties import CreditLimits, Notes
from connectors.erp.tryton.writing.receipts import Receipts
from connectors.kit.contract import Intent, Outcome, OutcomeStatus
from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RejectedByVendor

_KEYS = 200


class _Object(Protocol):
    @property
    def vendor(self) -> str: ...

    @property
    def fields(self) -> tuple[str, ...]: ...

    def put(self, intent: Intent) -> str: ...

    def held(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]: ...


class TrytonWriter:
    """The connector's ``Writer``. Every record is written by itself: Tryton undoes a call as a whole."""

    def __init__(self, settings: TrytonSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = TrytonClient(settings, sleep=sleep)
        self._calls = Calls(self._client)
        self._objects: Mapping[str, _Object] = {
            "receipt": Receipts(self._calls),
            "credit_limit": CreditLimits(self._calls),
            "party_ar_status": Notes(self._calls),
        }

    def objects(self) -> Mapping[str, str]:
        """Return the outbound objects, each with its model in Tryton."""
        return {name: there.vendor for name, there in self._objects.items()}

    def write(self, object_name: str, intents: Sequence[Intent]) -> Iterator[Outcome]:
        """Write the intents one by one. Once one may have been applied or Tryton is away, the rest is not sent."""
        there = self._object(object_name)
        keys = [intent.key for intent in intents]
        if len(set(keys)) != len(keys):
            raise FatalError(f"{object_name}: a key is in one delivery twice; plan one change for each key")
        for name in dict.fromkeys(n for intent in intents for n in intent.fields):
            self._require(object_name, there, name)
        if not intents:
            return
        try:
            _ = self._calls.books  # user and company are sound, before anything is sent
            stopped = ""
            for intent in intents:
                if stopped:
                    yield Outcome(intent.key, OutcomeStatus.RETRY, f"not sent: {stopped}")
                    continue
                outcome, goes_on = self._put(there, intent)
                stopped = "" if goes_on else outcome.reason
                yield outcome
        finally:
            self._client.close()

    def read_back(
        self, object_name: str, keys: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Return what Tryton holds, under the names asked for."""
        there = self._object(object_name)
        for name in fields:
            self._require(object_name, there, name)
        found: dict[str, Mapping[str, Any]] = {}
        try:
            for start in range(0, len(keys), _KEYS):
                found.update(there.held(keys[start : start + _KEYS]))
        finally:
            self._client.close()
        return {key: {name: held.get(name) for name in fields} for key, held in found.items()}

    def _put(self, there: _Object, intent: Intent) -> tuple[Outcome, bool]:
        """Write one; return what became of it, and whether the next may be sent."""
        try:
            return Outcome(intent.key, OutcomeStatus.DELIVERED, target_id=there.put(intent)), True
        except PerhapsAppliedError as lost:
            return Outcome(intent.key, OutcomeStatus.UNKNOWN, str(lost)), False
        except (NotWrittenError, RejectedByVendor, FatalError) as refused:
            return Outcome(intent.key, OutcomeStatus.FAILED, str(refused)), True
        except ConfigError:
            raise
        except ConnectorError as problem:
            return Outcome(intent.key, OutcomeStatus.RETRY, str(problem)), False

    def _object(self, name: str) -> _Object:
        try:
            return self._objects[name]
        except KeyError:
            raise FatalError(f"{name!r} cannot be written; there are: {', '.join(self._objects)}") from None

    def _require(self, object_name: str, there: _Object, name: str) -> None:
        if name not in there.fields:
            raise FatalError(f"{object_name} has no field {name!r}; there are: {', '.join(there.fields)}")


def writer(settings: TrytonSettings) -> TrytonWriter:
    """Return the connector's writer."""
    return TrytonWriter(settings)
