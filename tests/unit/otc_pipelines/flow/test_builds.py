"""What stands: models of the same edition, built of the same rows, that hold what they held, whoever built them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from otc_pipelines.flow.builds import Inputs, edition, forget, note, ops_read, remember, standing
from otc_pipelines.flow.context import Flow
from otc_pipelines.gate import expectations_dir
from otc_pipelines.settings import load
from otc_pipelines.transform import STANDING, NodeResult, TransformReport, project_dir

ONE, TWO = {"today": "2026-10-31"}, {"today": "2026-11-01"}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "drop").mkdir()
    (tmp_path / "otc.yaml").write_text(
        "company: {name: Acme, base_currency: USD, timezone: UTC}\n"
        "sources: [{name: erp, connector: files, path: ./drop}]\n",
        encoding="utf-8",
    )
    flow = Flow(load(tmp_path / "otc.yaml"))
    _do(
        flow,
        "create schema raw_files",
        "create table raw_files.documents (id text, amount decimal(18, 2))",
        "insert into raw_files.documents values ('A', 1), ('B', 2)",
        "create schema conformed",
        "create view conformed.int_items as select 1 as n",
        "create view conformed.int_receipts as select 1 as n",
        "create schema marts",
        "create table marts.fct_items as select * from raw_files.documents",
    )
    return flow


def _do(flow: Flow, *statements: str) -> None:
    with flow.warehouse.transaction() as tx:
        for statement in statements:
            tx.execute(statement)


def _built(*names: str, tests: tuple[tuple[str, str], ...] = ()) -> TransformReport:
    layers = {"int": "conformed", "fct": "marts"}
    made = [NodeResult(n, "model", "success", 0.1, "", layers[n[:3]]) for n in names]
    asked = [NodeResult(n, "test", "pass", 0.1, "", "", (tested,)) for n, tested in tests]
    return TransformReport((*made, *asked), 0.1, Path())


def _stands(flow: Flow, *models: str, told: dict[str, str] = ONE) -> list[str] | None:
    found = standing(flow, Inputs(flow, told), models)
    return None if found is None else [r.name for r in found.results if r.status == STANDING]


def test_nothing_stands_before_it_was_built(flow: Flow) -> None:
    assert _stands(flow, "int_items") is None


def test_what_was_built_part_by_part_stands_together(flow: Flow) -> None:
    remember(flow, Inputs(flow, ONE), ["int_items"], _built("int_items"))
    remember(flow, Inputs(flow, ONE), ["conformed"], _built("int_receipts"))
    assert _stands(flow, "int_items", "int_receipts") == ["int_items", "int_receipts"]
    assert _stands(flow, "conformed") == ["int_receipts"], "by the selection that it was built by"
    assert _stands(flow, "fct_items") is None


def test_another_edition_takes_the_place_of_the_first_also_on_the_way_back(flow: Flow) -> None:
    remember(flow, Inputs(flow, ONE), ["int_items"], _built("int_items", "int_receipts"))
    remember(flow, Inputs(flow, TWO), ["int_items"], _built("int_items"))
    assert _stands(flow, "int_items", told=TWO) == ["int_items"]
    assert _stands(flow, "int_items", told=ONE) is None


def test_nothing_stands_after_a_build_that_failed(flow: Flow) -> None:
    remember(flow, Inputs(flow, ONE), ["int_items"], _built("int_items"))
    forget(flow)
    assert _stands(flow, "int_items") is None


@pytest.mark.parametrize(
    "change",
    [
        "drop view conformed.int_receipts",
        "create or replace view conformed.int_receipts as select 2 as n",
        "drop table marts.fct_items",
        "delete from marts.fct_items where id = 'A'",
        "update marts.fct_items set amount = amount + 0.01 where id = 'A'",
        "insert into marts.fct_items select * from marts.fct_items",
        "alter table marts.fct_items rename column amount to total",
        "alter table marts.fct_items alter column amount type decimal(18, 4)",
        "insert into raw_files.documents values ('C', 3)",
        "update raw_files.documents set id = case id when 'A' then 'B' else 'A' end",
        "delete from raw_files.documents where id = 'B'",
        "create table raw_files.parties (id text)",
        "insert into ops.legal_entity values ('US01', 'USD', '1200')",
        "insert into ops.bank_account values ('DE89370400440532013000', 'US01', '1010')",
    ],
)
def test_a_table_stands_while_it_is_what_it_was_and_so_is_all_that_it_was_built_of(flow: Flow, change: str) -> None:
    names = ("int_items", "int_receipts", "fct_items")
    remember(flow, Inputs(flow, ONE), names, _built(*names))
    assert _stands(flow, *names) == [*names]
    _do(flow, change)
    assert _stands(flow, *names) is None


def test_the_same_rows_in_another_order_are_the_same(flow: Flow) -> None:
    remember(flow, Inputs(flow, ONE), ["fct_items"], _built("fct_items"))
    for table in ("raw_files.documents", "marts.fct_items"):
        _do(flow, f"create table moved as select * from {table}", f"delete from {table}")
        _do(flow, f"insert into {table} select * from moved order by id desc", "drop table moved")
    assert _stands(flow, "fct_items") == ["fct_items"]


def test_what_the_house_notes_of_its_own_runs_changes_no_mart(flow: Flow) -> None:
    remember(flow, Inputs(flow, ONE), ["fct_items"], _built("fct_items"))
    _do(flow, "insert into ops.posting_run values (current_timestamp, 'r', current_timestamp)")
    assert _stands(flow, "fct_items") == ["fct_items"]


def test_a_view_stands_while_rows_come_and_its_tests_do_not(flow: Flow) -> None:
    built = _built("int_items", "int_receipts", tests=(("not_null_n", "int_items"),))
    remember(flow, Inputs(flow, ONE), ["conformed"], built)
    found = standing(flow, Inputs(flow, ONE), ["conformed"])
    assert found is not None and [r.name for r in found.results] == ["int_items", "int_receipts", "not_null_n"]
    _do(flow, "insert into raw_files.documents values ('C', 3)")
    found = standing(flow, Inputs(flow, ONE), ["conformed"])
    assert found is not None and [r.name for r in found.results] == ["int_items", "int_receipts"]
    assert found.unsure == ("int_items",)


@pytest.mark.parametrize("earlier", ["7ce72d96522a92a8", "1234", ""])
def test_what_cannot_be_read_says_nothing(flow: Flow, earlier: str) -> None:
    with flow.warehouse.transaction() as tx:
        tx.insert("ops.instance", [{"name": "built", "value": earlier}])
    assert _stands(flow, "int_items") is None


def test_a_note_takes_the_place_of_the_one_before(flow: Flow) -> None:
    with flow.warehouse.transaction() as tx:
        note(tx, "built", {"edition": "1"})
        note(tx, "built", {"edition": "2"})
        assert tx.scalar("select count(*) from ops.instance where name = 'built'") == 1


def test_an_edition_is_of_the_project_and_of_what_it_is_told() -> None:
    assert edition(ONE) == edition({**ONE})
    assert edition(ONE) != edition(TWO)


def test_every_table_of_ops_that_models_declare_is_an_input() -> None:
    read: Callable[[Path], dict[str, list[dict[str, object]]]] = lambda p: yaml.safe_load(p.read_text("utf-8"))  # noqa: E731
    files = [p for p in project_dir().rglob("*__sources.yml") if "target" not in p.parts]
    declared = {
        table["name"]
        for p in files
        for s in read(p)["sources"]
        if s["name"] == "ops"
        for table in s["tables"]  # type: ignore[attr-defined]
    }
    assert declared and declared <= ops_read(project_dir(), expectations_dir())
