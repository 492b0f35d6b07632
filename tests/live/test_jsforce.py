"""jsforce, as npm gives it, on the Salesforce simulator: what it reads is what our connector reads, what it writes is
there, and what the simulator refuses it hears in the vendor's words."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from connectors.crm.salesforce.simulator import SalesforceSimulator, project_world, serve
from connectors.crm.salesforce.simulator.oauth import USERNAME
from connectors.simulation.faults import Fault
from connectors.simulation.world.world import World
from tests.live import peers
from tests.live.salesforce_rows import alike, as_our_connector_reads

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("salesforce_peers"),
    pytest.mark.skipif(bool(peers.missing("jsforce", "node")), reason=peers.missing("jsforce", "node")),
]
_CLIENT = Path(__file__).with_name("jsforce") / "client.mjs"
_VERSION = "62.0"
_MANY = 10_001
_KEY = "OTC_Customer_Key__c"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SalesforceSimulator]:
    """The seeded company; then so many contacts that no client reads them in one page."""
    with serve(tmp_path_factory.mktemp("jsforce") / "crm", result_rows=4_000) as served:
        project_world(World.make(7, date(2025, 2, 28), customers=60, invoices=300, months=12), served)
        accounts = [r["Id"] for r in served.records("Account")]
        served.load({"Contact": _people(_MANY - len(served.records("Contact")), accounts), "Order": _orders(accounts)})
        yield served


def _people(count: int, accounts: list[str]) -> list[dict[str, Any]]:
    first = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        {
            "LastName": f'O\'Neill "{n}", née Łoś' if n % 50 == 0 else f"Person {n}",
            "Title": "two\nlines" if n % 70 == 0 else None,
            "AccountId": accounts[n % len(accounts)],
            "SystemModstamp": (first + timedelta(seconds=n // 3)).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        }
        for n in range(count)
    ]


def _orders(accounts: list[str], count: int = 4_200) -> list[dict[str, Any]]:
    return [
        {
            "AccountId": accounts[n % len(accounts)],
            "EffectiveDate": date(2025, 1, 1 + n % 28).isoformat(),
            "Status": "Activated",
            "TotalAmount": n * 7_919.31,
        }
        for n in range(count)
    ]


def _ask(crm: SalesforceSimulator, action: str, **asked: Any) -> Any:
    everything = {
        "loginUrl": crm.url,
        "clientId": crm.client_id,
        "clientSecret": crm.client_secret,
        "version": _VERSION,
        **asked,
    }
    environment = {
        **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        "NODE_EXTRA_CA_CERTS": str(crm.ca_bundle),
        "JSFORCE_HOME": str(peers.home("jsforce")),
    }
    done = subprocess.run(
        ["node", str(_CLIENT), action],
        input=json.dumps(everything),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _soql(crm: SalesforceSimulator, name: str) -> str:
    return f"SELECT {', '.join(crm.org.objects[name].fields)} FROM {name}"


def test_it_signs_in_by_every_flow_that_needs_no_browser(crm: SalesforceSimulator) -> None:
    claims = {
        "iss": crm.client_id,
        "sub": USERNAME,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 120,
    }
    assertion = jwt.encode(claims, crm.private_key_path.read_text(), algorithm="RS256")
    said = _ask(crm, "flows", assertion=assertion, refreshToken=crm.tokens.refresh_token, username=USERNAME)
    assert said == {
        "client": {"is": USERNAME},
        "wrong": {"refused": ["invalid_client", "invalid client credentials"]},
        "jwt": {"is": USERNAME},
        "refresh": {"is": USERNAME},
        "password": {"refused": ["invalid_grant", "authentication failure"]},
        "left": {"refused": ["INVALID_SESSION_ID", "Session expired or invalid"]},
    }


def test_pages_of_a_query_are_what_our_connector_reads_and_what_is_there(crm: SalesforceSimulator) -> None:
    crm.delete("Order", str(crm.records("Order")[3]["Id"]))
    said = _ask(crm, "query", soql=_soql(crm, "Order"))
    assert len(said["sizes"]) > 1 and max(said["sizes"]) == 2_000
    every, there = crm.org.objects["Order"].fields, crm.records("Order")
    assert said["total"] == len(there) == sum(said["sizes"])
    assert (
        alike(crm, "Order", said["rows"], every)
        == alike(crm, "Order", said["fetched"], every)
        == alike(crm, "Order", there, every)
    )
    ours, fields = as_our_connector_reads(crm, "orders")
    assert alike(crm, "Order", said["bin"], fields) == alike(crm, "Order", ours, fields)
    assert len(said["bin"]) > len(there)


def test_a_bulk_query_of_10_001_rows_is_what_our_connector_reads(crm: SalesforceSimulator) -> None:
    before = len(crm.log())
    said = _ask(crm, "bulkQuery", soql=_soql(crm, "Contact"))
    results = [line["rows"] for line in crm.log()[before:] if line["path"].endswith("/results")]
    assert results == [4_000, 4_000, _MANY - 8_000]
    every = crm.org.objects["Contact"].fields
    headers = [row for row in said if row["Id"] == "Id"]  # jsforce takes the header of each later page for a record
    rows = [row for row in said if row["Id"] != "Id"]
    assert headers == [{name: name for name in every}] * (len(results) - 1)
    assert len(rows) == _MANY
    assert alike(crm, "Contact", rows, every) == alike(crm, "Contact", crm.records("Contact"), every)
    ours, fields = as_our_connector_reads(crm, "contacts", bulk_threshold=2_000, window_rows=6_000)
    live = [row for row in ours if row["IsDeleted"] != "true"]
    assert alike(crm, "Contact", rows, fields) == alike(crm, "Contact", live, fields)


def test_a_bulk_load_reports_exactly_the_rows_that_failed(crm: SalesforceSimulator) -> None:
    keys = [str(r[_KEY]) for r in crm.records("Account") if r[_KEY]][:12]
    rows = [{_KEY: key, "OTC_AR_Open__c": f"{n}.25"} for n, key in enumerate(keys)]
    rows += [{_KEY: "NOBODY", "OTC_AR_Open__c": "1"}, {_KEY: keys[0] + "-x", "OTC_AR_Open__c": "lots"}]
    crm.faults.add(Fault("row_error", path="/jobs/ingest/", keys=frozenset({keys[5]}), code="UNABLE_TO_LOCK_ROW"))
    said = _ask(crm, "bulkWrite", object="Account", operation="upsert", externalIdFieldName=_KEY, rows=rows)
    good, bad = said["successfulResults"], said["failedResults"]
    assert {r[_KEY] for r in good} == {*keys} - {keys[5]}
    assert {(r[_KEY], r["sf__Error"].partition(":")[0]) for r in bad} == {
        (keys[5], "UNABLE_TO_LOCK_ROW"),
        ("NOBODY", "REQUIRED_FIELD_MISSING"),
        (keys[0] + "-x", "JSON_PARSER_ERROR"),
    }
    assert said["unprocessedRecords"] == []
    there = {r[_KEY]: r["OTC_AR_Open__c"] for r in crm.records("Account")}
    assert [there[key] for n, key in enumerate(keys) if n != 5] == [n + 0.25 for n in range(12) if n != 5]
    assert "NOBODY" not in there


def test_an_upsert_of_collections_reports_exactly_the_rows_that_failed(crm: SalesforceSimulator) -> None:
    """More than one call of 200: the results come in the order of the rows, and only what failed is not there."""
    before = len(crm.writes())
    rows: list[dict[str, Any]] = [{_KEY: f"JS-{n}", "Name": f"Upserted {n}"} for n in range(450)]
    refused = {7: "REQUIRED_FIELD_MISSING", 201: "INVALID_FIELD", 449: "STRING_TOO_LONG", 300: "UNABLE_TO_LOCK_ROW"}
    del rows[7]["Name"]
    rows[201]["Nope"] = 1
    rows[449]["AccountNumber"] = "x" * 41
    crm.faults.add(Fault("row_error", path="/composite/", keys=frozenset({"JS-300"}), code="UNABLE_TO_LOCK_ROW"))
    said = _ask(crm, "upsert", object="Account", key=_KEY, rows=rows)
    assert {n: r["errors"][0]["statusCode"] for n, r in enumerate(said) if not r["success"]} == refused
    assert [len(line["keys"]) for line in crm.writes()[before:]] == [200, 200, 50]
    names = {r[_KEY]: r["Name"] for r in crm.records("Account") if str(r[_KEY]).startswith("JS-")}
    assert names == {f"JS-{n}": f"Upserted {n}" for n in range(450) if n not in refused}
    ids = {r[_KEY]: r["Id"] for r in crm.records("Account")}
    assert all(r["id"] == ids[f"JS-{n}"] and r["created"] for n, r in enumerate(said) if r["success"])


def test_all_or_none_leaves_nothing_behind(crm: SalesforceSimulator) -> None:
    rows = [{_KEY: f"AON-{n}", "Name": f"N{n}"} for n in range(3)]
    del rows[1]["Name"]
    said = _ask(crm, "upsert", object="Account", key=_KEY, rows=rows, allOrNone=True)
    codes = [r["errors"][0]["statusCode"] for r in said]
    rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert codes == [rolled_back, "REQUIRED_FIELD_MISSING", rolled_back]
    assert not [r for r in crm.records("Account", deleted=True) if str(r[_KEY]).startswith("AON-")]


def test_records_are_made_found_changed_and_deleted(crm: SalesforceSimulator) -> None:
    said = _ask(crm, "records")
    assert (said["read"]["Name"], said["read"]["Phone"]) == ("Made by jsforce", "1")
    assert [r["success"] for r in said["many"]] == [True, False, True]
    assert [r["success"] for r in said["changed"]] == [True, True]
    assert [(r["Name"], r["Phone"]) for r in said["retrieved"]] == [("First", "2"), ("Third", "2")]
    assert [r["Name"] for r in said["found"]] == ["First", "Third"]
    assert [r["success"] for r in said["gone"]] == [True, True, False]
    assert said["refused"]["refused"][0] == "NOT_FOUND"
    assert said["last"] == 1


def test_descriptions_limits_and_refusals(crm: SalesforceSimulator) -> None:
    said = _ask(crm, "descriptions")
    assert set(said["objects"]) == set(crm.org.objects)
    there = crm.org.objects["Order"].fields.values()
    assert said["order"] == [[f.name, f.type, [f.refers_to] if f.refers_to else []] for f in there]
    assert _VERSION in said["versions"]
    calls = said["limits"]["DailyApiRequests"]
    assert calls["Max"] == said["used"]["limit"]
    counted = Counter(line["credential"] for line in crm.log() if line["path"].startswith("/services/data/v"))
    assert 0 < calls["Max"] - calls["Remaining"] <= counted[True]
    assert said["refused"]["refused"] == ["INVALID_FIELD", "No such column 'Nope' on entity 'Account'."]
