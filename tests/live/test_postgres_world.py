"""The simulated company end to end on a PostgreSQL server, by one line in otc.yaml, beside the same one on DuckDB.

What people read is the same row for row; deliveries, gates, audit and readers behave on a server as they must. The
tests follow one another: each goes on from where the one before has left the company.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from otc_pipelines.audit import verify
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.gates import judge
from otc_pipelines.flow.models import transform
from otc_pipelines.flow.sync import deliver_targets
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse, WarehouseError
from otc_pipelines.warehouse.publish import publish, published
from tests.live.content import difference, digest, held, relations
from tests.live.postgres import PASSWORD, Server, free_port, postgres
from tests.live.two_warehouses import AS_OF, LATER, MORNING, NAMES, Pair, clock, pair
from tests.pipeline.house import ROOT, otc, rewritten

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]

SECRET = "OTC_TEST_WAREHOUSE_PASSWORD"


@dataclass
class House:
    """Both instances; the server's, and two logins of people who only read."""

    both: Pair
    server: Server
    database: str
    login: str

    @property
    def config(self) -> Path:
        """The instance on the server."""
        return self.both.postgres

    @property
    def warehouse(self) -> Warehouse:
        """The server's."""
        return Warehouse.of(load(self.config), wait=20)

    @property
    def writes(self) -> int:
        """How many writing calls the CRM has seen."""
        return len(self.both.demo.salesforce.writes())

    def url(self, login: str) -> str:
        """Where a login finds the database."""
        return self.server.url(self.database, login)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[House]:
    with (
        pytest.MonkeyPatch.context() as patch,
        pair(tmp_path_factory.mktemp("world"), postgres, customers=60, invoices=500) as both,
    ):
        (database,) = {load(both.postgres).warehouse.rpartition("/")[2]}
        login = f"otc_{free_port()}"
        url = postgres.url(database, login, f"${{{SECRET}}}")
        for config in both.configs:  # the old books do not tie out, and that guards what leaves
            rewritten(config, lambda document: document["sources"].pop())
        rewritten(both.postgres, lambda document: document.update(warehouse=url))
        patch.setenv("OTC_WAREHOUSE_ADMIN_URL", postgres.url())
        made = otc("init", "--warehouse", config=both.postgres)
        assert made.code == 0, made.err
        postgres.execute(f"create role reads_{login} login password '{PASSWORD}' in role bi_reader")
        for report in both.passed(MORNING):
            assert report.code == 0, report.error
        yield House(both, postgres, database, login)


def unequal(house: House) -> dict[str, str]:
    """Published marts that differ."""
    one, other = (Warehouse.of(instance) for instance in house.both.instances)
    with published(one) as here, published(other) as there:
        names = relations(here, "marts")
        assert names == [n for n in relations(there, "marts") if n.startswith("marts.")]
        found = {n: (held(here, n), held(there, n)) for n in names}
    assert sum(rows.total() for rows, _ in found.values()) > 3000
    assert len({digest(rows) for rows, _ in found.values() if rows}) > 10
    return {n: difference(*both, NAMES) for n, both in found.items() if digest(both[0]) != digest(both[1])}


def test_one_line_of_the_configuration_is_another(house: House) -> None:
    one, other = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in house.both.configs)
    assert {key for key in other if one.get(key) != other[key]} == {"warehouse"}
    assert one.keys() == other.keys()


def test_every_published_mart_is_equal_row_for_row(house: House) -> None:
    assert unequal(house) == {}


@pytest.mark.parametrize(
    "words",
    [
        ("aging", "--as-of", str(AS_OF)),
        ("aging", "--as-of", str(AS_OF), "--group-by", "document", "--include-pending"),
        ("matches",),
        ("quarantine", "list"),
        ("sync",),
    ],
    ids=" ".join,
)
def test_the_commands_answer_the_same(house: House, words: tuple[str, ...]) -> None:
    one, other = (otc(*words, "--format", "csv", config=path) for path in house.both.configs)
    assert one.out == other.out
    assert (one.code, one.err) == (other.code, other.err)
    assert len(one.out.splitlines()) > 5


@pytest.mark.parametrize(
    "words",
    [
        ("total:US/USD", "--include-pending"),
        ("bucket:C10001/d31_60",),
        ("total:US/USD", "--known-at", "2026-01-15"),
        ("document:D0000001",),
        ("document:INV-10400",),
    ],
    ids=" ".join,
)
def test_explanations_are_the_same_row_for_row(house: House, words: tuple[str, ...]) -> None:
    one, other = (
        otc("explain", *words, "--as-of", AS_OF, "--format", "json", config=path) for path in house.both.configs
    )
    assert (one.code, one.err) == (other.code, other.err)
    if one.code == 0:
        here, there = (json.loads(said.out) for said in (one, other))
        assert here["figures"] == there["figures"]
        rows_of = [[r for r in told["rows"] if r["kind"] != "verdict"] for told in (here, there)]
        assert rows_of[0] == rows_of[1]
        assert rows_of[0]
        assert all(f["agrees"] for f in here["figures"])


def test_replaying_the_quarantine_comes_to_the_same(house: House) -> None:
    with clock(MORNING + timedelta(hours=1)):
        one = otc("quarantine", "replay", "--format", "csv", config=house.both.duckdb)
    with clock(MORNING + timedelta(hours=1)):
        other = otc("quarantine", "replay", "--format", "csv", config=house.both.postgres)
    assert (one.code, one.out, one.err) == (other.code, other.out, other.err)
    assert one.out.strip()


