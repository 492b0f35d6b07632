"""A connector of a few lines whose source gives exactly the items it was handed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dlt
import pyarrow as pa

from connectors.kit.contract import Batch, Connector, Cursor, Entity, Field, FieldType, Item, Role, Settings

THINGS = Entity(
    "things",
    ("thing_id",),
    (
        Field("thing_id", required=True),
        Field("amount", FieldType.DECIMAL, required=True),
        Field("currency", FieldType.CURRENCY),
        Field("limit"),
        Field("owner", personal=True),
    ),
    "Things that a test lands.",
)
COLUMNS = tuple(f.name for f in THINGS.fields)


def rows(
    *items: Mapping[str, Any], cursor: Cursor | None = None, file: str | None = None, entity: Entity = THINGS
) -> Batch:
    """A batch of the given rows; a column that no row has is absent."""
    names = list(dict.fromkeys(k for i in items for k in i))
    table = pa.table(
        {n: pa.array([i.get(n) for i in items], pa.string()) for n in names}
        | {
            "_file": pa.array([file] * len(items), pa.string()),
            "_line": pa.array(range(2, len(items) + 2), pa.int64()),
        }
    )
    absent = frozenset(f.name for f in entity.fields) - frozenset(names)
    return Batch(entity, table, absent, cursor)


def connector(items: Sequence[Item]) -> Connector:
    """A connector whose one resource yields the items, cursors permitting nothing."""

    def source(name: str, _settings: Settings, cursors: Mapping[str, Cursor]) -> Any:
        @dlt.resource(name="everything")
        def everything() -> Any:
            for item in items:
                cursor = getattr(item, "cursor", None)
                if cursor is None or cursors.get(cursor.stream) != cursor:
                    yield item

        @dlt.source(name=name)
        def fake() -> Any:
            return everything

        return fake()

    return Connector("fake", Role.ERP, "Fake", Settings, (THINGS,), source, lambda _settings: [])
