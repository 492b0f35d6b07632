"""tap-salesforce, as the package index gives it, on the Salesforce simulator: it signs in at the vendor's own address,
discovers, and reads by REST and by Bulk API 1.0 what our connector reads."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator, project_world, serve
from connectors.crm.salesforce.simulator.oauth import USERNAME
from connectors.simulation.faults import Fault
from connectors.simulation.world.world import World
from tests.live import peers
from tests.live.loopback_proxy import Proxy, leading
from tests.live.salesforce_rows import alike, as_our_connector_reads

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("salesforce_peers"),
    pytest.mark.skipif(bool(peers.missing("tap_salesforce")), reason=peers.missing("tap_salesforce")),
]
_LOGIN = "login.salesforce.com"
_STREAMS = {"Account": "accounts", "Contact": "contacts", "Order": "orders", "Opportunity": "opportunities"}


@dataclass(frozen=True)
class Org:
    """The simulated organisation, and the proxy that leads the vendor's login host to it."""

    crm: SalesforceSimulator
    proxy: Proxy


@dataclass(frozen=True)
class Said:
    """What the tap came to."""

    code: int
    messages: list[dict[str, Any]]
    err: str

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream]

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = [m["value"] for m in self.messages if m["type"] == "STATE"][-1]
        return found


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with serve(tmp_path_factory.mktemp("tap") / "crm", names=(_LOGIN,), page_rows=200) as crm:
        project_world(World.make(7, date(2025, 2, 28), customers=60, invoices=300, months=12), crm)
        crm.delete("Account", str(crm.records("Account")[4]["Id"]))
        port = int(crm.url.rpartition(":")[2])
        with leading({f"{_LOGIN}:443": port, f"127.0.0.1:{port}": port}) as proxy:
            yield Org(crm, proxy)


