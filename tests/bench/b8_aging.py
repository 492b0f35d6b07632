"""B8: aging as of any day and as known at any moment, from the one definition, against SQL written for that question.

``python -m tests.bench.b8_aging TOOL FILE`` asks a ledger that was ``prepared`` in a DuckDB file once; the rows of the
answer, to the cent, are its content.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from otc_pipelines.transform import aging_sql

AS_OF = date(2026, 6, 30)
KNOWN_AT = datetime(2026, 7, 5, 12, tzinfo=UTC)

_LEDGER = """create table fct_ar_ledger as
    select
        'm' || n as movement_id, 'erp' as source_system, 'LE' || (item % 3) as legal_entity,
        'C' || (item % 20000) as party_id, case item % 10 when 0 then 'receipt' else 'installment' end as item_type,
        'D' || item as item_id, 1 as installment_no,
        date '2025-01-01' + cast(item % 600 as integer) as document_date,
        date '2025-01-31' + cast(item % 600 as integer) as due_date,
        date '2025-01-01' + cast(item % 600 + 20 * (n % 3) as integer) as effective_date,
        timestamptz '2025-01-02 08:00:00+00' + to_days(cast(item % 600 + 23 * (n % 3) as integer)) as recorded_at,
        timestamptz '2025-01-02 09:00:00+00' + to_days(cast(item % 600 + 23 * (n % 3) as integer)) as loaded_at,
        cast(case n % 3 when 0 then 100 + hash(item) % 100000 when 1 then -40 - hash(item) % 50 else -10 end
            * case item % 10 when 0 then -0.01 else 0.01 end * 100 as decimal(18, 4)) as amount,
        case item % 4 when 0 then 'EUR' else 'USD' end as currency,
        cast(case n % 3 when 0 then 100 + hash(item) % 100000 when 1 then -40 - hash(item) % 50 else -10 end
            * case item % 10 when 0 then -0.01 else 0.01 end * 108 as decimal(18, 4)) as base_amount,
        'USD' as base_currency, 'posted' as posting_state
    from (select range as n, range // 3 as item from range({rows}))"""
_PARTIES = """create table dim_party as select 'erp' as source_system, 'C' || range as party_id,
    'Customer ' || range as party_name, cast(null as text) as top_party_id from range(20000)"""

_BARE = f"""with items as (
    select legal_entity, source_system, party_id, item_type, item_id, installment_no, currency, base_currency, due_date,
        sum(amount) as amount, sum(base_amount) as base
    from fct_ar_ledger
    where effective_date <= date '{AS_OF}' and recorded_at <= timestamptz '{KNOWN_AT.isoformat()}'
        and posting_state = 'posted'
    group by all
    having sum(amount) <> 0
),
aged as (select *, date '{AS_OF}' - due_date as late, item_type <> 'installment' as paid from items)
select a.legal_entity, a.party_id, p.party_name, a.currency,
    coalesce(sum(amount) filter (not paid and late <= 0), 0) as not_due,
    coalesce(sum(amount) filter (not paid and late between 1 and 30), 0) as d1_30,
    coalesce(sum(amount) filter (not paid and late between 31 and 60), 0) as d31_60,
    coalesce(sum(amount) filter (not paid and late between 61 and 90), 0) as d61_90,
    coalesce(sum(amount) filter (not paid and late > 90), 0) as d91_plus,
    coalesce(sum(amount) filter (paid), 0) as unapplied, sum(amount) as total, sum(base) as base_total,
    a.base_currency, a.source_system
from aged as a left join dim_party as p using (source_system, party_id)
group by all
order by a.legal_entity, p.party_name, a.party_id, a.source_system, a.currency"""


def ours() -> str:
    """The one definition, as ``otc aging`` renders it."""
    return aging_sql(ledger="fct_ar_ledger", parties="dim_party", as_of=AS_OF, known_at=KNOWN_AT)


def bare() -> str:
    """What a person would write who needs this answer alone."""
    return _BARE


TOOLS: dict[str, Callable[[], str]] = {"bare": bare, "ours": ours}


@contextmanager
def prepared(rows: int) -> Iterator[Path]:
    """A ledger of so many movements, three to an item, in a file."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "ledger.duckdb"
        with duckdb.connect(str(file)) as connection:
            connection.execute(_LEDGER.format(rows=rows))
            connection.execute(_PARTIES)
        yield file


def content(rows: list[tuple[object, ...]]) -> str:
    """The hash of an answer: money to four decimals, whatever type summed it."""
    said = ["|".join(f"{v:.4f}" if hasattr(v, "as_tuple") else str(v) for v in row) for row in rows]
    return f"{len(rows)} {hashlib.sha256(chr(10).join(sorted(said)).encode()).hexdigest()[:16]}"


def main(tool: str, file: Path) -> None:
    """Ask once and print the figures."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("select sum(amount), max(recorded_at) from fct_ar_ledger").fetchall()  # read it in
        wall, cpu = time.perf_counter(), time.process_time()
        rows = connection.execute(TOOLS[tool]()).fetchall()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "content": content(rows)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
