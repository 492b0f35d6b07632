"""Views as receivables: what is read, what is not read again, what was deleted."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from connectors.erp.sql.connector import CONNECTOR
from connectors.kit.contract import Batch, KeySweep
from connectors.kit.errors import ConfigError
from connectors.kit.validation import validate

COLUMNS = "party_id text, name text, colour text, recorded_at text"


class Erp:
    """A SQLite database with a view or two."""

    def __init__(self, path):
        self.url = f"sqlite:///{path}"
        self._path = path
        self.run(f"create table parties ({COLUMNS})")

    def run(self, statement, *rows):
        db = sqlite3.connect(self._path)
        with db:
            if rows:
                db.executemany(statement, rows)
            else:
                db.execute(statement)
        db.close()

    def add(self, *rows):
        self.run("insert into parties values (?, ?, ?, ?)", *rows)

    def read(self, cursors=None, **options):
        settings = CONNECTOR.settings.model_validate({"url": self.url, "overlap_seconds": 0, **options})
        return [i for r in CONNECTOR.source("erp", settings, cursors or {}).resources.values() for i in r]


@pytest.fixture
def erp(tmp_path):
    return Erp(tmp_path / "erp.db")


def keys(items):
    return [k for i in items if isinstance(i, Batch) for k in i.rows.column("party_id").to_pylist()]


def position(items):
    return {i.cursor.stream: i.cursor for i in items if isinstance(i, Batch) and i.cursor}


def test_rows_columns_and_what_the_view_lacks(erp):
    erp.add(("P1", "Alder", "red", "2026-01-01T10:00:00Z"))
    batch, sweep = erp.read()
    result = validate(batch)
    (row,) = result.good.to_pylist()
    assert (row["party_id"], row["_extra"], row["_file"]) == ("P1", '{"colour": "red"}', "parties")
    assert row["recorded_at"] == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert "city" in batch.absent
    assert "name" not in batch.absent
    assert isinstance(sweep, KeySweep)
    assert sweep.keys.to_pylist() == [{"party_id": "P1"}]


def test_a_second_read_gives_the_last_second_and_what_is_new(erp):
    erp.add(*((f"P{i}", "x", None, f"2026-01-01T10:00:0{i}Z") for i in range(5)))
    first = erp.read()
    assert len(keys(first)) == 5
    assert keys(erp.read(position(first))) == ["P4"]
    erp.add(("P9", "late", None, "2026-01-01T10:00:03Z"), ("P8", "new", None, "2026-01-01T11:00:00Z"))
    assert keys(erp.read(position(first))) == ["P4", "P8"]
    assert keys(erp.read(position(first), overlap_seconds=1)) == ["P3", "P9", "P4", "P8"]


def test_more_ties_than_a_page_come_once_each_and_again_next_time(erp):
    erp.add(*((f"P{i:03d}", "x", None, "2026-01-01T10:00:00Z") for i in range(250)))
    items = erp.read(batch_rows=100, sweep=False)
    assert [i.rows.num_rows for i in items] == [100, 100, 50]
    assert sorted(keys(items)) == [f"P{i:03d}" for i in range(250)]
    assert len(keys(erp.read(position(items)))) == 250


def test_rows_without_a_time_are_read_each_run(erp):
    erp.add(("P1", "x", None, None), ("P2", "x", None, "2026-01-01T10:00:00Z"))
    first = erp.read()
    assert keys(first) == ["P1", "P2"]
    assert keys(erp.read(position(first))) == ["P1", "P2"]


def test_a_time_ahead_of_every_clock_does_not_move_the_position(erp):
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    erp.add(("P1", "x", None, "2026-01-01T10:00:00Z"), ("P2", "x", None, ahead))
    items = erp.read(batch_rows=1)
    assert [c.position for c in position(items).values()] == ["2026-01-01T10:00:00Z"]


def test_a_view_without_a_time_is_read_whole(erp):
    erp.run("create view v_orders as select 'O1' as order_id, '1.50' as amount, 'USD' as Currency")
    batch = erp.read(views={"orders": "v_orders"})[0]
    assert batch.entity.name == "orders"
    assert batch.cursor is None
    assert batch.rows.column("currency").to_pylist() == ["USD"]


def test_another_view_of_an_entity_is_read_from_its_start(erp):
    erp.add(("P1", "x", None, "2026-01-01T10:00:00Z"))
    erp.run("create view others as select * from parties")
    first = erp.read()
    assert not set(position(first)) & set(position(erp.read(views={"parties": "others"})))


def test_local_times_take_the_configured_zone(erp):
    erp.add(("P1", "x", None, "2026-07-01 10:00:00"))
    assert validate(erp.read(sweep=False)[0]).rejects[0].reason.endswith("has no offset; add Z or one such as +02:00")
    batch = erp.read(sweep=False, timezone="Europe/Berlin")[0]
    assert validate(batch).good.column("recorded_at").to_pylist() == [datetime(2026, 7, 1, 8, tzinfo=UTC)]


def test_swept_keys_read_as_they_land(erp):
    erp.run(
        "create view installments as select 'D1' as document_id, '01' as installment_no, '2026-01-05' as due_date, "
        "'1.00' as amount"
    )
    batch, sweep = (i for i in erp.read(views={"installments": "installments"}))
    landed = validate(batch).good.select(["document_id", "installment_no"]).to_pylist()
    assert [{k: str(v) for k, v in row.items()} for row in landed] == sweep.keys.to_pylist()


def test_an_empty_view_is_not_swept(erp):
    assert [i for i in erp.read() if isinstance(i, KeySweep)] == []


def test_sqlite_numbers_are_exact_or_refused(erp):
    erp.run("create view orders as select 'O1' as order_id, 100.1 as amount, 3 as billed_amount")
    with pytest.raises(Exception, match="view orders: amount is a binary float"):
        erp.read()
    rows = next(i for i in erp.read(floats="allow") if isinstance(i, Batch) and i.entity.name == "orders").rows
    assert [Decimal(rows.column(c)[0].as_py()) for c in ("amount", "billed_amount")] == [Decimal("100.1"), Decimal(3)]


def test_nothing_to_read_or_no_key_is_a_matter_of_configuration(erp):
    erp.run("drop table parties")
    with pytest.raises(ConfigError, match="no view is named as an entity"):
        erp.read()
    erp.run("create view parties as select 'x' as name")
    with pytest.raises(Exception, match="view parties has no column 'party_id', the key of parties; it has name"):
        erp.read()
    with pytest.raises(ConfigError, match=r"view 'nope' is not in database .*; there are: parties"):
        erp.read(views={"parties": "nope"})


def test_settings_name_what_is_wrong_and_keep_the_url_secret():
    with pytest.raises(ValidationError, match="'invoices' is not an entity"):
        CONNECTOR.settings.model_validate({"url": "x", "views": {"invoices": "v"}})
    with pytest.raises(ValidationError, match="'Mars' is not a time zone"):
        CONNECTOR.settings.model_validate({"url": "x", "timezone": "Mars"})
    assert "hush" not in repr(CONNECTOR.settings.model_validate({"url": "sqlite:///hush"}))
    assert CONNECTOR.settings.model_validate({"url": "x", "schema": "erp"}).db_schema == "erp"


def test_check_tells_incremental_views_from_whole_ones_and_what_is_missing(erp):
    erp.run("create view orders as select 'O1' as order_id")
    settings = CONNECTOR.settings.model_validate({"url": erp.url})
    lines = {line.what: line for line in CONNECTOR.check(settings)}
    assert lines["database"].ok
    assert (lines["view parties"].ok, lines["view parties"].message) == (True, "incremental")
    assert not lines["view orders"].ok
    assert "add the columns party_id, legal_entity" in lines["view orders"].message
    (line,) = CONNECTOR.check(CONNECTOR.settings.model_validate({"url": f"{erp.url}.none"}))
    assert not line.ok