def test_one_wrong_row_and_the_crm_sees_no_write(house: House) -> None:
    rewritten(house.config, lambda document: [t.update(mode="deliver") for t in document["targets"]])
    flow = Flow(load(house.config), actor="ann")
    ledger = flow.warehouse.built("marts.fct_ar_ledger")
    with flow.warehouse.transaction("transformer") as tx:
        tx.execute(
            f"""update {ledger} set amount = amount + 0.01 where movement_id = (
                select min(movement_id) from {ledger} where item_type = 'installment' and source_system = 'erp')"""
        )
    before = house.writes
    assert [s for s in judge(flow) if s.code == 1 and s.status == "failed"]
    reports, _ = deliver_targets(flow)
    assert {(r.status, r.code) for r in reports} == {("failed", 1)}
    assert all("gates failed" in r.message for r in reports)
    assert house.writes == before


def test_without_it_the_batch_is_delivered_once(house: House) -> None:
    with clock(MORNING):
        step, _ = transform(Flow(load(house.config)), "marts")
    assert step.code == 0, step.message
    assert house.warehouse.marts_built_in != "marts"
    flow = Flow(load(house.config), actor="ann")
    assert {s.code for s in judge(flow)} == {0}
    before = house.writes
    first = otc("sync", "--deliver", "--format", "csv", config=house.config)
    assert first.code == 0, first.err
    assert house.writes > before
    with house.warehouse.reading() as tx:
        statuses = {r["status"]: r["n"] for r in tx.rows("select status, count(*) as n from ops.outbox group by 1")}
    assert statuses.keys() == {"delivered"}
    written = house.writes
    second = otc("sync", "--deliver", "--format", "csv", config=house.config)
    assert second.code == 0, second.err
    assert house.writes == written


def test_what_was_delivered_is_read_back_and_changes_nothing(house: House) -> None:
    written = house.writes
    for report in house.both.passed(MORNING + timedelta(hours=2)):
        assert report.code == 0, report.error
    assert house.writes == written
    assert unequal(house) == {}


READER = """
import psycopg2, select, sys
told, answers = 0, set()
connection = psycopg2.connect(sys.argv[1], options="-c lock_timeout=2000 -c statement_timeout=30000")
connection.autocommit = True
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    with connection.cursor() as cursor:
        cursor.execute('''
            select (select count(*) from marts.fct_ar_ledger), (select sum(amount) from marts.fct_ar_ledger),
                (select count(*) from marts.fct_documents), (select sum(open_amount) from marts.fct_documents),
                (select count(*) from marts.fct_bank_lines), (select count(*) from marts.dim_party),
                (select max(as_of) from marts.fct_party_ar_status)''')
        answers.add(cursor.fetchone())
    told += 1
print(told)
for answer in answers:
    print(*answer)
"""


def test_a_bi_reader_is_served_during_a_whole_pass_and_sees_it_whole(house: House) -> None:
    house.both = replace(house.both, demo=house.both.demo.advance((LATER - MORNING).days))
    url = house.url(f"reads_{house.login}")
    with subprocess.Popen(
        [sys.executable, "-c", READER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == "ready"
        report = house.both.run(house.config, LATER)
        said, _ = reader.communicate("stop\n", timeout=60)
    assert report.code == 0, report.error
    assert reader.returncode == 0
    told, *answers = said.splitlines()
    assert int(told) > 20
    assert len(set(answers)) == 2, f"the state before and the one after, and nothing between: {answers}"


PUBLISH = """
import sys
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import publish
publish(Warehouse.of(load(sys.argv[1])))
"""


def served(house: House) -> list[Any]:
    with published(house.warehouse) as tx:
        return [(n, digest(held(tx, n))) for n in relations(tx, "marts") if n.startswith("marts.")]


@pytest.mark.parametrize("point", ["publish.table:5", "publish.before_swap"])
def test_killed_while_publishing_the_old_marts_are_served_whole(house: House, point: str) -> None:
    before = served(house)
    built = house.warehouse.built("marts.fct_match_decisions")
    with house.warehouse.transaction("transformer") as tx:
        tx.execute(f"delete from {built} where decision_id = (select min(decision_id) from {built})")
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH, str(house.config)],
        env={**os.environ, "OTC_KILL_AT": point},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert served(house) == before
    publish(house.warehouse)
    after = served(house)
    assert [n for (n, a), (_, b) in zip(before, after, strict=True) if a != b] == ['marts."fct_match_decisions"']


def test_a_mart_with_other_columns_is_replaced_unless_somebody_built_upon_it(house: House) -> None:
    admin, database = house.server.execute, house.database
    admin("alter table marts.fct_documents rename column open_amount to amount_open", database)
    admin("create view public.of_others as select amount_open from marts.fct_documents", database)
    with pytest.raises(WarehouseError) as told:
        publish(house.warehouse)
    assert "the columns of marts.fct_documents changed" in str(told.value)
    assert "view of_others depends on table marts.fct_documents" in str(told.value)
    admin("drop view public.of_others", database)
    publish(house.warehouse)
    with published(house.warehouse) as tx:
        assert tx.scalar("select sum(open_amount) from marts.fct_documents") is not None


def test_the_chain_of_events_is_whole_and_a_change_is_named(house: House) -> None:
    ok = otc("audit", "verify", config=house.config)
    assert ok.code == 0, ok.out + ok.err
    house.server.execute("update ops.audit_event set actor = 'nobody' where seq = 7", house.database)
    found = verify(house.warehouse)
    assert not found.ok
    assert otc("audit", "verify", config=house.config).code == 1
    assert "7" in str(found)


def test_no_password_is_left_anywhere(house: House) -> None:
    places = [p for p in (house.config.parent / "data").rglob("*") if p.is_file()]
    assert len(places) > 20
    assert [p for p in places if PASSWORD.encode() in p.read_bytes()] == []
