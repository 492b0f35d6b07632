"""``make bench``: every benchmark as tables.

``OTC_BENCH_ROWS`` (100000), ``OTC_BENCH_INVOICES`` (10000), ``OTC_BENCH_BOOKS`` (1000000: invoices of
B3), ``OTC_BENCH_LEDGER`` (1000000,10000000: movements of B8) and ``OTC_BENCH_RUNS`` (5) say how much.
"""

from __future__ import annotations

import os

from tests.bench import b3_incremental, b8_aging, b11_orchestration, erp_read
from tests.bench.contest import contest
from tests.live.tryton import missing

ROWS = os.environ.get("OTC_BENCH_ROWS", "100000")
INVOICES = os.environ.get("OTC_BENCH_INVOICES", "10000")
RUNS = int(os.environ.get("OTC_BENCH_RUNS", "5"))
TOOLS = ["limit", "ours", "dlt_arrow"] + (["dlt_default"] if int(ROWS) <= 100_000 else [])

contest(f"B1 and B2: {int(ROWS):,} invoices as JSON to a raw table", "tests.bench.b1_landing", TOOLS, [ROWS], RUNS)

BOOKS = int(os.environ.get("OTC_BENCH_BOOKS", "1000000"))
with b3_incremental.prepared(BOOKS) as folder:
    for what in ("load", "whole"):
        title = f"B3: {BOOKS:,} invoices, and one in a hundred of them changed ({what})"
        contest(title, "tests.bench.b3_incremental", [what, f"{what}_changed"], [str(folder)], RUNS)

for rows in (int(n) for n in os.environ.get("OTC_BENCH_LEDGER", "1000000,10000000").split(",")):
    with b8_aging.prepared(rows) as ledger:
        title = f"B8: aging of {rows:,} movements as of a day, as known at a moment"
        contest(title, "tests.bench.b8_aging", list(b8_aging.TOOLS), [str(ledger)], RUNS)

reason = missing()
if reason:
    print(f"reading a live ERP is left out: {reason}")
else:
    with erp_read.served() as (erp, folder):
        where = [erp.url, erp.database, str(folder)]
        contest(
            f"A live ERP, {erp_read.GROWN} times its books, whole",
            "tests.bench.erp_read",
            ["bare", "ours"],
            where,
            RUNS,
        )
        tools = ["bare_incremental", "ours_incremental"]
        contest("The same, one invoice in a hundred touched", "tests.bench.erp_read", tools, where, RUNS)
with b11_orchestration.prepared(int(INVOICES)) as folder:
    title = f"B11: a whole pass over {int(INVOICES):,} invoices, and one of which nothing is new"
    contest(title, "tests.bench.b11_orchestration", list(b11_orchestration.TOOLS), [str(folder)], RUNS)
