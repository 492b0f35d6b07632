"""Aging of past days through whole passes, on both warehouses: what was said then, what is said now, nothing half."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published
from tests.live import postgres as servers
from tests.live.postgres import PASSWORD, Server, postgres
from tests.pipeline.house import configure, otc, otc_process, passed, rewritten, rows

__all__ = ["postgres"]
KINDS = [
    "duckdb",
    pytest.param(
        "postgres",
        marks=[
            pytest.mark.live,
            pytest.mark.xdist_group("postgres"),
            pytest.mark.skipif(bool(servers.missing()), reason=servers.missing() or "-"),
        ],
    ),
]
YESTERDAY = date.today() - timedelta(days=1)  # noqa: DTZ011  # the instance's time zone is UTC, as the tests' is
DAYS = [YESTERDAY - timedelta(days=n) for n in range(40, 0, -10)]


@pytest.fixture(params=KINDS)
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = configure(tmp_path)
    drop(made, "parties", "party_id,name,parent_party_id", "P1,Alder,", "P2,Birch,P1")
    drop(
        made,
        "documents",
        "document_id,document_type,party_id,legal_entity,document_date,currency,amount,due_date",
        f"A,invoice,P1,US,{DAYS[0]},USD,100,{DAYS[1]}",
        f"B,invoice,P2,US,{DAYS[1]},USD,70,{DAYS[3]}",
    )
    if request.param == "duckdb":
        yield made
        return
    server: Server = request.getfixturevalue("postgres")
    database = server.fresh()
    monkeypatch.setenv("OTC_TEST_WAREHOUSE_PASSWORD", PASSWORD)
    url = server.url(database, password="${OTC_TEST_WAREHOUSE_PASSWORD}")
    yield rewritten(made, lambda document: document.update(warehouse=url))
    server.drop(database)


def drop(config: Path, entity: str, *lines: str, nth: int = 1) -> None:
    folder = config.parent / yaml.safe_load(config.read_text(encoding="utf-8"))["sources"][0]["path"]
    (folder / f"{entity}_{nth}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def snapshots(config: Path, day: date) -> list[dict[str, Any]]:
    with published(Warehouse.of(load(config))) as tx:
        return tx.rows(
            "select * from marts.fct_ar_aging_snapshots where as_of = :day order by taken_at, party_id", day=day
        )


def pay_late(config: Path) -> None:
    """A payment of ten days ago that is read only now."""
    drop(
        config,
        "receipts",
        "receipt_id,legal_entity,receipt_date,currency,amount,party_id",
        f"R,US,{DAYS[2]},USD,100,P1",
    )
    columns = "allocation_id,source_type,source_id,document_id,amount"
    drop(config, "allocations", columns, "A1,receipt,R,A,100")


@pytest.mark.slow
def test_a_late_payment_restates_its_customer_from_its_day_on_and_both_are_rows(config: Path) -> None:
    assert passed(config).code == 0
    first = {r["party_id"]: r for r in snapshots(config, YESTERDAY)}
    assert {k: (r["d1_30"], r["total"], r["is_current"]) for k, r in first.items()} == {
        "P1": (100, 100, True),
        "P2": (70, 70, True),
    }
    kept = rows(config, "select count(*) as n from ops.aging_snapshot")
    assert passed(config).code == 0
    assert rows(config, "select count(*) as n from ops.aging_snapshot") == kept
    pay_late(config)
    assert passed(config).code == 0
    then, now = [r for r in snapshots(config, YESTERDAY) if r["party_id"] == "P1"], snapshots(config, DAYS[1])
    assert [(r["total"], r["is_current"], r["is_restated"]) for r in then] == [(100, False, False)]
    assert then[0]["superseded_at"] > then[0]["taken_at"]
    assert [(r["party_id"], r["total"], r["is_current"]) for r in now] == [("P1", 100, True), ("P2", 70, True)]
    for day in (YESTERDAY, DAYS[2], DAYS[2] - timedelta(days=1)):
        for row in snapshots(config, day):
            words = ("aging", "--as-of", str(day), "--loaded-at", row["taken_at"].isoformat(), "--format", "csv")
            said = otc(*words, config=config)
            assert said.code == 0, said.err
            assert f"US,{row['party_id']},{row['party_name']},USD" in said.out
    parents = otc("aging", "--as-of", str(YESTERDAY), "--group-by", "parent", "--format", "csv", config=config)
    assert parents.out.splitlines()[1].startswith("US,P1,Alder,USD,")
    assert len(parents.out.splitlines()) == 2


@pytest.mark.parametrize("where", ["post.part", "post.before_commit"])
def test_killed_while_it_posts_neither_ledger_nor_snapshots_know_of_it(config: Path, where: str) -> None:
    assert passed(config).code == 0
    pay_late(config)
    tables = ("ar_movement", "posting_run", "aging_snapshot", "aging_snapshot_day", "aging_snapshot_run")

    def counted() -> list[int]:
        return [rows(config, f"select count(*) as n from ops.{t}")[0]["n"] for t in tables]

    before = counted()
    died = otc_process("run", config=config, env={"OTC_KILL_AT": where})
    assert died.returncode == -signal.SIGKILL
    assert counted() == before
    assert passed(config).code == 0
    after = counted()
    assert [b > a for a, b in zip(before, after, strict=True)] == [True, True, True, False, True]
    assert {r["party_id"] for r in snapshots(config, YESTERDAY) if r["is_current"]} == {"P2"}
