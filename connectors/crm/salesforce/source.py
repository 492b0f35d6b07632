"""Reads Salesforce incrementally: one dlt resource an entity, batches of text columns with the vendor's own cursor.

Belongs here: windows, REST or Bulk, cursors, rows. Not here: wire calls (client, bulk), what a row means later.

Cursor: SystemModstamp has whole seconds, many rows share one, and rows become visible late. So each run starts
``lookback_seconds`` before the last position, inclusive, in the order (SystemModstamp, Id); landing drops what it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.crm.salesforce.bulk import bulk_query
from connectors.crm.salesforce.catalogue import TABLES, Table
from connectors.crm.salesforce.client import SalesforceClient, literal, soql
from connectors.crm.salesforce.schema import absent_columns
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.kit.contract import Batch, Cursor, Cursors, FieldType, Item, KeySweep
from connectors.kit.incremental import (
    Keyset,
    PageGuard,
    Watermark,
    Window,
    expect_count,
    instant,
    keyset_windows,
    lower_bound,
)


def source(name: str, settings: SalesforceSettings, cursors: Cursors) -> Any:
    """Return the dlt source: a resource for each configured entity, all on one signed-in client."""
    client = SalesforceClient(settings)

    def resource(entity: str) -> Any:
        def read() -> Iterator[Item]:
            try:
                yield from batches(client, TABLES[entity], cursors.get(entity))
            finally:
                client.close()

        return dlt.resource(read, name=entity)

    @dlt.source(name=name, max_table_nesting=0)
    def salesforce() -> Any:
        return [resource(entity) for entity in settings.entities]

    return salesforce()


def batches(client: SalesforceClient, table: Table, cursor: Cursor | None) -> Iterator[Batch | KeySweep]:
    """Yield what changed, in windows. The last batch of a window carries the cursor, once all of it has come.

    Whoever reads from the start meets every record, the recycle bin's too: what was not met has left even that.
    """
    absent = absent_columns(client, table)
    start = lower_bound(cursor, timedelta(seconds=client.settings.lookback_seconds))
    mark = Watermark.of(table.entity.name, cursor)
    what = f"{client.host}: {table.vendor}"
    met: list[pa.ChunkedArray] = []

    def fetch(after: Keyset | None, size: int) -> Window[pa.Table]:
        where = _where(start, after)
        expected = min(size, client.count(soql("COUNT()", table.vendor, where)))
        if expected == 0:
            return Window((), None, 0)
        pages = [p for p in _pages(client, table, absent, where, size, expected) if p.num_rows]
        received = sum(p.num_rows for p in pages)
        if received < expected:
            expect_count(what, expected, received)
        final = pages[-1]
        return Window(pages, Keyset(final["SystemModstamp"][-1].as_py(), final["Id"][-1].as_py()), received)

    for window in keyset_windows(fetch, client.settings.window_rows, what):
        assert window.last is not None
        mark.see(window.last.position, window.last.key)
        *before, final = window.parts
        if cursor is None:
            met += [page["Id"] for page in window.parts]
        for page in before:
            yield Batch(table.entity, rows(page, table, absent), absent)
        yield Batch(table.entity, rows(final, table, absent), absent, mark.cursor)
    if met:
        ids = pa.chunked_array([chunk for column in met for chunk in column.chunks], pa.string())
        yield KeySweep(table.entity, pa.table({"id": ids}))


def rows(page: pa.Table, table: Table, absent: frozenset[str]) -> pa.Table:
    """Rename a page's fields to ours. Times end in Z, as in Bulk; REST writes +0000."""
    columns: dict[str, Any] = {}
    for column in table.columns:
        if column.field.name in absent:
            continue
        values = page[column.vendor]
        if column.field.type is FieldType.TIMESTAMP:
            values = pc.replace_substring_regex(values, pattern=r"\+0000$", replacement="Z")
        elif column.field.type is FieldType.DECIMAL and pc.any(pc.match_substring(values, "E")).as_py():
            # Salesforce writes large numbers as Java does: 1.23456789E7
            values = pa.array([v and format(Decimal(v), "f") for v in values.to_pylist()], pa.string())
        columns[column.field.name] = values
    return pa.table(columns)


def text(value: Any) -> str | None:
    """Write a JSON scalar as the text columns want it; decimals never in scientific notation."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _pages(
    client: SalesforceClient, table: Table, absent: frozenset[str], where: str, size: int, expected: int
) -> Iterator[pa.Table]:
    wanted = [c.vendor for c in table.columns if c.field.name not in absent]
    query = soql(", ".join(wanted), table.vendor, where, f"ORDER BY SystemModstamp, Id LIMIT {size}")
    if expected > client.settings.bulk_threshold:
        yield from bulk_query(client, query, client.settings.bulk_page_rows)
        return
    guard, received, total = PageGuard(f"{client.host}: {table.vendor}"), 0, 0
    for page in client.query(query):
        guard.page(str(record.get("Id")) for record in page.records)
        received, total = received + len(page.records), page.total
        yield as_table(page.records, wanted)
    expect_count(f"{client.host}: {table.vendor}", total, received)


def as_table(records: Sequence[dict[str, Any]], wanted: Sequence[str]) -> pa.Table:
    """Return fields of JSON records as text columns."""
    return pa.table({name: pa.array([text(r.get(name)) for r in records], pa.string()) for name in wanted})


def _where(start: datetime | None, after: Keyset | None) -> str:
    if after is not None:
        position, key = moment_literal(instant(after.position)), literal(after.key)
        return f"WHERE (SystemModstamp > {position} OR (SystemModstamp = {position} AND Id > {key}))"
    return "" if start is None else f"WHERE SystemModstamp >= {moment_literal(start)}"


def moment_literal(moment: datetime) -> str:
    """Write a time as SOQL does: whole seconds, as SystemModstamp has them."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
