"""Reads what is new or changed of a model, page by page, by keyset on Tryton's own dates.

Belongs here: passes, pages, positions. Not here: which fields, and what a record becomes.

``write_date`` is empty until a record is first modified, and an order by the later of two fields cannot be asked for.
So a model is read in two passes, each a keyset of its own with a cursor of its own: ``created`` (never modified, by
create_date and id), then ``written`` (by write_date and id). A record that is modified between the passes comes in the
second. Both dates are the *beginning* of a transaction: a long one commits behind the cursor, hence the lookback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from connectors.erp.tryton.client import Record, TrytonClient
from connectors.kit.contract import Cursor, Cursors
from connectors.kit.errors import RetriableError
from connectors.kit.incremental import Keyset, Watermark, instant, lower_bound

DATES = ("create_date", "write_date")
EVERY = ("active", "in", [True, False])
"""What a domain needs so that Tryton does not leave out what is not active."""

_PASSES: tuple[tuple[str, str, list[Any]], ...] = (
    ("created", "create_date", [("write_date", "=", None)]),
    ("written", "write_date", []),
)


@dataclass(frozen=True)
class Page:
    """Records of one page, in order, and how far the stream is read with them."""

    records: Sequence[Record]
    cursor: Cursor | None


@dataclass(frozen=True)
class Feed:
    """What is read of one model: under which stream name, and which records at all."""

    stream: str
    model: str
    domain: Sequence[Any]
    fields: Sequence[str]


class Changes:
    """The changes of one database since the cursors that are stored."""

    def __init__(self, client: TrytonClient, cursors: Cursors, context: Any) -> None:
        self._client = client
        self._cursors = cursors
        self._context = context
        self._lookback = timedelta(seconds=client.settings.lookback_seconds)

    def first(self, feed: Feed) -> bool:
        """Whether the feed was never read."""
        return not any(f"{feed.stream}:{name}" in self._cursors for name, _, _ in _PASSES)

    def pages(self, feed: Feed) -> Iterator[Page]:
        """Yield everything that is new or changed, in pages of at most ``page_rows`` records."""
        for name, field, only in _PASSES:
            yield from self._pass(feed, f"{feed.stream}:{name}", field, only)

    def position(self, feed: Feed) -> Iterator[Cursor]:
        """Yield where the feed stands now, without reading it: what changes later will be found from there."""
        for name, field, only in _PASSES:
            domain = [*feed.domain, *only, (field, "!=", None)]
            last = self._client.search_read(
                feed.model, domain, [field], limit=1, order=[(field, "DESC"), ("id", "DESC")], context=self._context
            )
            if last:
                yield Cursor(f"{feed.stream}:{name}", literal(last[0][field]), str(last[0]["id"]))

    def _pass(self, feed: Feed, stream: str, field: str, only: Sequence[Any]) -> Iterator[Page]:
        cursor = self._cursors.get(stream)
        start = lower_bound(cursor, self._lookback)
        mark = Watermark.of(stream, cursor)
        fields = [*dict.fromkeys((*feed.fields, *DATES))]

        order = [(field, "ASC"), ("id", "ASC")]
        after: Keyset | None = None
        while True:  # until a page is empty: a page that is merely short ends nothing
            domain = [*feed.domain, *only, *_behind(field, start, after)]
            records = self._client.search_read(
                feed.model, domain, fields, limit=self._client.settings.page_rows, order=order, context=self._context
            )
            if not records:
                return
            _refuse_disorder(f"{self._client.host}: {feed.model}", records, field, after)
            after = Keyset(literal(records[-1][field]), str(records[-1]["id"]))
            mark.see(after.position, after.key)
            yield Page(records, mark.cursor)


def literal(moment: datetime) -> str:
    """Return a time of Tryton's as it stands in a cursor: nothing of it is lost."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def recorded(*records: Record | None) -> datetime:
    """Return when the latest of these records was last created or modified."""
    moments = [r[d] for r in records if r for d in DATES if r.get(d) is not None]
    return max(moments) if moments else datetime(1970, 1, 1, tzinfo=UTC)


def _behind(field: str, start: datetime | None, after: Keyset | None) -> list[Any]:
    if after is not None:
        moment = instant(after.position)
        return [["OR", (field, ">", moment), [(field, "=", moment), ("id", ">", int(after.key))]]]
    return [(field, "!=", None)] if start is None else [(field, ">=", start)]


def _refuse_disorder(what: str, records: Sequence[Record], field: str, after: Keyset | None) -> None:
    """Refuse a page that is not what was asked for: out of order, without its date, or with rows from before."""
    keys = [(r[field], r["id"]) for r in records]
    if any(k[0] is None for k in keys):
        raise RetriableError(f"{what}: a page that was not asked for came; nothing of it is kept, try again")
    last = [(instant(after.position), int(after.key))] if after else []
    both = [*last, *keys]
    if any(later <= earlier for earlier, later in pairwise(both)):
        raise RetriableError(f"{what}: a page came out of order; nothing of it is kept, try again")
