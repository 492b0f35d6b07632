"""Which views stand: those of the same edition that are there, whoever built them."""

from __future__ import annotations

from pathlib import Path

import pytest

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.views import edition, forget, remember, standing
from otc_pipelines.settings import load


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "drop").mkdir()
    (tmp_path / "otc.yaml").write_text(
        "company: {name: Acme, base_currency: USD, timezone: UTC}\n"
        "sources: [{name: erp, connector: files, path: ./drop}]\n",
        encoding="utf-8",
    )
    flow = Flow(load(tmp_path / "otc.yaml"))
    with flow.warehouse.transaction() as tx:
        tx.execute("create schema conformed")
        for name in ("int_items", "int_receipts"):
            tx.execute(f"create view conformed.{name} as select 1 as n")
    return flow


def test_nothing_stands_before_it_was_built(flow: Flow) -> None:
    assert standing(flow, "one") == ()


def test_what_was_built_part_by_part_stands_together(flow: Flow) -> None:
    remember(flow, "one", ["int_items"])
    remember(flow, "one", ["conformed", "int_receipts"])
    assert standing(flow, "one") == ("int_items", "conformed", "int_receipts"), "in the order in which they were built"


def test_another_edition_takes_the_place_of_the_first_also_on_the_way_back(flow: Flow) -> None:
    remember(flow, "one", ["int_items", "int_receipts"])
    remember(flow, "two", ["int_items"])
    assert standing(flow, "two") == ("int_items",)
    assert standing(flow, "one") == ()


def test_nothing_stands_after_a_build_that_failed_or_where_a_view_is_gone(flow: Flow) -> None:
    remember(flow, "one", ["int_items", "int_receipts"])
    with flow.warehouse.transaction() as tx:
        tx.execute("drop view conformed.int_receipts")
    assert standing(flow, "one") == ()
    remember(flow, "one", ["int_items"])
    assert standing(flow, "one") == ("int_items",)
    forget(flow)
    assert standing(flow, "one") == ()


@pytest.mark.parametrize("earlier", ["7ce72d96522a92a8", "1234", ""])
def test_what_an_earlier_version_noted_says_nothing(flow: Flow, earlier: str) -> None:
    with flow.warehouse.transaction() as tx:
        tx.insert("ops.instance", [{"name": "conform_fingerprint", "value": earlier}])
    assert standing(flow, earlier) == ()


def test_an_edition_is_of_the_project_and_of_what_it_is_told() -> None:
    assert edition({"as_of": "2026-10-31"}) == edition({"as_of": "2026-10-31"})
    assert edition({"as_of": "2026-10-31"}) != edition({"as_of": "2026-11-01"})
