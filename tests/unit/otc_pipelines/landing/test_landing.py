"""Landing: versions, absent columns, quarantine, cursors, personal data, sweeps; each against plain expectations."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.kit.contract import Connector, Cursor, Item, KeySweep, Reject, Rejects, Settings
from otc_pipelines.landing import LandingReport, land, quarantined, replay
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse
from tests.unit.otc_pipelines.landing.fake import THINGS, connector, rows

T1, T2, T3 = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=5)


def put(warehouse: Warehouse, *items: Item) -> LandingReport:
    return land(warehouse, connector(items), "src", Settings())


def versions(warehouse: Warehouse, columns: str = "thing_id, amount") -> list[tuple[object, ...]]:
    with warehouse.reading() as tx:
        found = tx.rows(f'select {columns} from raw_fake.things order by thing_id, recorded_at, "_loaded_at", "_line"')
    return [tuple(r.values()) for r in found]


def test_a_row_lands_typed_with_its_place(warehouse: Warehouse) -> None:
    report = put(
        warehouse, rows({"thing_id": "A", "amount": "1.5", "currency": "USD", "recorded_at": T1}, file="x.csv")
    )
    assert (report.rows_in, report.rows_new, report.quarantined) == (1, 1, 0)
    assert versions(warehouse, 'thing_id, amount, "_file", "_line", recorded_by_source, deleted') == [
        ("A", Decimal("1.5000"), "x.csv", 2, True, False)
    ]


def test_recorded_versions_a_b_a_make_three_and_a_replay_makes_none(warehouse: Warehouse) -> None:
    history = [
        rows({"thing_id": "A", "amount": "1", "recorded_at": T1}),
        rows({"thing_id": "A", "amount": "2", "recorded_at": T2}),
        rows({"thing_id": "A", "amount": "1", "recorded_at": T3}),
    ]
    for batch in history:
        put(warehouse, batch)
    assert [v[1] for v in versions(warehouse)] == [1, 2, 1]
    again = put(warehouse, *history)
    assert again.rows_new == 0
    assert len(versions(warehouse)) == 3
    assert put(warehouse, history[1]).rows_new == 0


def test_unrecorded_versions_are_compared_with_the_latest(warehouse: Warehouse) -> None:
    for amount in ("1", "1", "2", "1"):
        put(warehouse, rows({"thing_id": "A", "amount": amount}))
    assert [v[1] for v in versions(warehouse)] == [1, 2, 1]
    assert not versions(warehouse, "recorded_by_source")[0][0]


def test_versions_within_one_batch_keep_their_order(warehouse: Warehouse) -> None:
    put(warehouse, rows(*({"thing_id": "A", "amount": a} for a in ("1", "2", "2", "1"))))
    assert [v[1] for v in versions(warehouse)] == [1, 2, 1]


def test_an_absent_column_keeps_and_an_empty_cell_clears(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "1", "limit": "high", "owner": "Ann"}))
    put(warehouse, rows({"thing_id": "A", "amount": "2"}))
    put(warehouse, rows({"thing_id": "A", "amount": "3", "limit": None}))
    assert versions(warehouse, '"limit"') == [("high",), ("high",), (None,)]
    with warehouse.reading() as tx:
        assert tx.rows("select owner from raw_fake.things__personal") == [{"owner": "Ann"}]


def test_absent_columns_are_filled_from_an_earlier_row_of_the_same_load(warehouse: Warehouse) -> None:
    put(
        warehouse,
        rows({"thing_id": "A", "amount": "1", "limit": "high"}, {"thing_id": "B", "amount": "1", "limit": "low"}),
        rows({"thing_id": "A", "amount": "2"}, {"thing_id": "C", "amount": "2"}),
        rows({"thing_id": "A", "amount": "3"}),
    )
    assert versions(warehouse, 'thing_id, amount, "limit"') == [
        ("A", 1, "high"),
        ("A", 2, "high"),
        ("A", 3, "high"),
        ("B", 1, "low"),
        ("C", 2, None),
    ]


def test_of_versions_that_nothing_else_orders_the_content_decides_as_it_does_in_the_models(
    warehouse: Warehouse,
) -> None:
    names = [f"T{nth}" for nth in range(12)]
    put(
        warehouse,
        *(
            rows({"thing_id": n, "amount": "1", "currency": currency, "recorded_at": T1})
            for n in names
            for currency in ("USD", "EUR", "JPY")
        ),
    )
    put(warehouse, *(rows({"thing_id": n, "amount": "2", "recorded_at": T2}) for n in names))
    with warehouse.reading() as tx:
        found = tx.rows(
            """select thing_id, arg_max(currency, "_row_hash") filter (where amount = 1) as counts,
            max(currency) filter (where amount = 2) as kept from raw_fake.things group by thing_id"""
        )
    assert len(found) == len(names)
    assert [r["kept"] for r in found] == [r["counts"] for r in found]


def test_a_bad_row_is_set_aside_with_its_reason_and_the_rest_loads(warehouse: Warehouse) -> None:
    batch = rows({"thing_id": "A", "amount": "twelve"}, {"thing_id": "B", "amount": "2"}, file="x.csv")
    report = put(warehouse, batch, Rejects((Reject("things", "file is empty", file="y.csv"),)))
    assert (report.rows_new, report.quarantined) == (1, 2)
    with warehouse.reading() as tx:
        found = quarantined(tx)
    assert [(r.file, r.line, r.key) for r in found] == [("x.csv", 2, "A"), ("y.csv", None, None)]
    assert "twelve" in found[0].reason
    assert put(warehouse, batch).quarantined == 0


def test_a_mended_row_leaves_the_quarantine(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "twelve"}))
    put(warehouse, rows({"thing_id": "A", "amount": "12"}))
    with warehouse.reading() as tx:
        assert quarantined(tx) == []
        assert [r.status for r in quarantined(tx, everything=True)] == ["resolved"]


def test_replay_lands_what_can_stand_now(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "12"}, {"thing_id": "B", "amount": "x"}))
    with warehouse.transaction() as tx:
        tx.execute("delete from raw_fake.things")
        tx.execute("update ops.quarantine set row_json = replace(row_json, '\"x\"', '\"7\"')")
    mended = replay(warehouse, connector([]), "src", Settings())
    assert mended.rows_new == 1
    assert versions(warehouse) == [("B", 7)]
    with warehouse.reading() as tx:
        assert quarantined(tx) == []


def test_the_cursor_comes_with_the_rows(warehouse: Warehouse) -> None:
    first = rows({"thing_id": "A", "amount": "1"}, cursor=Cursor("file:1", "a.csv"))
    put(warehouse, first)
    assert put(warehouse, first).rows_in == 0
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.cursor") == 1


def test_nothing_new_writes_no_record(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "1", "recorded_at": T1}))
    put(warehouse, rows({"thing_id": "A", "amount": "1", "recorded_at": T1}))
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from ops.load") == 1
        assert tx.scalar("select count(*) from ops.audit_event where kind = 'load'") == 1


def test_personal_columns_are_in_their_own_table_alone(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "1", "owner": "Ann Person"}))
    put(warehouse, rows({"thing_id": "A", "amount": "1", "owner": "Ann Smith"}))
    with warehouse.reading() as tx:
        columns = {
            r["column_name"]
            for r in tx.rows("select column_name from information_schema.columns where table_name = 'things'")
        }
        assert "owner" not in columns
        assert tx.rows(
            "select p.owner, count(*) as n from raw_fake.things as t"
            " join raw_fake.things__personal as p on p.person = t.person group by 1"
        ) == [{"owner": "Ann Smith", "n": 2}]


def test_a_sweep_makes_tombstones_of_what_is_gone(warehouse: Warehouse) -> None:
    put(warehouse, rows({"thing_id": "A", "amount": "1"}, {"thing_id": "B", "amount": "1"}))
    sweep = KeySweep(THINGS, pa.table({"thing_id": pa.array(["B"], pa.string())}))
    assert put(warehouse, sweep).rows_new == 1
    assert put(warehouse, sweep).rows_new == 0
    assert versions(warehouse, "thing_id, amount, deleted") == [("A", 1, False), ("A", 1, True), ("B", 1, False)]
    put(warehouse, rows({"thing_id": "A", "amount": "1"}))
    assert versions(warehouse, "thing_id, deleted")[:3] == [("A", False), ("A", True), ("A", False)]


def test_two_sources_of_one_connector_do_not_meet(warehouse: Warehouse) -> None:
    for name in ("one", "two"):
        land(warehouse, connector([rows({"thing_id": "A", "amount": "1"})]), name, Settings())
    assert versions(warehouse, "source_system, thing_id") == [("one", "A"), ("two", "A")]


def test_a_card_number_is_nowhere(warehouse: Warehouse) -> None:
    put(
        warehouse,
        rows({"thing_id": "A", "amount": "1", "limit": "card 4111 1111 1111 1111", "odd": "4111-1111-1111-1111"}),
        rows({"thing_id": "B", "amount": "4111111111111111x"}),
    )
    assert b"4111111111111111" not in warehouse.path.read_bytes()
    assert b"4111 1111 1111 1111" not in warehouse.path.read_bytes()
    assert b"4111-1111-1111-1111" not in warehouse.path.read_bytes()


def test_unknown_columns_are_kept_and_reported(warehouse: Warehouse) -> None:
    report = put(warehouse, rows({"thing_id": "A", "amount": "1", "colour": "red"}))
    assert report.unknown_columns == {"things": ["colour"]}
    assert versions(warehouse, '"_extra"') == [('{"colour":"red"}',)] or versions(warehouse, '"_extra"') == [
        ('{"colour": "red"}',)
    ]


def test_a_source_that_fails_keeps_its_earlier_chunks(warehouse: Warehouse) -> None:
    from connectors.kit.errors import RetriableError

    good = connector([rows({"thing_id": "A", "amount": "1"})])

    def broken(name: str, settings: Settings, cursors: dict[str, Cursor]) -> object:
        class Source:
            def __init__(self) -> None:
                self.resources = {"r": self.items()}

            def items(self) -> object:
                yield rows({"thing_id": "A", "amount": "1"})
                raise RetriableError("the vendor is gone")

        return Source()

    failing = Connector("fake", good.role, "Fake", Settings, (THINGS,), broken, good.check)
    with pytest.raises(RetriableError, match="the vendor is gone"):
        land(warehouse, failing, "src", Settings(), chunk_rows=1)
    assert versions(warehouse) == [("A", 1)]
