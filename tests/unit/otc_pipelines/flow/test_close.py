"""The close of a day: what the published marts say of the day, named once, hashed, audited, without a name in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from connectors.kit.errors import ConnectorError
from otc_pipelines.flow.close import close_of_day
from otc_pipelines.flow.context import Flow
from otc_pipelines.settings import load
from otc_pipelines.warehouse.publish import published_path

_LEDGER = """create schema marts;
create table marts.dim_party as select * from (values ('legacy', 'C1', 'Ada Lovelace', null, 'legacy|C1'))
    as p(source_system, party_id, party_name, parent_party_id, party_key);
create table marts.fct_ar_ledger as select * from (values
    ('INV-1', date '2026-01-01', date '2026-01-31', 100.00::decimal(18,4)),
    ('INV-2', date '2026-03-01', date '2026-03-31', 50.25::decimal(18,4)))
    as m(item_id, effective_date, due_date, amount);
alter table marts.fct_ar_ledger add column source_system text default 'legacy';
alter table marts.fct_ar_ledger add column legal_entity text default 'US';
alter table marts.fct_ar_ledger add column party_id text default 'C1';
alter table marts.fct_ar_ledger add column item_type text default 'installment';
alter table marts.fct_ar_ledger add column installment_no bigint default 1;
alter table marts.fct_ar_ledger add column currency text default 'USD';
alter table marts.fct_ar_ledger add column base_currency text default 'USD';
alter table marts.fct_ar_ledger add column base_amount decimal(18,4) default null;
alter table marts.fct_ar_ledger add column document_date date default date '2026-01-01';
alter table marts.fct_ar_ledger add column recorded_at timestamptz default '2026-01-01 00:00:00+00';
alter table marts.fct_ar_ledger add column loaded_at timestamptz default '2026-01-01 00:00:00+00';
alter table marts.fct_ar_ledger add column posting_state text default 'posted';
"""


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    (tmp_path / "otc.yaml").write_text("company: {name: Acme, base_currency: USD}\n")
    found = Flow(load(tmp_path / "otc.yaml"), actor="tester")
    path = published_path(found.warehouse)
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(_LEDGER)
    yield found


def test_it_holds_what_was_open_and_no_name(flow: Flow) -> None:
    done = close_of_day(flow, date(2026, 2, 10))
    assert done.path == flow.instance.data_dir / "close" / "aging_2026-02-10.parquet"
    [row] = pq.read_table(done.path).to_pylist()
    assert (row["document_id"], row["d1_30"], row["total"]) == ("INV-1", Decimal("100.0000"), Decimal("100.0000"))
    assert "party_name" not in row
    assert b"Lovelace" not in done.path.read_bytes()


def test_its_hash_is_in_the_audit_trail(flow: Flow) -> None:
    done = close_of_day(flow, date(2026, 2, 10))
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    with flow.warehouse.reading() as tx:
        [event] = tx.rows("select kind, subject, actor, details from ops.audit_event")
    assert (event["kind"], event["subject"], event["actor"]) == ("close", "aging_2026-02-10.parquet", "tester")
    assert json.loads(event["details"])["sha256"] == done.sha256


def test_a_second_close_of_a_day_never_takes_the_first_ones_place(flow: Flow) -> None:
    first = close_of_day(flow, date(2026, 2, 10))
    held = first.path.read_bytes()
    second = close_of_day(flow, date(2026, 2, 10))
    third = close_of_day(flow, date(2026, 2, 10))
    assert [second.path.name, third.path.name] == ["aging_2026-02-10_2.parquet", "aging_2026-02-10_3.parquet"]
    assert first.path.read_bytes() == held
    assert sorted(p.name for p in first.path.parent.iterdir()) == sorted(
        [first.path.name, second.path.name, third.path.name]
    )


def test_without_published_marts_there_is_nothing_to_close(flow: Flow) -> None:
    published_path(flow.warehouse).unlink()
    with pytest.raises(ConnectorError, match="run `otc run` first"):
        close_of_day(flow, date(2026, 2, 10))
    assert not (flow.instance.data_dir / "close").exists()