def _tap(org: Org, folder: Path, *words: str | Path, api: str = "REST", **config: Any) -> Said:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    credentials = {
        "client_id": org.crm.client_id,
        "client_secret": org.crm.client_secret,
        "refresh_token": org.crm.tokens.refresh_token,
    }
    start = {"start_date": "2020-01-01T00:00:00Z", "select_fields_by_default": "true", "api_type": api}
    path.write_text(json.dumps({**credentials, **start, **config}))
    environment = {
        **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        "HTTPS_PROXY": org.proxy.url,
        "REQUESTS_CA_BUNDLE": str(org.crm.ca_bundle),
    }
    program = peers.home("tap_salesforce") / "bin" / "tap-salesforce"
    done = subprocess.run(
        [str(program), "--config", str(path), *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert org.proxy.refused == []
    lines = [] if "--discover" in words else done.stdout.splitlines()
    catalog = json.loads(done.stdout) if "--discover" in words and done.returncode == 0 else {"streams": []}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    return Said(done.returncode, [json.loads(line) for line in lines], done.stderr)


@pytest.fixture(scope="module")
def catalog(org: Org, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the tap discovers."""
    folder = tmp_path_factory.mktemp("discovered")
    said = _tap(org, folder, "--discover")
    assert said.code == 0, said.err[-2000:]
    found: dict[str, Any] = json.loads((folder / "catalog.json").read_text())
    return found


def _selected(catalog: dict[str, Any], folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    streams = [s for s in json.loads(json.dumps(catalog))["streams"] if s["stream"] in names]
    for stream in streams:
        whole = next(m["metadata"] for m in stream["metadata"] if not m["breadcrumb"])
        whole |= {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    path = folder / "selected.json"
    path.write_text(json.dumps({"streams": streams}))
    return path


def _same(org: Org, said: Said, stream: str) -> None:
    """What the tap gave is what is there, deleted records included, and what our connector reads."""
    crm, got = org.crm, said.records(stream)
    every, there = crm.org.objects[stream].fields, crm.records(stream, deleted=True)
    assert len(got) == len(there) > 0
    assert alike(crm, stream, got, every) == alike(crm, stream, there, every)
    ours, fields = as_our_connector_reads(crm, _STREAMS[stream])
    assert alike(crm, stream, got, fields) == alike(crm, stream, ours, fields)


def test_it_discovers_every_object_and_the_type_of_every_field(org: Org, catalog: dict[str, Any]) -> None:
    assert f"{_LOGIN}:443" in org.proxy.asked
    found = {s["stream"]: s for s in catalog["streams"]}
    assert set(found) == set(org.crm.org.objects)
    for name, there in org.crm.org.objects.items():
        assert set(found[name]["schema"]["properties"]) == set(there.fields)
    shown = found["Order"]["schema"]["properties"]
    assert shown["TotalAmount"]["type"] == ["null", "number"] and "boolean" in shown["IsDeleted"]["type"]
    assert {o.get("format") for o in shown["SystemModstamp"]["anyOf"]} == {"date-time", None}
    whole = next(m["metadata"] for m in found["Order"]["metadata"] if not m["breadcrumb"])
    assert (whole["valid-replication-keys"], whole["table-key-properties"]) == (["SystemModstamp"], ["Id"])


@pytest.mark.parametrize("api", ["REST", "BULK"])
def test_it_reads_what_our_connector_reads(org: Org, catalog: dict[str, Any], tmp_path: Path, api: str) -> None:
    before = len(org.crm.log())
    chosen = _selected(catalog, tmp_path, *_STREAMS)
    said = _tap(org, tmp_path, "--properties", chosen, api=api)
    assert said.code == 0, said.err[-2000:]
    for stream in _STREAMS:
        _same(org, said, stream)
    assert {m["stream"] for m in said.messages if m["type"] == "SCHEMA"} == set(_STREAMS)
    for stream in _STREAMS:
        newest = max(datetime.fromisoformat(r["SystemModstamp"]) for r in said.records(stream))
        assert datetime.fromisoformat(said.state["bookmarks"][stream]["SystemModstamp"]) == newest
    asked = {line["path"].split("/")[2] for line in org.crm.log()[before:] if line["path"] != "/services/oauth2/token"}
    assert asked == ({"data"} if api == "REST" else {"data", "async"})


def test_it_goes_on_where_it_stopped(org: Org, catalog: dict[str, Any], tmp_path: Path) -> None:
    chosen = _selected(catalog, tmp_path, "Account")
    first = _tap(org, tmp_path, "--properties", chosen)
    (tmp_path / "state.json").write_text(json.dumps(first.state))
    changed = org.crm.records("Account")[2]
    org.crm.edit("Account", str(changed["Id"]), {"Phone": "+1 555 0100"})
    again = _tap(org, tmp_path, "--properties", chosen, "--state", tmp_path / "state.json")
    newest = datetime.fromisoformat(first.state["bookmarks"]["Account"]["SystemModstamp"])
    assert changed["Id"] in [r["Id"] for r in again.records("Account")]
    assert all(datetime.fromisoformat(r["SystemModstamp"]) >= newest for r in again.records("Account"))
    assert len(again.records("Account")) < len(first.records("Account"))


def test_a_bulk_query_that_takes_too_long_is_cut_into_parts(org: Org, catalog: dict[str, Any], tmp_path: Path) -> None:
    """The first batch fails as the vendor words it; the tap asks again with PK chunking, and gets all of it."""
    org.crm.faults.add(Fault("abort_job", path="/services/async/", method="POST", code="QUERY_TIMEOUT : too long"))
    said = _tap(org, tmp_path, "--properties", _selected(catalog, tmp_path, "Contact"), api="BULK")
    assert said.code == 0, said.err[-2000:]
    _same(org, said, "Contact")
    assert "Retrying Bulk Query with PK Chunking" in said.err


def test_a_job_that_is_gone_is_told_as_the_vendor_tells_it(org: Org, catalog: dict[str, Any], tmp_path: Path) -> None:
    """The tap compares the answer's type and code before it forgets the job."""
    chosen = _selected(catalog, tmp_path, "Order")
    kept = {"JobID": "750000000000000AAA", "BatchIDs": ["751000000000000AAA"], "SystemModstamp": "2020-01-01T00:00:00Z"}
    (tmp_path / "state.json").write_text(json.dumps({"bookmarks": {"Order": kept}}))
    said = _tap(org, tmp_path, "--properties", chosen, "--state", tmp_path / "state.json", api="BULK")
    assert said.code == 0, said.err[-2000:]
    assert "Found stored Job ID that no longer exists" in said.err
    assert "JobID" not in said.state["bookmarks"]["Order"]


def test_it_stops_at_its_share_of_the_daily_calls(org: Org, catalog: dict[str, Any], tmp_path: Path) -> None:
    """It believes the count in the header of each answer."""
    chosen = _selected(catalog, tmp_path, "Account")
    said = _tap(org, tmp_path, "--properties", chosen, quota_percent_total="0.00001")
    used, most = org.crm.limits.used("DailyApiRequests"), org.crm.limits.maximum["DailyApiRequests"]
    assert said.code != 0 and said.records("Account") == []
    assert f"Salesforce has reported {used}/{most}" in said.err and "total REST quota" in said.err


def test_our_connector_signs_in_at_the_same_address_through_the_same_proxy(org: Org) -> None:
    settings = {
        "login_url": f"https://{_LOGIN}",
        "username": USERNAME,
        "private_key_path": org.crm.private_key_path,
        "client_secret": None,
        "proxy": org.proxy.url,
    }
    rows, _ = as_our_connector_reads(org.crm, "orders", **settings)
    assert len(rows) == len(org.crm.records("Order", deleted=True))
    assert SalesforceSettings.model_fields["login_url"].default == f"https://{_LOGIN}"
