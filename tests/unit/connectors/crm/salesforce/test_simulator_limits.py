"""What the organisation allows, takes back and forgets: limits, all or none, revoked tokens, parts of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from connectors.kit.http import HttpPolicy, Session
from connectors.simulation.faults import Fault
from tests.unit.connectors.crm.salesforce.conftest import Open
from tests.unit.connectors.crm.salesforce.reading import accounts

_DATA = "/services/data/v62.0"
_SPACE = {"b": "http://www.force.com/2009/06/asyncapi/dataload"}


class Caller:
    """Calls with a token, and gives back what came."""

    def __init__(self, crm: SalesforceSimulator) -> None:
        policy = HttpPolicy(allow_private=True, ca_bundle=crm.ca_bundle, attempts=1)
        self._crm, self._http = crm, Session(crm.url, policy)
        form = {"grant_type": "client_credentials", "client_id": crm.client_id, "client_secret": crm.client_secret}
        self.token = str(self.post("/services/oauth2/token", data=form).json()["access_token"])

    def call(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {getattr(self, 'token', '')}", **options.pop("headers", {})}
        return self._http.request(method, self._crm.url + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.call("POST", path, **options)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def crm(open_crm: Open) -> SalesforceSimulator:
    return open_crm()


@pytest.fixture
def caller(crm: SalesforceSimulator) -> Iterator[Caller]:
    made = Caller(crm)
    yield made
    made.close()


def test_calls_are_counted_refused_over_the_limit_and_free_again_the_next_day(open_crm: Open, clock: Any) -> None:
    crm = open_crm(limits={"DailyApiRequests": 2})
    caller = Caller(crm)
    assert [caller.get(f"{_DATA}/limits").headers["Sforce-Limit-Info"] for _ in range(2)] == [
        "api-usage=1/2",
        "api-usage=2/2",
    ]
    refused = caller.get(f"{_DATA}/limits")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    clock.advance(86_400)
    assert caller.get(f"{_DATA}/limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    caller.close()
    with pytest.raises(ValueError, match="DailyNonsense is not a limit"):
        open_crm(folder="other", limits={"DailyNonsense": 1})


def test_a_restart_gives_no_calls_back(tmp_path: Path) -> None:
    for expected in ("api-usage=1/100000", "api-usage=2/100000"):
        with serve(tmp_path / "crm") as crm:
            caller = Caller(crm)
            assert caller.get(f"{_DATA}/limits").headers["Sforce-Limit-Info"] == expected
            caller.close()


def test_a_revoked_token_is_refused_and_only_that_one(crm: SalesforceSimulator, caller: Caller) -> None:
    other = Caller(crm)
    assert caller.post("/services/oauth2/revoke", data={"token": caller.token}).status_code == 200
    assert caller.post("/services/oauth2/revoke", data={"token": caller.token}).json()["error"] == "invalid_token"
    assert caller.get(f"{_DATA}/limits").status_code == 401
    assert other.get(f"{_DATA}/limits").status_code == 200
    other.close()


def test_passwords_are_refused_as_in_a_new_organisation(crm: SalesforceSimulator, caller: Caller) -> None:
    form = {"grant_type": "password", "client_id": crm.client_id, "client_secret": crm.client_secret}
    answer = caller.post("/services/oauth2/token", data={**form, "username": "someone", "password": "secret"})
    said = {"error": "invalid_grant", "error_description": "authentication failure"}
    assert (answer.status_code, answer.json()) == (400, said)


class TestAllOrNone:
    def test_changes_creations_and_keys_are_taken_back(self, crm: SalesforceSimulator, caller: Caller) -> None:
        crm.load(accounts(2))
        before = crm.records("Account")
        rows = [
            {"OTC_Customer_Key__c": "C-0", "Name": "changed"},
            {"OTC_Customer_Key__c": "C-9", "Name": "made"},
            {"OTC_Customer_Key__c": "C-1", "Nope": 1},
        ]
        path = f"{_DATA}/composite/sobjects/Account/OTC_Customer_Key__c"
        said = caller.call("PATCH", path, json={"allOrNone": True, "records": rows}).json()
        rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        assert [r["errors"][0]["statusCode"] for r in said] == [rolled_back, rolled_back, "INVALID_FIELD"]
        assert crm.records("Account", deleted=True) == before
        said = caller.call("PATCH", path, json={"allOrNone": True, "records": rows[:2]}).json()
        assert [(r["success"], r["created"]) for r in said] == [(True, False), (True, True)]

    def test_deletions_are_taken_back(self, crm: SalesforceSimulator, caller: Caller) -> None:
        crm.load(accounts(2))
        ids = [r["Id"] for r in crm.records("Account")]
        path = f"{_DATA}/composite/sobjects?ids={','.join([*ids, '00X000000000000AAA'])}"
        assert [r["success"] for r in caller.call("DELETE", f"{path}&allOrNone=true").json()] == [False] * 3
        assert len(crm.records("Account")) == 2
        assert [r["success"] for r in caller.call("DELETE", path).json()] == [True, True, False]
        assert crm.records("Account") == []


def test_collections_of_what_is_not_there(crm: SalesforceSimulator, caller: Caller) -> None:
    crm.load(accounts(1))
    key = crm.records("Account")[0]["Id"]
    path = f"{_DATA}/composite/sobjects"
    found = caller.post(f"{path}/Account", json={"ids": [key, "001000000000000AAA"], "fields": ["Id", "Name"]}).json()
    assert (found[0]["Name"], found[1]) == ("A0", None)
    assert caller.post(f"{path}/Account", json={"ids": [key], "fields": ["Nope"]}).json()[0]["errorCode"] == (
        "INVALID_FIELD"
    )
    assert caller.post(f"{path}/Nope", json={"ids": [key]}).status_code == 404
    row = {"attributes": {"type": "Nope"}, "Name": "x"}
    assert caller.post(path, json={"records": [row]}).status_code == 404
    missing = {"attributes": {"type": "Account"}, "Name": "x"}
    (said,) = caller.call("PATCH", f"{path}/Account/OTC_Customer_Key__c", json={"records": [missing]}).json()
    assert said["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_no_new_record_takes_a_seeded_id(crm: SalesforceSimulator) -> None:
    crm.load(accounts(3))
    taken = [r["Id"] for r in crm.records("Account")]
    other = serve(Path(str(crm.ca_bundle)).parent / "other")
    with other as fresh:
        fresh.load({"Account": [{"Id": key, "Name": "seeded"} for key in taken]})
        fresh.load(accounts(3))
        assert len(fresh.records("Account")) == 6
        fresh.org.create("Account", {"Name": "made"})
        assert len(fresh.records("Account")) == 7


class TestParts:
    """Bulk API 1.0 with PK chunking: a batch that is not processed, and one for each part."""

    def _batches(self, caller: Caller, soql: str, chunking: str = "") -> tuple[str, str, list[tuple[str, str, str]]]:
        session = {"X-SFDC-Session": caller.token}
        headers = {**session, "Content-Type": "application/json"}
        more = {"Sforce-Enable-PKChunking": chunking} if chunking else {}
        asked = {"operation": "queryAll", "object": "Account", "contentType": "CSV"}
        job = caller.post("/services/async/62.0/job", json=asked, headers={**headers, **more}).json()["id"]
        path = f"/services/async/62.0/job/{job}/batch"
        added = etree.fromstring(caller.post(path, data=soql, headers={**session, "Content-Type": "text/csv"}).content)
        listed = etree.fromstring(caller.get(path, headers=session).content)
        told = [
            tuple(str(b.findtext(f"b:{n}", namespaces=_SPACE)) for n in ("id", "state", "numberRecordsProcessed"))
            for b in listed.findall("b:batchInfo", _SPACE)
        ]
        return path, str(added.findtext("b:state", namespaces=_SPACE)), told  # type: ignore[return-value]

    def test_parts_hold_every_record_once(self, crm: SalesforceSimulator, caller: Caller) -> None:
        crm.load(accounts(5))
        used = crm.limits.used("DailyBulkApiBatches")
        path, first, told = self._batches(caller, "SELECT Name FROM Account", "true; chunkSize=2")
        assert first == "Queued"
        assert [(state, count) for _, state, count in told] == [
            ("Completed", "2"),
            ("Completed", "2"),
            ("Completed", "1"),
            ("NotProcessed", "0"),
        ]
        assert crm.limits.used("DailyBulkApiBatches") - used == 4
        session = {"X-SFDC-Session": caller.token}
        names = []
        for key, _, _ in told[:3]:
            found = etree.fromstring(caller.get(f"{path}/{key}/result", headers=session).content)
            result = found.findtext("b:result", namespaces=_SPACE)
            text = caller.get(f"{path}/{key}/result/{result}", headers=session).content.decode()
            names += text.splitlines()[1:]
        assert sorted(names) == [f'"A{n}"' for n in range(5)]
        refused = caller.get(f"{path}/{told[3][0]}/result", headers=session)
        assert (refused.status_code, refused.json()["exceptionCode"]) == (400, "InvalidBatch")
        assert refused.headers["Content-Type"] == "application/json"

    def test_a_batch_can_fail(self, crm: SalesforceSimulator, caller: Caller) -> None:
        crm.faults.add(Fault("abort_job", path="/services/async/", method="POST", code="QUERY_TIMEOUT : too long"))
        _, first, told = self._batches(caller, "SELECT Name FROM Account")
        assert (first, [state for _, state, _ in told]) == ("Queued", ["Failed"])
        _, _, told = self._batches(caller, "SELECT Nope FROM Account")
        assert [state for _, state, _ in told] == ["Failed"]
