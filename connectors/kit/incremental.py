"""How a source is read again without reading all of it: keyset windows, the overlap, guards against lying pages.

Belongs here: positions, their order, when paging must stop. Not here: where a position is stored (the warehouse keeps
it, in the transaction of its rows), what a vendor's query looks like.

    lower bound = last position - lookback, inclusive   (rows become visible late, and carry an older time)
    next window = (position, key) > the last one        (ties on the position are split by the key)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from connectors.kit.contract import Cursor
from connectors.kit.errors import FatalError, RetriableError

Part = TypeVar("Part")
_FRACTION = re.compile(r"\.(\d+)")


def instant(literal: str) -> datetime:
    """Read a timestamp with its offset, as UTC. Raises ValueError for one without: it would be a guess."""
    parsed = datetime.fromisoformat(literal.strip())
    if parsed.tzinfo is None:
        raise ValueError(f"{literal!r} has no offset from UTC; the source must state one")
    return parsed.astimezone(UTC)


def time_order(literal: str) -> tuple[datetime, str]:
    """Order timestamps by instant, also where a source's fractions are finer than a microsecond."""
    fraction = _FRACTION.search(literal)
    return instant(literal), (fraction.group(1).rstrip("0") if fraction else "")


def lower_bound(cursor: Cursor | None, lookback: timedelta) -> datetime | None:
    """Return where to read from, inclusive: the overlap catches rows that were committed late. None: from the start."""
    if cursor is None:
        return None
    try:
        return instant(cursor.position) - lookback
    except ValueError as error:
        raise FatalError(f"cursor of stream {cursor.stream!r} cannot be read: {error}") from None


@dataclass(frozen=True)
class Keyset:
    """The last row read: its position as the source wrote it, and its key."""

    position: str
    key: str


@dataclass
class Watermark:
    """The furthest position seen in a stream. It only moves forward, and keeps the source's own literal."""

    stream: str
    order: Callable[[str], Any] = time_order
    position: str | None = None
    key: str = ""

    @classmethod
    def of(cls, stream: str, cursor: Cursor | None, order: Callable[[str], Any] = time_order) -> Watermark:
        """Start from what is stored."""
        return cls(stream, order, cursor.position if cursor else None, cursor.key if cursor else "")

    def see(self, position: str, key: str) -> None:
        """Move forward to this row, if it is further."""
        if self.position is None or (self.order(position), key) > (self.order(self.position), self.key):
            self.position, self.key = position, key

    @property
    def cursor(self) -> Cursor | None:
        """What to store with the rows; None while nothing was ever seen."""
        return None if self.position is None else Cursor(self.stream, self.position, self.key)


@dataclass
class PageGuard:
    """Stops paging that does not advance: the same page twice, or a link that was followed before."""

    what: str
    _seen: set[bytes] = field(default_factory=set)

    def page(self, keys: Iterable[str]) -> None:
        """Refuse a page whose keys, in order, were already there. An empty page says nothing and passes."""
        digest = hashlib.sha256()
        empty = True
        for key in keys:
            empty = False
            digest.update(len(key).to_bytes(8, "big") + key.encode())
        if not empty:
            self._once(digest.digest(), "the same page came twice")

    def link(self, link: str) -> None:
        """Refuse a link to a next page that was followed before."""
        self._once(b"link:" + link.encode(), "its link to the next page leads back")

    def _once(self, mark: bytes, complaint: str) -> None:
        if mark in self._seen:
            raise RetriableError(f"{self.what}: {complaint}; reading stopped, nothing of this window is kept")
        self._seen.add(mark)


def expect_count(what: str, stated: int, received: int) -> None:
    """Refuse a result that is silently short, or long: the source stated another number of rows than it gave."""
    if stated != received:
        raise RetriableError(
            f"{what}: {stated} rows were announced and {received} came; nothing of it is kept, try again"
        )


@dataclass(frozen=True)
class Window(Generic[Part]):
    """Rows read in one go, ordered by (position, key): in parts (pages), the last row, and how many rows it is."""

    parts: Sequence[Part]
    last: Keyset | None
    size: int


def keyset_windows(
    fetch: Callable[[Keyset | None, int], Window[Part]], size: int, what: str, start: Keyset | None = None
) -> Iterator[Window[Part]]:
    """Read windows of ``size`` rows, each behind the last row of the one before, until one is not full.

    ``fetch(after, size)`` must return rows strictly behind ``after``. Memory is bounded by the window; thousands of
    rows with one position are split by their keys.
    """
    if size < 1:
        raise ValueError(f"a window of {size} rows cannot advance")
    after = start
    while True:
        window = fetch(after, size)
        if window.size == 0:
            return
        if window.last is None or window.last == after:
            raise RetriableError(f"{what}: reading does not advance; the source gave the same last row again")
        yield window
        if window.size < size:
            return
        after = window.last
