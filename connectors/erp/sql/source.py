"""The views as a dlt source: a resource an entity, incremental where the view says when a row was recorded.

    recorded_at in the view   rows at or behind the last position less the overlap, and those without a time, each run
    no recorded_at            all rows each run; what did not change writes nothing
Belongs here: what is asked of a view. Not here: SQL (``kit.sql``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connectors.erp.sql.settings import SqlSettings
from connectors.kit.contract import Batch, Cursor, Cursors, Entity, Item, KeySweep
from connectors.kit.errors import ConfigError
from connectors.kit.receivables import RECEIVABLES
from connectors.kit.sql import Database, Page, Read, View
from connectors.kit.text_table import Writing
from connectors.kit.validation import key_columns

CURSOR = "recorded_at"
_RESERVED = ("_file", "_line")
#: A time further ahead than this is a typing error; the position never follows it, or nothing would be read any more.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class EntityView:
    """An entity, its view, and the view's column of each declared one."""

    entity: Entity
    view: View
    columns: dict[str, str]

    @property
    def stream(self) -> str:
        """Return the cursor's name; another view of the entity is read from its start."""
        return f"{self.entity.name}:{self.view.title}"

    @property
    def key(self) -> list[str]:
        """Return the view's columns of the entity's key. ConfigError when one is not there."""
        missing = [name for name in self.entity.key if name not in self.columns]
        if missing:
            has = ", ".join(self.view.columns)
            raise ConfigError(
                f"view {self.view.title} has no column {missing[0]!r}, the key of {self.entity.name}; it has {has}"
            )
        return [self.columns[name] for name in self.entity.key]


def source(name: str, settings: SqlSettings, cursors: Cursors) -> Any:
    """Return the dlt source: one resource for each entity that has a view."""
    import dlt

    @dlt.source(name=name)
    def views() -> Any:
        with Database(settings.url.get_secret_value()) as database:
            found = entity_views(database, settings)
        return [dlt.resource(_reader(settings, each, cursors), name=each.entity.name) for each in found]

    return views()


def entity_views(database: Database, settings: SqlSettings) -> list[EntityView]:
    """Return the entities with their views: those configured, else those named alike. ConfigError: there are none."""
    if settings.views:
        wanted = settings.views
    else:
        there = {name.lower(): name for name in database.names(settings.db_schema)}
        wanted = {e.name: there[e.name] for e in RECEIVABLES if e.name in there}
    if not wanted:
        raise ConfigError(
            f"no view is named as an entity, such as documents, in schema {settings.db_schema or 'of the login'}; "
            "name them under views"
        )
    found = []
    for entity in RECEIVABLES:
        if entity.name in wanted:
            view = database.view(wanted[entity.name], settings.db_schema)
            lowered = {name.lower(): name for name in view.columns} | {name: name for name in view.columns}
            found.append(
                EntityView(entity, view, {f.name: lowered[f.name] for f in entity.fields if f.name in lowered})
            )
    return found


def _reader(settings: SqlSettings, each: EntityView, cursors: Cursors) -> Any:
    def read() -> Iterator[Item]:
        with Database(settings.url.get_secret_value()) as database:
            yield from _rows(database, settings, each, cursors.get(each.stream))
            if settings.sweep:
                yield from _sweep(database, settings, each)

    return read


def _rows(database: Database, settings: SqlSettings, each: EntityView, cursor: Cursor | None) -> Iterator[Item]:
    base = Read(
        each.view,
        list(each.view.columns),
        each.key,
        {each.columns[f.name]: f.type for f in each.entity.fields if f.name in each.columns},
        Writing(settings.timezone, settings.floats == "allow"),
        cursor=each.columns.get(CURSOR),
        rows=settings.batch_rows,
    )
    if base.cursor is None:
        for page in database.read(base):
            yield _batch(each, page, None)
        return
    for page in database.read(_with(base, unplaced=True)):
        yield _batch(each, page, None)
    overlap = timedelta(seconds=settings.overlap_seconds)
    for page in database.read(_with(base, since=cursor.position if cursor else None, overlap=overlap)):
        yield _batch(each, page, _position(each, page))


def _with(read: Read, **changes: Any) -> Read:
    return Read(**{**vars(read), **changes})


def _batch(each: EntityView, page: Page, cursor: Cursor | None) -> Batch:
    ours = {theirs: name for name, theirs in each.columns.items()}
    names = [ours.get(c, f"{c} (source)" if c in _RESERVED else c) for c in page.rows.column_names]
    rows = page.rows.rename_columns(names)
    rows = rows.append_column("_file", pa.array([each.view.title] * rows.num_rows, pa.string()))
    declared = {f.name for f in each.entity.columns}
    return Batch(each.entity, rows, frozenset(declared - set(names)), cursor)


def _position(each: EntityView, page: Page) -> Cursor | None:
    """Return the cursor behind a page, unless its time is not one, or lies ahead of every clock."""
    if page.last is None:
        return None
    try:
        moment = datetime.fromisoformat(page.last.literal)
    except ValueError:
        return None
    if moment.replace(tzinfo=moment.tzinfo or UTC) > datetime.now(UTC) + _AHEAD:
        return None
    return Cursor(each.stream, page.last.literal, page.last.key)


def _sweep(database: Database, settings: SqlSettings, each: EntityView) -> Iterator[Item]:
    """Give all keys that are there. An empty view is not swept: a lost permission must not delete everything."""
    writing = Writing(settings.timezone, settings.floats == "allow")
    kinds = {each.columns[f.name]: f.type for f in each.entity.fields if f.name in each.columns}
    pages = [
        page.rows
        for page in database.read(Read(each.view, each.key, each.key, kinds, writing, rows=settings.batch_rows))
    ]
    if pages:
        keys = pa.concat_tables(pages).rename_columns(list(each.entity.key))
        yield KeySweep(each.entity, key_columns(keys, each.entity))
