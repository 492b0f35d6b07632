"""The rows of sources, every version, and where each of them came from: file and line, or table, record and version.

Belongs here: reading ``conformed`` (what posting read) and, for the place, ``raw_<connector>`` (what came). Not here:
which row caused what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from otc_pipelines.naming import raw_schema
from otc_pipelines.reports.explain.model import Key, Known, RowVersion
from otc_pipelines.warehouse import Tx
from otc_pipelines.warehouse.door import WarehouseError

IDS: Mapping[str, str] = {
    "documents": "document_id",
    "installments": "document_id",
    "receipts": "receipt_id",
    "receipt_events": "row_key",
    "allocations": "allocation_id",
    "adjustments": "adjustment_id",
    "bank_lines": "bank_line_id",
    "bank_statements": "statement_id",
    "fx_rates": "row_key",
    "orders": "order_id",
    "crm_accounts": "account_id",
    "crm_orders": "crm_order_id",
}
"""Entity → the column of its conformed model that movements and decisions name it by."""

_VERSION = {
    "connector", "source_system", "recorded_at", "recorded_by_source", "deleted", "extra", "row_key", "row_hash",
    "loaded_at", "load_id", "source_file", "source_line", "person",
}  # fmt: skip
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Place:
    """Where a version lies in raw: the table, the record's own key, and when the source says that it changed it."""

    table: str
    record: str
    stamped_at: datetime


class SourceRows:
    """Rows of sources by entity and id; each is read once, as many together as are asked for."""

    def __init__(self, tx: Tx) -> None:
        """``tx`` reads the warehouse itself. WarehouseError where no model was built yet."""
        self._tx = tx
        self._rows: dict[str, dict[Key, list[RowVersion]]] = defaultdict(dict)
        self._places: dict[tuple[str, str, str], Place] = {}
        self._tables: dict[str, list[str]] = {}
        if not tx.scalar(
            "select count(*) from information_schema.tables where table_schema = 'conformed'"
            " and table_name = 'int_documents__unioned'"
        ):
            raise WarehouseError("nothing has been modelled yet; run `otc run` first")

    def fetch(self, entity: str, keys: Iterable[Key]) -> None:
        """Read all versions of these rows."""
        known = self._rows[entity]
        wanted = {key for key in keys if key not in known}
        for key in wanted:
            known[key] = []
        column = IDS[entity]
        for ids in portions(sorted({id_ for _, id_ in wanted})):
            for row in self._tx.rows(
                f"select * from conformed.int_{entity}__unioned where {column} = any(:ids)",  # noqa: S608
                ids=ids,
            ):
                if (key := (row["source_system"], row[column])) in wanted:
                    known[key].append(_version(entity, row))

    def of(self, entity: str, key: Key) -> list[RowVersion]:
        """Return the versions of a row that was fetched, in version order; of several rows, one after the other."""
        by_row: dict[str, list[RowVersion]] = {}
        for version in self._rows[entity].get(key, ()):
            by_row.setdefault(version.row_key, []).append(version)
        return [v for row_key in sorted(by_row) for v in _numbered(by_row[row_key])]

    def locate(self, versions: Iterable[RowVersion]) -> None:
        """Find where these versions lie in raw: under the entity's own name first, else in any table of the source."""
        wanted: dict[str, dict[str, set[tuple[str, str, str]]]] = defaultdict(lambda: defaultdict(set))
        for v in versions:
            if _mark(v) not in self._places:
                wanted[v.connector][v.entity].add(_mark(v))
        for connector, by_entity in wanted.items():
            tables = self._raw_tables(connector)
            missing: set[tuple[str, str, str]] = set()
            for entity, marks in by_entity.items():
                missing |= self._located(connector, [entity], marks) if entity in tables else marks
            if missing:
                self._located(connector, tables, missing)

    def place(self, version: RowVersion) -> Place | None:
        """Return where a located version lies."""
        return self._places.get(_mark(version))

    def _located(
        self, connector: str, tables: Sequence[str], marks: set[tuple[str, str, str]]
    ) -> set[tuple[str, str, str]]:
        """Note where these lie, as far as they are in these tables; return the others."""
        missing = set(marks)
        for table in tables:
            for hashes in portions(sorted({m[1] for m in missing})):
                for row in self._tx.rows(
                    f'select _row_hash, _load_id, _key, recorded_at from {raw_schema(connector)}."{table}"'  # noqa: S608
                    " where _row_hash = any(:hashes)",
                    hashes=hashes,
                ):
                    mark = (connector, row["_row_hash"], row["_load_id"])
                    if mark in missing:
                        self._places[mark] = Place(table, row["_key"], row["recorded_at"])
            missing -= self._places.keys()
        return missing

    def _raw_tables(self, connector: str) -> list[str]:
        if connector not in self._tables:
            self._tables[connector] = [
                row["table_name"]
                for row in self._tx.rows(
                    "select table_name from information_schema.columns where table_schema = :schema"
                    " and column_name = '_row_hash' order by table_name",
                    schema=raw_schema(connector),
                )
            ]
        return self._tables[connector]


def version_at(versions: Sequence[RowVersion], known: Known) -> RowVersion | None:
    """Return the version that counts for what is known; None where the row was not known."""
    return next((v for v in reversed(versions) if known.sees(v.recorded_at, v.loaded_at)), None)


def inheriting(plan: Sequence[RowVersion], document: Sequence[RowVersion]) -> list[RowVersion]:
    """Return an instalment's versions; one without a time of its own was recorded when its document was."""
    stamped = []
    for v in plan:
        recorded = v.recorded_at
        if not v.said["recorded_by_source"] and document:
            loaded = [d for d in document if d.loaded_at <= v.loaded_at]
            recorded = (loaded[-1] if loaded else document[0]).recorded_at
        stamped.append(replace(v, recorded_at=recorded))
    return _numbered(stamped)


def portions(values: Sequence[str]) -> Iterator[list[str]]:
    """Split values into lists that one statement can bind."""
    for start in range(0, len(values), _AT_ONCE):
        yield list(values[start : start + _AT_ONCE])


def _numbered(versions: Sequence[RowVersion]) -> list[RowVersion]:
    order = sorted(versions, key=lambda v: (v.recorded_at, v.loaded_at, v.source_file or "", v.source_line or 0))
    following: list[RowVersion | None] = [*order[1:], None][: len(order)]
    return [
        replace(v, nth=n, versions=len(order), replaced_at=later.recorded_at if later else None)
        for n, (v, later) in enumerate(zip(order, following, strict=True), start=1)
    ]


def _version(entity: str, row: Mapping[str, Any]) -> RowVersion:
    said = {name: value for name, value in row.items() if name not in _VERSION}
    return RowVersion(
        row["connector"],
        row["source_system"],
        entity,
        row["row_key"],
        row["recorded_at"],
        row["loaded_at"],
        row["deleted"],
        row["row_hash"],
        row["load_id"],
        row["source_file"],
        row["source_line"],
        {**said, "recorded_by_source": row["recorded_by_source"]},
    )


def _mark(version: RowVersion) -> tuple[str, str, str]:
    return (version.connector, version.row_hash, version.load_id)
