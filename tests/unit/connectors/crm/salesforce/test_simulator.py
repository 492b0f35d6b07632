"""The simulator as others see it: simple-salesforce, unchanged, with the session it is given."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from connectors.crm.salesforce.simulator import SalesforceSimulator, project_world, serve
from connectors.crm.salesforce.simulator.jobs import java_double
from connectors.crm.salesforce.simulator.org import make_id
from connectors.kit.http import HttpPolicy, Session
from connectors.simulation.faults import Fault
from connectors.simulation.world.world import World, current
from tests.unit.connectors.crm.salesforce.conftest import Clock, Open
from tests.unit.connectors.crm.salesforce.reading import accounts


@pytest.fixture
def crm(open_crm: Open) -> SalesforceSimulator:
    return open_crm(page_rows=200)


@pytest.fixture
def http(crm: SalesforceSimulator) -> Iterator[Session]:
    with Session(crm.url, HttpPolicy(allow_private=True, ca_bundle=crm.ca_bundle, first_wait=0.01)) as opened:
        yield opened


@pytest.fixture
def sf(crm: SalesforceSimulator, http: Session) -> Salesforce:
    form = {"grant_type": "refresh_token", "client_id": crm.client_id, "client_secret": crm.client_secret}
    answer = http.post(f"{crm.url}/services/oauth2/token", data={**form, "refresh_token": crm.tokens.refresh_token})
    return Salesforce(session_id=answer.json()["access_token"], instance_url=crm.url, session=http, version="61.0")


def test_records_are_made_changed_found_and_deleted(sf: Salesforce, crm: SalesforceSimulator, clock: Clock) -> None:
    made = sf.Account.create({"Name": "Acme", "OTC_Customer_Key__c": "C-1"})
    assert made["success"] is True and len(made["id"]) == 18
    clock.advance(5)
    assert sf.Account.update(made["id"], {"Phone": "1"}) == 204
    found = sf.Account.get_by_custom_id("OTC_Customer_Key__c", "C-1")
    assert (found["Phone"], found["SystemModstamp"]) == ("1", "2025-03-01T12:00:05.000+0000")
    assert sf.Account.get(made["id"][:15])["Name"] == "Acme"
    assert sf.Account.upsert("OTC_Customer_Key__c/C-1", {"Phone": "2"}) == 200
    assert sf.Account.upsert("OTC_Customer_Key__c/C-2", {"Name": "New"}) == 201
    assert sf.Account.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.get(made["id"])
    window = (clock.now - timedelta(days=1), clock.now + timedelta(days=1))
    assert [r["id"] for r in sf.Account.deleted(*window)["deletedRecords"]] == [made["id"]]
    assert len(sf.Account.updated(*window)["ids"]) == 1
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 1
    assert sf.query("SELECT COUNT() FROM Account", include_deleted=True)["totalSize"] == 2


def test_describe_lists_and_limits(sf: Salesforce) -> None:
    assert {"Account", "Order", "Case"} <= {o["name"] for o in sf.describe()["sobjects"]}
    fields = {f["name"]: f for f in sf.Account.describe()["fields"]}
    assert fields["OTC_Customer_Key__c"]["externalId"] and fields["SystemModstamp"]["type"] == "datetime"
    assert fields["ParentId"]["referenceTo"] == ["Account"] and not fields["Id"]["updateable"]
    assert sf.limits()["DailyBulkApiBatches"]["Remaining"] > 0
    assert sf.api_usage["api-usage"].used >= 3


def test_query_pages_with_locators(sf: Salesforce, crm: SalesforceSimulator) -> None:
    crm.load(accounts(450))
    first = sf.query("SELECT Id, Name FROM Account ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)
    assert first["records"][0]["attributes"]["type"] == "Account"
    more = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert more["records"][0]["Name"] == "A200"
    assert len(list(sf.query_all_iter("SELECT Id FROM Account"))) == 450
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.query_more("01gOT0000000099YAA-200")
    assert error.value.content[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = Acme", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2025-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name > 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account; DROP", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_a_bad_query_is_refused_in_the_vendors_words(sf: Salesforce, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.query(soql)
    assert error.value.content[0]["errorCode"] == code


def test_a_token_that_nobody_gave_is_refused(crm: SalesforceSimulator, http: Session) -> None:
    stranger = Salesforce(session_id="00D!x", instance_url=crm.url, session=http)
    with pytest.raises(SalesforceExpiredSession) as error:
        stranger.query("SELECT Id FROM Account")
    assert error.value.content == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_collections(sf: Salesforce, crm: SalesforceSimulator) -> None:
    crm.load(accounts(2))
    rows = [
        {"attributes": {"type": "Account"}, "OTC_Customer_Key__c": "C-0", "Phone": "1"},
        {"attributes": {"type": "Account"}, "OTC_Customer_Key__c": "C-9", "Phone": "2"},
        {"attributes": {"type": "Account"}, "OTC_Customer_Key__c": "C-1", "Nope": "3"},
    ]
    body = {"allOrNone": False, "records": rows}
    path = "composite/sobjects/Account/OTC_Customer_Key__c"
    said: Any = sf.restful(path, method="PATCH", json=body)
    assert [r["success"] for r in said] == [True, False, False] and said[0]["created"] is False
    assert [r["errors"][0]["statusCode"] for r in said[1:]] == ["REQUIRED_FIELD_MISSING", "INVALID_FIELD"]
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful(path, method="PATCH", json={"records": rows * 67})
    assert [line["keys"] for line in crm.writes()] == [["C-0", "C-9", "C-1"]]


def test_bulk_2_query_and_ingest_by_the_clients_own_way(sf: Salesforce, crm: SalesforceSimulator) -> None:
    crm.load(accounts(700))
    pages = list(sf.bulk2.Account.query("SELECT Id, Name FROM Account ORDER BY Id", max_records=300, wait=0.01))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3 and [r["Name"] for r in rows] == [f"A{n}" for n in range(700)]
    crm.faults.add(Fault("row_error", code="UNABLE_TO_LOCK_ROW", keys=frozenset({"C-1"})))
    changes = [{"OTC_Customer_Key__c": f"C-{n}", "OTC_AR_Open__c": f"{n}.5"} for n in range(3)]
    (result,) = sf.bulk2.Account.upsert(records=changes, external_id_field="OTC_Customer_Key__c", wait=0.01)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (3, 1)
    failed = list(csv.DictReader(io.StringIO(sf.bulk2.Account.get_failed_records(result["job_id"]))))
    assert failed[0]["OTC_Customer_Key__c"] == "C-1" and failed[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")
    every = sf.bulk2.Account.get_all_ingest_records(result["job_id"])
    assert {k: len(v) for k, v in every.items()} == {
        "successfulRecords": 2,
        "failedRecords": 1,
        "unprocessedRecords": 0,
    }
    assert crm.records("Account")[2]["OTC_AR_Open__c"] == 2.5


def test_bulk_1_queries_in_json_and_in_csv(sf: Salesforce, crm: SalesforceSimulator, http: Session) -> None:
    crm.load(accounts(5))
    rows = sf.bulk.Account.query("SELECT Id, Name, SystemModstamp FROM Account", lazy_operation=False)
    assert [r["Name"] for r in rows] == [f"A{n}" for n in range(5)]
    assert {r["SystemModstamp"] for r in rows} == {1740830400000}
    base = f"{crm.url}/services/async/61.0/job"
    headers = {"X-SFDC-Session": sf.session_id, "Content-Type": "application/json"}
    job = http.post(base, json={"operation": "queryAll", "object": "Account", "contentType": "CSV"}, headers=headers)
    url = f"{base}/{job.json()['id']}/batch"
    added = http.post(url, data="SELECT Name FROM Account", headers={**headers, "Content-Type": "text/csv"})
    space = {"b": "http://www.force.com/2009/06/asyncapi/dataload"}
    name = etree.fromstring(added.content).findtext("b:id", namespaces=space)
    assert (
        etree.fromstring(http.get(f"{url}/{name}", headers=headers).content).findtext("b:state", namespaces=space)
        == "Completed"
    )
    result = etree.fromstring(http.get(f"{url}/{name}/result", headers=headers).content).findtext(
        "b:result", namespaces=space
    )
    answer = http.get(f"{url}/{name}/result/{result}", headers=headers)
    assert answer.content.decode().splitlines()[:2] == ['"Name"', '"A0"']
    gone = http.get(f"{base}/750000000000000AAA", headers=headers)
    assert (gone.status_code, gone.json()["exceptionCode"]) == (400, "InvalidJob")


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with serve(tmp_path / "kept") as first:
        first.load(accounts(3))
        port, client, bundle = int(first.url.rpartition(":")[2]), first.client_id, first.ca_bundle
        before = first.records("Account")
        assert bundle is not None
        trusted = bundle.read_bytes()
    with serve(tmp_path / "kept", port=port) as second:
        assert second.client_id == client and second.records("Account") == before
        assert second.ca_bundle is not None and second.ca_bundle.read_bytes() == trusted
        second.load({"Account": [{"Name": "next"}]})
        assert len({r["Id"] for r in second.records("Account")}) == 4


def test_ids_are_like_the_vendors() -> None:
    assert make_id("001", 1) == "001OT0000000001YAA"  # 15 characters and the check that the vendor documents
    made = [make_id("001", n) for n in range(1, 5000)]
    assert made == sorted(made) and len(set(made)) == len(made) and {len(i) for i in made} == {18}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-25e6, "-2.5E7"),
        (100.0, "100.0"),
        (9999999.99, "9999999.99"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (3.5e8, "3.5E8"),
    ],
)
def test_large_numbers_are_written_as_java_does(value: float, text: str) -> None:
    assert java_double(value) == text


class TestWorld:
    def test_the_company_is_projected_and_moves_on(self, crm: SalesforceSimulator, clock: Clock) -> None:
        world = World.make(7, date(2025, 2, 28), customers=30, invoices=120, months=6)
        project_world(world, crm)
        live = [a for a in current(world.crm_accounts, lambda a: a.account_no) if not a.deleted]
        found = crm.records("Account")
        assert {(r["Name"], r["OTC_Customer_Key__c"]) for r in found} == {(a.name, a.customer_number) for a in live}
        assert len(crm.records("Account", deleted=True)) == len(found) + 1
        orders = current(world.crm_orders, lambda o: o.order_no)
        assert {r["OTC_Order_Key__c"] for r in crm.records("Order")} == {o.erp_order_id for o in orders}
        ids = {r["Id"] for r in crm.records("Account", deleted=True)}
        others = {
            "Contact": {c.contact_no for c in world.crm_contacts},
            "Opportunity": {o.opportunity_no for o in world.crm_opportunities},
            "Contract": {c.contract_no for c in world.crm_contracts},
            "Order": {o.order_no for o in orders},
            "Case": {c.case_no for c in world.crm_cases},
        }
        for name, numbers in others.items():
            there = crm.records(name, deleted=True)
            assert len(there) == len(numbers) and {r["AccountId"] for r in there} <= ids
        crm.edit("Account", found[0]["Id"], {"OTC_AR_Open__c": 5})
        before = {r["Id"]: r for r in crm.records("Account", deleted=True)}
        clock.advance(60)
        project_world(world, crm)
        assert {r["Id"]: r for r in crm.records("Account", deleted=True)} == before
        project_world(world.advance(20), crm)
        assert crm.records("Account")[0]["OTC_AR_Open__c"] == 5
