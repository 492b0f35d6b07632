"""B1 and B2: pages of invoices as JSON to a raw table, by this house's landing, by bare tools, by dlt as it comes.

``python -m tests.bench.b1_landing TOOL ROWS`` runs one tool once. All read the same pages; ours also validates, hashes,
redacts, keeps versions and commits with its cursor.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
import orjson
import pyarrow as pa

from connectors.kit.contract import Batch, Connector, Cursor, Role, Settings
from connectors.kit.receivables import DOCUMENTS
from otc_pipelines.landing import land
from otc_pipelines.warehouse import EmbeddedWarehouse

PAGE = 2_000
START = date(2025, 1, 1)
SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("document_type", pa.string()),
        pa.field("party_id", pa.string()),
        pa.field("legal_entity", pa.string()),
        pa.field("document_date", pa.date32()),
        pa.field("due_date", pa.date32()),
        pa.field("currency", pa.string()),
        pa.field("amount", pa.decimal128(18, 4)),
        pa.field("reference", pa.string()),
        pa.field("recorded_at", pa.timestamp("us", tz="UTC")),
    ]
)


def pages(rows: int) -> Iterator[bytes]:
    """Pages of invoices as an API would send them, the same for every tool."""
    for first in range(0, rows, PAGE):
        page = []
        for n in range(first, min(rows, first + PAGE)):
            day = START + timedelta(days=n % 600)
            page.append(
                {
                    "document_id": f"INV-{n:08d}",
                    "document_type": "invoice",
                    "party_id": f"P{n % 5000:05d}",
                    "legal_entity": "US" if n % 3 else "DE",
                    "document_date": day.isoformat(),
                    "due_date": (day + timedelta(days=30)).isoformat(),
                    "currency": "USD" if n % 3 else "EUR",
                    "amount": f"{(n * 7919) % 1_000_000 / 100:.2f}",
                    "reference": f"order {n * 31 % 99991}",
                    "recorded_at": datetime(2025, 1, 1, tzinfo=UTC).replace(second=n % 60).isoformat(),
                }
            )
        yield orjson.dumps({"items": page})


def _columns(page: bytes) -> dict[str, list[str]]:
    items = orjson.loads(page)["items"]
    return {f.name: [i[f.name] for i in items] for f in SCHEMA}


def _arrow(page: bytes) -> pa.Table:
    c: dict[str, list[Any]] = dict(_columns(page))
    c["amount"] = [Decimal(v) for v in c["amount"]]
    for name in ("document_date", "due_date"):
        c[name] = [date.fromisoformat(v) for v in c[name]]
    c["recorded_at"] = [datetime.fromisoformat(v) for v in c["recorded_at"]]
    return pa.table(c, schema=SCHEMA)


def ours(rows: int, folder: Path) -> tuple[Path, str]:
    """The whole landing: validation, redaction, hashing, versions, cursor, load record, audit."""

    def source(name: str, _settings: Settings, _cursors: Mapping[str, Cursor]) -> Any:
        @dlt.resource(name="documents")
        def documents() -> Iterator[Batch]:
            absent = frozenset(f.name for f in DOCUMENTS.fields) - frozenset(SCHEMA.names)
            for page in pages(rows):
                text = {n: pa.array(v, pa.string()) for n, v in _columns(page).items()}
                yield Batch(DOCUMENTS, pa.table(text), absent)

        @dlt.source(name=name)
        def api() -> Any:
            return documents

        return api()

    connector = Connector("bench", Role.ERP, "Bench", Settings, (DOCUMENTS,), source, lambda _settings: [])
    path = folder / "ours.duckdb"
    land(EmbeddedWarehouse(path), connector, "bench", Settings())
    return path, "raw_bench.documents"


def limit(rows: int, folder: Path) -> tuple[Path, str]:
    """The least that can be done: orjson, Arrow, one insert."""
    path = folder / "limit.duckdb"
    connection = duckdb.connect(str(path))
    batch: list[pa.Table] = []
    connection.register("first", SCHEMA.empty_table())
    connection.execute("create table documents as select * from first")
    for page in pages(rows):
        batch.append(_arrow(page))
        if len(batch) == 50:
            connection.register("t", pa.concat_tables(batch))
            connection.execute("insert into documents select * from t")
            batch = []
    if batch:
        connection.register("t", pa.concat_tables(batch))
        connection.execute("insert into documents select * from t")
    connection.close()
    return path, "documents"


def dlt_arrow(rows: int, folder: Path) -> tuple[Path, str]:
    """Bare dlt with Arrow tables, merged on the key."""
    path = folder / "dlt_arrow.duckdb"
    resource_ = dlt.resource(
        (_arrow(p) for p in pages(rows)), name="documents", write_disposition="merge", primary_key="document_id"
    )
    _pipeline(path, folder).run(resource_)
    return path, "raw.documents"


def dlt_default(rows: int, folder: Path) -> tuple[Path, str]:
    """dlt as it comes: dictionaries, merged on the key."""
    path = folder / "dlt_default.duckdb"
    items = (i for p in pages(rows) for i in orjson.loads(p)["items"])
    resource_ = dlt.resource(items, name="documents", write_disposition="merge", primary_key="document_id")
    _pipeline(path, folder).run(resource_)
    return path, "raw.documents"


def _pipeline(path: Path, folder: Path) -> Any:
    return dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb(str(path)), dataset_name="raw", pipelines_dir=str(folder / "dlt")
    )


TOOLS = {"limit": limit, "ours": ours, "dlt_arrow": dlt_arrow, "dlt_default": dlt_default}


def main(tool: str, rows: int) -> None:
    """Run one tool once and print its figures; making the pages is taken off."""
    made = time.perf_counter()
    for _page in pages(rows):
        pass
    making = time.perf_counter() - made
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        path, table = TOOLS[tool](rows, Path(folder))
        wall, cpu = time.perf_counter() - wall - making, time.process_time() - cpu - making
        connection = duckdb.connect(str(path), read_only=True)
        content = connection.execute(
            f"select count(*) || ' ' || sum(cast(amount as decimal(18,4))) || ' ' || sum(hash(document_id) % 1000003)"
            f" from {table}"
        ).fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "content": content[0] if content else ""}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
