"""A row that no later read asks for stops deliveries, is named, and is brought by reading its source anew."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import configure, otc, passed, rows, step

SUITE = "fct_source_totals"
NOW = datetime.now(UTC).replace(microsecond=0)
STATUS = "select status, named from marts.fct_source_totals where source_system = '{}' and entity = '{}'"


class House:
    """An ERP's database and a CRM, and an instance that reads both and delivers to the CRM."""

    def __init__(self, folder: Path, crm: SalesforceSimulator, prepared: Prepared) -> None:
        self.crm = crm
        self._path = folder / "erp.db"
        columns = "document_id, document_type, party_id, legal_entity, document_date, due_date, currency, amount"
        self._run("create table parties (party_id text, name text, recorded_at text)")
        self._run(f"create table documents ({columns}, recorded_at)".replace(",", " text,"))
        self._run("insert into parties values ('C-1', 'Alder', ?)", self.ago(hours=9))
        self.invoice("D1", "100.00", self.ago(hours=5))
        self.invoice("D2", "50.10", self.ago(hours=1))
        crm.load({"Account": [self.account("C-1", hours=5), self.account("C-2", hours=1)]})
        sources = [
            {"name": "erp", "connector": "sql", "url": "${ERP_URL}"},
            {
                "name": "crm", "connector": "salesforce", "login_url": crm.url, "client_id": crm.client_id,
                "client_secret": "${CRM_SECRET}", "ca_bundle": str(crm.ca_bundle), "allow_private": True,
                "attempts": 2, "first_wait_seconds": 0,
            },
        ]  # fmt: skip
        target = {"name": "crm_target", "source": "crm", "objects": ["account_ar_status"], "mode": "deliver"}
        self.config = configure(folder / "house", sources, targets=[target])
        prepared(self.config)

    @staticmethod
    def ago(**time: float) -> str:
        return (NOW - timedelta(**time)).isoformat().replace("+00:00", "Z")

    def account(self, key: str, **ago: float) -> dict[str, Any]:
        moment = (NOW - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        return {"Name": key, "OTC_Customer_Key__c": key, "SystemModstamp": moment}

    def invoice(self, key: str, amount: str, at: str) -> None:
        row = (key, "invoice", "C-1", "US", "2026-01-05", "2026-02-05", "USD", amount, at)
        self._run(f"insert into documents values ({', '.join('?' * len(row))})", *row)

    def withdraw(self, key: str) -> None:
        self._run("delete from documents where document_id = ?", key)

    def told(self) -> dict[str, str]:
        """The differences that the tie-out lists: subject and suspects."""
        said = otc("tie-out", "--check", "source", "--format", "json", config=self.config)
        found = json.loads(said.out)["rows"]
        assert said.code == (1 if found else 0)
        return {r["subject"]: r["suspects"] for r in found}

    def _run(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute(statement, values)


@pytest.fixture
def house(tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with serve(tmp_path / "crm") as crm:
        monkeypatch.setenv("ERP_URL", f"sqlite:///{tmp_path / 'erp.db'}")
        monkeypatch.setenv("CRM_SECRET", crm.client_secret)
        yield House(tmp_path, crm, prepared)


def test_rows_that_commit_later_than_the_overlap_stop_deliveries_until_they_are_read(house: House) -> None:
    first = passed(house.config)
    assert step(first, "gate", SUITE).status == "done", first.error
    assert first.facts["sources"]["differing"] == []
    assert house.told() == {}
    delivered = len(house.crm.writes())
    assert delivered, "something leaves the house while all ties"

    house.invoice("LATE", "7.77", house.ago(hours=4))
    house.crm.load({"Account": [house.account("C-LATE", hours=4)]})
    house.invoice("D3", "1.00", house.ago(minutes=1))  # what is new would be delivered
    alarmed = passed(house.config)
    assert alarmed.code == 1
    assert step(alarmed, "gate", SUITE).status == "failed"
    assert step(alarmed, "deliver").status != "done"
    assert len(house.crm.writes()) == delivered, "nothing was written"
    assert alarmed.facts["sources"]["differing"] == ["crm accounts", "erp documents"]
    told = house.told()
    assert set(told) == {"erp documents: amount, 3 rows of 4", "crm accounts: rows"}
    assert (
        f"not here: LATE ({NOW - timedelta(hours=4):%Y-%m-%d %H:%M:%S})" in told["erp documents: amount, 3 rows of 4"]
    )
    assert "otc run --full erp" in told["erp documents: amount, 3 rows of 4"]
    assert "not here: 001" in told["crm accounts: rows"]

    assert passed(house.config).code == 1, "it stands"
    healed = otc("run", "--full", "erp", "--full", "crm", "--format", "json", config=house.config)
    assert healed.code == 0, healed.out
    assert house.told() == {}
    assert len(house.crm.writes()) > delivered
    last = passed(house.config)
    assert last.code == 0
    assert sum(s.rows_new or 0 for s in last.steps if s.step == "extract" and s.name == "erp") == 0
    assert {r["status"] for r in rows(house.config, "select status from marts.fct_source_totals")} == {"tied"}


def test_it_shows_and_ends_where_nothing_new_has_landed(house: House) -> None:
    """What stands is not built anew: it is the source's own answer alone that changes here."""
    passed(house.config)
    house.invoice("LATE", "7.77", house.ago(hours=4))
    alarmed = passed(house.config)
    assert step(alarmed, "extract", "erp").rows_new == 0
    assert step(alarmed, "gate", SUITE).status == "failed", [(s.step, s.name, s.message) for s in alarmed.steps]
    assert step(alarmed, "deliver").status != "done"
    house.withdraw("LATE")
    ended = passed(house.config)
    assert (step(ended, "extract", "erp").rows_new, ended.code) == (0, 0)
    assert house.told() == {}


def test_what_left_the_recycle_bin_is_found_by_reading_anew(house: House) -> None:
    passed(house.config)
    gone = next(r for r in house.crm.records("Account") if r["Name"] == "C-2")
    house.crm.org.store.delete("Account", gone["Id"])
    assert step(passed(house.config), "gate", SUITE).status == "failed"
    assert rows(house.config, STATUS.format("crm", "accounts") + " and named is not null") == [
        {"status": "difference", "named": f"not there: {gone['Id']}"}
    ]
    assert otc("run", "--full", "crm", config=house.config).code == 0
    assert house.told() == {}


def test_a_bad_row_stops_nothing(house: House) -> None:
    house.invoice("BAD", "twelve", house.ago(minutes=30))
    report = passed(house.config)
    assert report.code == 0, report.error
    found = rows(
        house.config, "select distinct status, quarantined from marts.fct_source_totals where entity = 'documents'"
    )
    assert found == [{"status": "tied", "quarantined": 1}]
    assert "1 entities" in step(report, "gate", SUITE).message


def test_a_source_that_is_not_known_cannot_be_read_anew(house: House) -> None:
    said = otc("run", "--full", "nobody", config=house.config)
    assert said.code == 2
    assert "source 'nobody' is not in otc.yaml; there are: erp, crm" in said.line
