"""A target that keeps its records in a file, for tests of deliveries: every write is logged, faults are injected.

Belongs here: the stand-in for a vendor, usable from several threads and processes. Not here: tests.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from connectors.kit.contract import Intent, Outcome, OutcomeStatus

Fault = Callable[[Intent, int], Outcome | Exception | None]
OBJECT = "account_ar_status"


class FileTarget:
    """Records by key in a JSON file. ``fault(intent, nth write of the key)`` answers instead of the target; an
    exception ends the call there; ``apply_first`` lets the write happen before the fault speaks."""

    def __init__(self, path: Path, fault: Fault | None = None, *, apply_first: bool = False) -> None:
        self.path = path
        self.fault = fault
        self.apply_first = apply_first
        self.before_write: Callable[[Sequence[Intent]], None] = lambda intents: None
        self.reading: Callable[[], None] = lambda: None
        self._lock = FileLock(path.with_suffix(".lock"), thread_local=False)
        self._thread = threading.Lock()

    def objects(self) -> Mapping[str, str]:
        return {OBJECT: "Account"}

    def write(self, object_name: str, intents: Sequence[Intent]) -> Iterable[Outcome]:
        self.before_write(intents)
        assert object_name == OBJECT
        assert len({i.key for i in intents}) == len(intents)
        for intent in intents:
            yield self._one(intent)

    def read_back(
        self, object_name: str, keys: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        self.reading()
        records = self.state()["records"]
        return {k: {f: records[k].get(f) for f in fields} for k in keys if k in records}

    def state(self) -> dict[str, Any]:
        with self._thread, self._lock:
            return self._load()

    def edit(self, key: str, **fields: Any) -> None:
        with self._thread, self._lock:
            state = self._load()
            state["records"][key].update(fields)
            self.path.write_text(json.dumps(state))

    def writes(self) -> list[tuple[str, int]]:
        return [(key, version) for key, version in self.state()["writes"]]

    def _one(self, intent: Intent) -> Outcome:
        nth = sum(1 for key, _ in self.writes() if key == intent.key) + 1
        answer = self.fault(intent, nth) if self.fault else None
        if answer is None or self.apply_first:
            self._apply(intent)
        else:
            self._note(intent)
        if isinstance(answer, Exception):
            raise answer
        return answer or Outcome(intent.key, OutcomeStatus.DELIVERED)

    def _apply(self, intent: Intent) -> None:
        with self._thread, self._lock:
            state = self._load()
            state["writes"].append([intent.key, intent.version])
            changed = state["records"].get(intent.key) != dict(intent.fields)
            if changed:
                state["effects"].append([intent.key, intent.version])
            state["records"].setdefault(intent.key, {}).update(intent.fields)
            self.path.write_text(json.dumps(state))

    def _note(self, intent: Intent) -> None:
        with self._thread, self._lock:
            state = self._load()
            state["writes"].append([intent.key, intent.version])
            self.path.write_text(json.dumps(state))

    def _load(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"records": {}, "writes": [], "effects": []}
        loaded: dict[str, Any] = json.loads(self.path.read_text())
        return loaded
