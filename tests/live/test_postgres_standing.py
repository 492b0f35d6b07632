"""What stands is told on a server as in a file: by what tables hold and how views are defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from otc_pipelines.flow.builds import Inputs, remember, standing
from otc_pipelines.flow.context import Flow
from otc_pipelines.settings import load
from otc_pipelines.transform import NodeResult, TransformReport
from otc_pipelines.warehouse import WarehouseError
from otc_pipelines.warehouse.publish import publish, published, standing_copy
from tests.live.postgres import PASSWORD, Server, postgres

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]
TOLD = {"today": "2026-10-31"}


@pytest.fixture
def flow(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flow:
    monkeypatch.setenv("OTC_TEST_WAREHOUSE_PASSWORD", PASSWORD)
    url = postgres.url(postgres.fresh(), password="${OTC_TEST_WAREHOUSE_PASSWORD}")
    (tmp_path / "drop").mkdir()
    (tmp_path / "otc.yaml").write_text(
        f"company: {{name: Acme, base_currency: USD, timezone: UTC}}\nwarehouse: '{url}'\n"
        "sources: [{name: erp, connector: files, path: ./drop}]\n",
        encoding="utf-8",
    )
    flow = Flow(load(tmp_path / "otc.yaml"))
    built = flow.warehouse.marts_built_in
    _do(
        flow,
        "create schema raw_files",
        "create table raw_files.documents (id text, amount decimal(18, 4), at timestamptz)",
        "insert into raw_files.documents values ('A', 1, now()), ('B', 2, null)",
        "create schema conformed",
        "create view conformed.int_items as select id from raw_files.documents",
        f"create schema {built}",
        f"create table {built}.fct_items as select * from raw_files.documents",
    )
    return flow


def _do(flow: Flow, *statements: str) -> None:
    with flow.warehouse.transaction() as tx:
        for statement in statements:
            tx.execute(statement)


def test_what_is_dropped_edited_or_built_of_other_rows_does_not_stand(flow: Flow) -> None:
    names, built = ["int_items", "fct_items"], flow.warehouse.marts_built_in
    made = [NodeResult(n, "model", "success", 0.1, "", s) for n, s in zip(names, ("conformed", built), strict=True)]
    changes = [
        f"update {built}.fct_items set amount = amount + 0.0001 where id = 'B'",
        "insert into raw_files.documents values ('C', 3, null)",
        "create or replace view conformed.int_items as select id || 'x' as id from raw_files.documents",
        f"drop table {built}.fct_items",
    ]
    for change in changes:
        remember(flow, Inputs(flow, TOLD), names, TransformReport(tuple(made), 0.1, Path()))
        assert standing(flow, Inputs(flow, TOLD), names) is not None
        _do(flow, change)
        assert standing(flow, Inputs(flow, TOLD), names) is None, change


def test_the_published_copy_stands_while_it_holds_what_was_built(flow: Flow) -> None:
    assert standing_copy(flow.warehouse) is None
    done = publish(flow.warehouse)
    found = standing_copy(flow.warehouse)
    assert found is not None and (found.tables, found.rows) == (done.tables, done.rows) == (1, 2)
    _do(flow, "delete from marts.fct_items where id = 'A'")
    assert standing_copy(flow.warehouse) is None


@pytest.mark.parametrize("asked", ["select * from marts.fct_of_later", "select of_later from marts.fct_items"])
def test_what_an_earlier_version_did_not_publish_is_said_to_be_missing(flow: Flow, asked: str) -> None:
    publish(flow.warehouse)
    with pytest.raises(WarehouseError, match=r"of_later.*run `otc run`"), published(flow.warehouse) as tx:
        tx.rows(asked)
