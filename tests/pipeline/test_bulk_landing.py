"""10,001 accounts through Bulk land equal as a multiset: nothing lost, nothing twice, nothing changed on the way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from connectors.crm.salesforce.simulator import serve
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.settings import load
from tests.pipeline.house import configure, counts, grown, rows

COUNT = 10_001
HOSTILE = 'Müller, "Söhne"\n& Co; \u2028 \\ '
FIELDS = {
    "Name": "name",
    "OTC_Customer_Key__c": "customer_key",
    "BillingStreet": "billing_street",
    "BillingCountry": "billing_country",
    "Industry": "industry",
}
pytestmark = pytest.mark.xdist_group("courier")


def test_10_001_accounts_through_bulk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path / "crm") as crm:
        monkeypatch.setenv("OTC_TEST_SECRET", crm.client_secret)
        crm.load(
            {
                "Account": [
                    {
                        "Name": f"Company {n // 2}",
                        "OTC_Customer_Key__c": f"C-{n}" if n % 3 else None,
                        "BillingStreet": HOSTILE if n % 7 else f"Street {n}",
                        "BillingCountry": ("DE", "US", "")[n % 3],
                        "Industry": None,
                    }
                    for n in range(COUNT)
                ]
            }
        )
        source = {
            "name": "sf",
            "connector": "salesforce",
            "login_url": crm.url,
            "client_id": crm.client_id,
            "client_secret": "${OTC_TEST_SECRET}",
            "ca_bundle": str(crm.ca_bundle),
            "allow_private": True,
            "poll_seconds": 0.02,
            "bulk_page_rows": 4_000,
        }
        config = configure(tmp_path / "house", [source])
        flow = Flow(load(config))
        prepare(flow)
        report = extract(flow, flow.instance.sources[0])
        assert (report.status, report.rows_new, report.quarantined) == ("done", COUNT, 0)
        assert any("/jobs/query" in line["path"] for line in crm.log()), "it went through Bulk"
        wanted = Counter(
            json.dumps([r["Id"], *(r[f] or None for f in FIELDS)], ensure_ascii=False) for r in crm.records("Account")
        )
        columns = ", ".join(["a.id", *FIELDS.values()])
        landed = rows(
            config,
            f"""select {columns} from raw_salesforce.accounts as a
            inner join raw_salesforce.accounts__personal as p on a.person = p.person""",
        )
        assert Counter(json.dumps(list(r.values()), ensure_ascii=False) for r in landed) == wanted
        assert sum(wanted.values()) == COUNT
        before = counts(config)
        assert extract(Flow(load(config)), flow.instance.sources[0]).rows_new == 0
        assert grown(before, counts(config)) == {}
