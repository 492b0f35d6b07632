"""A pass in which nothing changed makes nothing again, and what it leaves is what a pass forced to make it leaves.

The oracle is a copy of the same instance that has forgotten what it built: it builds, publishes and judges all anew.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.flow import models
from otc_pipelines.flow.run import RunReport
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published, published_path
from tests.live.content import SCHEMAS, digest, lines, relations
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import asking, change, configure, passed, rewritten, rows

pytestmark = pytest.mark.xdist_group("standing")

_DROP = {
    "parties.csv": "party_id,name,currency,legal_entity\nC1,Gadget AG,USD,US\nC2,Widget Ltd,USD,US\n",
    "documents.csv": (
        "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
        "INV-1,invoice,C1,US,2026-01-05,2026-02-04,USD,100.00\n"
        "INV-2,invoice,C2,US,2026-01-20,2026-02-19,USD,250.50\n"
    ),
    "gl_balances.csv": "legal_entity,gl_account,currency,date,balance\nUS,1200,USD,2026-02-28,350.50\n",
}
STOOD = {"transform conform": True, "transform marts": True, "publish marts": True, "gate": True}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Path:
    entities = {"US": {"base_currency": "USD", "ar_account": "1200"}}
    config = prepared(configure(tmp_path_factory.mktemp("standing") / "house", legal_entities=entities))
    for name, text in _DROP.items():
        (config.parent / "drop" / name).write_text(text, encoding="utf-8")
    assert passed(config).code == 0
    return config


@pytest.fixture
def copy(house: Path, tmp_path: Path) -> Path:
    shutil.copytree(house.parent, tmp_path / "copy")
    return tmp_path / "copy" / house.name


def stood(report: RunReport) -> dict[str, bool]:
    """Which steps let stand what was there."""
    found = {
        f"{s.step} {s.name}": "are current" in s.message for s in report.steps if s.step in ("transform", "publish")
    }
    return {**found, "gate": all(s.facts["standing"] for s in report.steps if s.step == "gate")}


def held(config: Path) -> dict[str, str]:
    """What every model holds, and what is published of it."""
    with asking(config) as tx:
        found = {r: digest(lines(tx.rows(f"select * from {r}"))) for r in relations(tx, *SCHEMAS)}
    with published(Warehouse.of(load(config))) as tx:
        found |= {f"published {r}": digest(lines(tx.rows(f"select * from {r}"))) for r in relations(tx, "marts")}
    return found


def forced(config: Path, folder: Path) -> tuple[dict[str, str], RunReport]:
    """A pass of a copy that has forgotten what it built and judged, and has published nothing."""
    shutil.copytree(config.parent, folder)
    mine = folder / config.name
    change(mine, "delete from ops.instance where name in ('built', 'judged')")
    published_path(Warehouse.of(load(mine))).unlink()  # type: ignore[arg-type]
    report = passed(mine)
    assert not any(stood(report).values())
    shutil.rmtree(folder / "data" / "dbt", ignore_errors=True)
    return held(mine), report


def told(report: RunReport) -> list[tuple[Any, ...]]:
    """The verdicts of a pass: the same whether they were come to or stood."""
    said = "; the verdict stands"
    return [
        (s.name, s.status, s.code, s.rows_in, s.message.partition(said)[0]) for s in report.steps if s.step == "gate"
    ]


def test_nothing_new_and_nothing_is_made_again(copy: Path, tmp_path: Path) -> None:
    before = held(copy)
    report = passed(copy)
    assert report.code == 0, report.error
    assert stood(report) == STOOD
    assert held(copy) == before
    assert (before, told(report)) == (lambda found: (found[0], told(found[1])))(forced(copy, tmp_path / "forced"))


def test_after_whatever_happened_a_pass_leaves_what_a_forced_one_leaves(copy: Path, tmp_path: Path) -> None:
    """Seeded: rows come, tables are dropped and edited, settings change, or nothing happens at all."""
    chance, numbers = random.Random(20261031), count(3)

    def comes() -> None:
        with (copy.parent / "drop" / "documents.csv").open("a", encoding="utf-8") as file:
            file.write(f"INV-{next(numbers)},invoice,C1,US,2026-02-02,2026-03-04,USD,{chance.randint(1, 99)}.10\n")

    def edited() -> None:
        change(copy, "update marts.fct_open_items set open_amount = open_amount + 0.01")

    def dropped() -> None:
        change(copy, f"drop table marts.{chance.choice(['fct_ar_ledger', 'dim_party', 'fct_tie_out'])}")

    def setting() -> None:
        rewritten(copy, lambda d: d.update(hold_after_days=chance.randint(10, 80)))

    def lost() -> None:
        published_path(Warehouse.of(load(copy))).unlink()  # type: ignore[arg-type]

    happens: list[Callable[[], None]] = [comes, edited, dropped, setting, lost]
    chance.shuffle(happens)
    for happened in happens:
        happened()
        report = passed(copy)
        assert report.code in (0, 1)
        assert stood(report)["transform marts"] is (happened is lost), happened.__name__
        assert stood(report)["publish marts"] is (happened not in (comes, lost)), happened.__name__
    again = passed(copy)
    assert stood(again) == STOOD
    anew, report = forced(copy, tmp_path / "forced")
    assert held(copy) == anew
    assert told(again) == told(report)


def test_a_pass_that_died_between_building_and_noting_leaves_nothing_that_counts_as_current(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (copy.parent / "drop" / "documents.csv").open("a", encoding="utf-8") as file:
        file.write("INV-3,invoice,C1,US,2026-02-02,2026-03-04,USD,10.00\n")
    with monkeypatch.context() as dying:
        dying.setattr(models, "remember", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            passed(copy)
    report = passed(copy)
    assert stood(report) | {"transform conform": True} == {**dict.fromkeys(STOOD, False), "transform conform": True}
    assert rows(copy, "select count(*) as n from marts.fct_documents") == [{"n": 3}]
    assert stood(passed(copy)) == STOOD


def test_another_day_is_another_edition(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told_before = models.variables

    def tomorrow(flow: Any) -> dict[str, Any]:
        return {**told_before(flow), "today": "2031-01-01"}

    monkeypatch.setattr(models, "variables", tomorrow)
    assert stood(passed(copy))["transform marts"] is False
    assert [str(r["d"]) for r in rows(copy, "select distinct as_of as d from marts.fct_party_ar_status")] == [
        "2031-01-01"
    ]


def test_a_gate_that_failed_stays_failed_until_what_it_judged_is_another(copy: Path) -> None:
    with (copy.parent / "drop" / "gl_balances.csv").open("a", encoding="utf-8") as file:
        file.write("US,1200,USD,2026-03-31,1.00\n")
    first = passed(copy)
    again = passed(copy)
    assert (first.code, again.code) == (1, 1)
    assert stood(again) == STOOD
    assert told(again) == told(first)
    assert [s.name for s in again.steps if s.step == "gate" and s.code] == ["fct_tie_out"]
    verdicts = rows(copy, "select count(*) as n from ops.gate_verdict")
    change(copy, "update ops.gate_verdict set passed = true, failed_checks = 0")
    assert stood(passed(copy))["gate"] is False, "a verdict that was edited is no verdict"
    assert rows(copy, "select count(*) as n from ops.gate_verdict")[0]["n"] > verdicts[0]["n"]
    with (copy.parent / "drop" / "gl_balances.csv").open("a", encoding="utf-8") as file:
        file.write("US,1200,USD,2026-03-31,350.50\n")
    assert passed(copy).code == 0
