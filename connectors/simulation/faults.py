"""Faults that a simulated vendor can be told to have: which request meets one, and what happens to it.

Belongs here: what a fault is, matching it to requests, counting it down. Not here: a vendor's own words (its simulator
asks ``row_error`` and ``fires``), sockets (``server``).

    Faults(Fault("rate_limit", path=r"/query", after=2, seconds=1), Fault("lose_answer", method="PATCH"))
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

Kind = Literal[
    "rate_limit",  # 429 with Retry-After: seconds
    "unavailable",  # 503, or the status and JSON body given
    "html",  # 200 with a page for people
    "drop",  # the connection breaks before the request is applied
    "lose_answer",  # the request is applied, then the connection breaks without an answer, after `seconds`
    "truncate",  # the body stops half-way, under a whole Content-Length of that half
    "short",  # rows are missing from a page, without a word (the vendor's simulator leaves out `rows` of them)
    "expire_token",  # all tokens given so far stop being valid
    "redirect",  # 307 to `url`
    "foreign_next",  # the link to the next page points to `url` (the vendor's simulator says where it stands)
    "repeat_page",  # the link to the next page leads to the same page again
    "row_error",  # rows of a write fail with `code` (those in `keys`, else the first `rows` of a request)
    "abort_job",  # an asynchronous job ends half-way: `rows` are done, the rest is not
]


@dataclass(frozen=True)
class Fault:
    """One fault: it meets ``times`` requests that match, after letting ``after`` of them pass."""

    kind: Kind
    path: str = ""
    method: str = ""
    after: int = 0
    times: int = 1
    seconds: float = 0
    status: int = 503
    url: str = ""
    body: str = ""
    code: str = ""
    keys: frozenset[str] = frozenset()
    rows: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request is one of those that this fault is about."""
        return (not self.method or self.method == method) and re.search(self.path, path) is not None


@dataclass
class _Live:
    fault: Fault
    seen: int = 0
    fired: int = 0
    by_key: dict[str, int] = field(default_factory=dict)


class Faults:
    """The faults of one simulator. Thread safe; more can be added while it runs."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = Lock()
        self._live = [_Live(f) for f in faults]

    def add(self, *faults: Fault) -> None:
        """Have further faults from now on."""
        with self._lock:
            self._live.extend(_Live(f) for f in faults)

    def clear(self) -> None:
        """Have none from now on."""
        with self._lock:
            self._live.clear()

    def fires(self, kinds: Iterable[Kind], method: str, path: str) -> Fault | None:
        """Return the fault of these kinds that this request meets, and count it; None where it is spared."""
        wanted = frozenset(kinds)
        with self._lock:
            for live in self._live:
                fault = live.fault
                if fault.kind not in wanted or not fault.matches(method, path):
                    continue
                live.seen += 1
                if live.seen > fault.after and live.fired < fault.times:
                    live.fired += 1
                    return fault
        return None

    def row_error(self, path: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the error code of each row that fails: named keys fail ``times`` times each; else the first rows."""
        failing: dict[str, str] = {}
        listed = list(keys)
        with self._lock:
            for live in self._live:
                fault = live.fault
                if fault.kind != "row_error" or not re.search(fault.path, path):
                    continue
                chosen = [k for k in listed if k in fault.keys] if fault.keys else listed[: fault.rows]
                if not fault.keys and chosen:
                    live.fired += 1
                for key in chosen:
                    live.by_key[key] = live.by_key.get(key, 0) + 1
                    if (live.by_key[key] if fault.keys else live.fired) <= fault.times:
                        failing[key] = fault.code
        return failing
