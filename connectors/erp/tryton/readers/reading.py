"""What the readers share: the run they are in, followers, sweeps.

Belongs here: reading a model whose rows also change when another model's do. Not here: any one model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.erp.tryton.books import Books
from connectors.erp.tryton.changes import DATES, Changes, Feed
from connectors.erp.tryton.client import Record, TrytonClient
from connectors.erp.tryton.rows import batch
from connectors.kit.contract import Batch, Cursor, Entity, Item, KeySweep
from connectors.kit.errors import FatalError

_SWEEP_PAGE = 20_000


@dataclass(frozen=True)
class Run:
    """One run over one company's books."""

    client: TrytonClient
    books: Books
    changes: Changes

    def has(self, model: str, field: str = "id") -> bool:
        """Whether this database has a model and a field of it: both depend on the modules that are installed."""
        try:
            return field in self.client.call(model, "fields_get", [field], context=self.books.context)
        except FatalError:
            return False


@dataclass(frozen=True)
class Follower:
    """Another model whose changes change rows: its feed, and the condition on ours for a page of its records."""

    feed: Feed
    rows_of: Callable[[Sequence[Record]], list[Any]]


def read(
    run: Run,
    feed: Feed,
    followers: Sequence[Follower],
    batches: Callable[[Sequence[Record]], Iterator[Batch]],
    anchor: Entity,
) -> Iterator[Item]:
    """Yield the batches of all changes. A follower is not read at first, only its position is kept: all rows come."""
    first = run.changes.first(feed)
    positions = [c for f in followers for c in run.changes.position(f.feed)] if first else []
    for page in run.changes.pages(feed):
        yield from _with_cursor(list(batches(page.records)), page.cursor, anchor)
    for cursor in positions:
        yield batch(anchor, (), cursor)
    fields = [*dict.fromkeys((*feed.fields, *DATES))]
    for follower in () if first else followers:
        for page in run.changes.pages(follower.feed):
            condition = follower.rows_of(page.records)
            found = by_id(run, feed.model, [*feed.domain, *condition], fields) if condition else ()
            yield from _with_cursor([b for part in found for b in batches(part)], page.cursor, anchor)


def read_rows(run: Run, entity: Entity, feed: Feed, row: Callable[[Record], Mapping[str, Any]]) -> Iterator[Item]:
    """Yield the changes of a model whose records are a row each and change by themselves alone, then the sweep."""
    yield from read(run, feed, (), lambda records: iter([batch(entity, map(row, records))]), entity)
    yield from sweep(run, entity, feed.model, feed.domain)


def sweep(run: Run, entity: Entity, model: str, domain: Sequence[Any]) -> Iterator[KeySweep]:
    """Yield the ids that are alive, where sweeping is on: what is not among them was deleted."""
    if run.client.settings.sweep:
        ids = alive_ids(run, model, domain)
        yield KeySweep(entity, pa.table({entity.key[0]: pa.array([str(i) for i in ids], pa.string())}))


def alive_ids(run: Run, model: str, domain: Sequence[Any]) -> list[int]:
    """Return the ids of all records that match, in order."""
    found: list[int] = []
    while True:
        behind = [*domain, ("id", ">", found[-1])] if found else [*domain]
        ids = run.client.call(model, "search", behind, 0, _SWEEP_PAGE, [("id", "ASC")], context=run.books.context)
        if not ids:
            return found
        found += run.client.ascending(ids, found[-1] if found else 0, model)


def by_id(run: Run, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[list[Record]]:
    """Yield all records that match, in the order of their ids, a page at a time."""
    last = 0
    while True:
        part = run.client.search_read(
            model,
            [*domain, ("id", ">", last)],
            fields,
            limit=run.client.settings.page_rows,
            order=[("id", "ASC")],
            context=run.books.context,
        )
        if not part:
            return
        run.client.ascending([r["id"] for r in part], last, model)
        last = part[-1]["id"]
        yield part


def _with_cursor(parts: list[Batch], cursor: Cursor | None, anchor: Entity) -> Iterator[Batch]:
    """Put the cursor on the last batch of a page."""
    if not parts:
        yield batch(anchor, (), cursor)
        return
    yield from parts[:-1]
    yield Batch(parts[-1].entity, parts[-1].rows, parts[-1].absent, cursor)
