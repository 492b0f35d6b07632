"""What the views hold by the database's own count: rows, and sums of their amounts, beside the reading of rows.

Belongs here: the question to a view. Not here: SQL (``kit.sql``), comparing.

The database counts and adds by itself where it has decimals. SQLite has none, so of SQLite the amounts of all rows are
fetched and added here, in a statement of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa

from connectors.erp.sql.settings import SqlSettings
from connectors.erp.sql.source import CURSOR, EntityView, entity_views
from connectors.kit.contract import DELETED, Counter, FieldType, Listed, Question, Totals
from connectors.kit.incremental import instant
from connectors.kit.sql import Database, Read, Sum
from connectors.kit.text_table import Writing, moment_text
from connectors.kit.totals import Adding, alive, group_columns, money_columns, stripped_key
from connectors.kit.validation import key_columns, key_text


@contextmanager
def counting(settings: SqlSettings) -> Iterator[Counter]:
    """Connect; the views are looked up once."""
    with Database(settings.url.get_secret_value()) as database:
        yield _Views(settings, database, {v.entity.name: v for v in entity_views(database, settings)})


class _Views:
    def __init__(self, settings: SqlSettings, database: Database, views: dict[str, EntityView]) -> None:
        self._settings, self._database, self._views = settings, database, views

    def totals(self, question: Question) -> Totals | None:
        """Count and add a view's living rows."""
        each = self._views.get(question.entity.name)
        if each is None:
            return None
        amounts = {f.name: each.columns[f.name] for f in money_columns(each.entity) if f.name in each.columns}
        told_apart = [f.name for f in (*group_columns(each.entity), DELETED) if f and f.name in each.columns]
        groups = {name: each.columns[name] for name in told_apart}
        if not self._database.adds_exactly:
            return Totals(self._added_here(question, each, groups, amounts))
        literal, until = self._bound(question, each)
        asked = Sum(
            each.view,
            list(groups.values()),
            list(amounts.values()),
            each.key,
            sorted(map(stripped_key, question.without)),
            each.columns.get(CURSOR),
            literal,
        )
        counted = list(self._database.summed(asked))
        exact = [n for at, n in enumerate(amounts) if any(c.sums[at] is not None for c in counted) or not counted]
        adding = Adding(each.entity, exact)
        for part in counted:
            said = dict(zip(groups, part.group, strict=True))
            if alive(said.pop("deleted", None)):
                sums = dict(zip(amounts, part.sums, strict=True))
                adding.add(part.rows, sums, said.get("legal_entity"), said.get("currency"))
        return Totals(adding.groups, until)

    def listed(self, question: Question) -> Iterator[Listed]:
        """Give the keys of the rows that are counted."""
        each = self._views[question.entity.name]
        _, until = self._bound(question, each)
        wanted = [n for n in (*each.entity.key, CURSOR, DELETED.name) if n in each.columns]
        for rows in self._rows(each, {n: each.columns[n] for n in wanted}):
            kept = rows.filter(pa.array(self._counts(question, each, rows)))
            times = kept.column(CURSOR).combine_chunks() if CURSOR in wanted else None
            if until is not None and times is not None:
                within = [t is None or instant(t) <= until for t in times.to_pylist()]
                kept, times = kept.filter(pa.array(within)), times.filter(pa.array(within))
            yield Listed(key_columns(kept, each.entity), times)

    def _bound(self, question: Question, each: EntityView) -> tuple[str | None, datetime | None]:
        """Return the position up to which rows count, as the source writes it and in UTC."""
        cursor, column = question.cursors.get(each.stream), each.columns.get(CURSOR)
        moment = self._database.bound(each.view, column, cursor.position) if cursor and column else None
        if cursor is None or moment is None:
            return None, None
        try:
            return cursor.position, instant(moment_text(moment, self._settings.timezone))
        except ValueError:
            return None, None

    def _added_here(
        self, question: Question, each: EntityView, groups: dict[str, str], amounts: dict[str, str]
    ) -> tuple[Any, ...]:
        adding = Adding(each.entity, list(amounts))
        key = {name: each.columns[name] for name in each.entity.key}
        for rows in self._rows(each, {**key, **groups, **amounts}):
            for row in rows.filter(pa.array(self._counts(question, each, rows))).to_pylist():
                adding.add(1, row, row.get("legal_entity"), row.get("currency"))
        return adding.groups

    def _counts(self, question: Question, each: EntityView, rows: pa.Table) -> list[bool]:
        """Say of each row whether it has a key, lives, and is not left out."""
        keys, without = key_text(rows, each.entity).to_pylist(), set(map(stripped_key, question.without))
        stated = zip(*(rows.column(n).to_pylist() for n in each.entity.key), strict=True)
        living = rows.column("deleted").to_pylist() if "deleted" in rows.column_names else [None] * rows.num_rows
        return [
            all(part and part.strip() for part in parts)
            and stripped_key(key) not in without
            and (gone is None or alive(gone))
            for parts, key, gone in zip(stated, keys, living, strict=True)
        ]

    def _rows(self, each: EntityView, columns: dict[str, str]) -> Iterator[pa.Table]:
        kinds: dict[str, FieldType] = {theirs: each.entity.column(n).type for n, theirs in columns.items()}
        writing = Writing(self._settings.timezone, self._settings.floats == "allow")
        read = Read(each.view, list(columns.values()), each.key, kinds, writing, rows=self._settings.batch_rows)
        for page in self._database.read(read):
            yield page.rows.rename_columns(list(columns))
