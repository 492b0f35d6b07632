"""``otc ui`` as people use it, by clicking: the whole graph is materialised, a wrong row fails its check and is not
delivered, a new bank file and a time of the day start runs by themselves. Webserver and daemon are real, so is the
browser; the oracle of "nothing was sent" is the simulated CRM's own request log. The pictures stay in ``artefacts/ui``
(or OTC_ARTEFACTS)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from otc_pipelines.gate import docs_path
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline import browser
from tests.pipeline.house import change, configure, rows
from tests.pipeline.served_ui import artefacts, recorded, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.live,
    pytest.mark.xdist_group("dagster"),
    pytest.mark.skipif(browser.executable() is None, reason="no chromium on this machine"),
]
_PATIENCE = 300
_CHOSEN = "__ASSET_JOB"  #: Dagster's own job, of assets chosen by hand
_OVER = ("SUCCESS", "FAILURE", "CANCELED")
_DROP = {
    "parties.csv": "party_id,name,currency,legal_entity\nC1,Gadget AG,USD,US\nC2,Widget Ltd,USD,US\n",
    "documents.csv": (
        "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
        "INV-1,invoice,C1,US,2026-01-05,2026-02-04,USD,100.00\n"
        "INV-2,invoice,C2,US,2026-01-20,2026-02-19,USD,250.50\n"
    ),
    "receipts.csv": "receipt_id,legal_entity,receipt_date,currency,amount,party_id\nR-1,US,2026-02-01,USD,40.00,C1\n",
    "allocations.csv": (
        "allocation_id,source_type,source_id,document_id,amount,allocation_date\n"
        "A-1,receipt,R-1,INV-1,40.00,2026-02-01\n"
    ),
    "gl_balances.csv": "legal_entity,gl_account,currency,date,balance\nUS,1200,USD,2026-02-28,310.50\n",
}
_STATEMENT = (
    ":20:STARTUMS\r\n:25:12345678/0000012345\r\n:28C:7/1\r\n:60F:C260210USD0,00\r\n"
    ":61:2602110211C250,50NTRFNONREF\r\n:86:INV-2\r\n:62F:C260211USD250,50\r\n"
)
_ASSET = "sync_salesforce__account_ar_status"


@dataclass
class Opened:
    """The UI in a browser, beside what it works on."""

    instance: Instance
    crm: SalesforceSimulator
    url: str
    page: browser.Page
    runs: set[str] = field(default_factory=set)

    def go(self, path: str, *words: str) -> None:
        """Open a page of the UI and wait for its words."""
        self.page.go(self.url + path)
        self.page.wait_for(*words, seconds=_PATIENCE)

    def picture(self, name: str) -> None:
        """Keep what is seen, once it stands still."""
        time.sleep(1)
        self.page.picture(artefacts() / f"{name}.png")

    def begun(self, job: str) -> str:
        """Wait for a run that is not known yet. A page that is left at once takes the click with it: it stays open."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            for run in recorded(self.url):
                if run["runId"] not in self.runs and run["jobName"] == job:
                    self.runs.add(run["runId"])
                    return str(run["runId"])
            assert time.monotonic() < deadline, f"no run of {job} began; there is: {self.page.text()[-800:]}"
            time.sleep(0.5)

    def ended(self, status: str, *words: str, job: str = _CHOSEN) -> None:
        """Wait for a run that begins now to end like this, and stay on its page."""
        self.over(self.begun(job), status, *words)

    def over(self, run: str, status: str, *words: str) -> None:
        """Wait for a run to end like this, and stay on its page."""
        deadline = time.monotonic() + _PATIENCE
        while (now := next(r["status"] for r in recorded(self.url) if r["runId"] == run)) not in _OVER:
            assert time.monotonic() < deadline, f"run {run} is still {now}"
            time.sleep(0.5)
        self.go(f"/runs/{run}", *words)
        assert now == status.upper(), f"run {run} is {now}: {self.page.text()[-2000:]}"
        self.page.wait_for(status, seconds=_PATIENCE)

    def tags(self, run: str) -> dict[str, str]:
        """The tags of a run: who or what started it."""
        (found,) = (r["tags"] for r in recorded(self.url) if r["runId"] == run)
        return {t["key"]: t["value"] for t in found}

    def turn(self, name: str, *, on: bool) -> None:
        """Turn a sensor or a schedule on or off by its switch, which comes after what its row says."""
        self.go("/automation", name, "alert_failed_run")
        boxes = (
            f"[...[...document.querySelectorAll('[data-index]')].find(e => e.innerText.includes({json.dumps(name)}))"
            ".querySelectorAll('input[type=checkbox]')]"
        )
        self.page.wait_until(f"{boxes}.length === 2 && !{boxes}[1].disabled", _PATIENCE)
        assert self.page.evaluate(f"{boxes}[1].checked") is not on, name
        self.page.evaluate(f"{boxes}[1].click()")
        self.page.wait_until(f"{boxes}[1].checked === {json.dumps(on)}", _PATIENCE)

    def writes(self) -> list[dict[str, Any]]:
        """What the CRM was asked to change so far."""
        return self.crm.writes()

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts so far."""
        path = self.instance.path.parent / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, kind: str, subject: str) -> str:
        """Wait for an alert, and return what it says."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            for found in self.alerts():
                if found["kind"] == kind and subject in f"{found['subject']} {found['message']}":
                    return str(found["message"])
            assert time.monotonic() < deadline, (kind, subject, self.alerts())
            time.sleep(1)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("operated")
    with serve(folder / "crm") as crm:
        keys = {"C1": "Gadget AG", "C2": "Widget Ltd"}
        crm.load({"Account": [{"Name": name, "OTC_Customer_Key__c": key} for key, name in keys.items()]})
        salesforce = {
            "name": "crm_main",
            "connector": "salesforce",
            "login_url": crm.url,
            "ca_bundle": str(crm.ca_bundle),
            "allow_private": True,
            "client_id": crm.client_id,
            "client_secret": "${CRM_SECRET}",
        }
        config = configure(
            folder / "instance",
            [
                {"name": "legacy", "connector": "files", "path": "./drop"},
                {"name": "bank", "connector": "bank_files", "path": "./bank"},
                salesforce,
            ],
            legal_entities={"US": {"base_currency": "USD", "ar_account": "1200"}},
            alerts={"file": "alerts.jsonl"},
            schedules={"delivery": "* * * * *"},
            targets=[{"name": "crm", "source": "crm_main", "objects": ["account_ar_status"], "mode": "deliver"}],
        )
        for name, text in _DROP.items():
            (config.parent / "drop" / name).write_text(text)
        (config.parent / ".env").write_text(f"CRM_SECRET={crm.client_secret}\n")
        instance = load(config)
        with serving(instance) as url, browser.page(folder / "profile") as page:
            sys.stderr.write(f"pictures of the UI are kept in {artefacts()}\n")
            yield Opened(instance, crm, url, page)


def test_the_whole_graph_is_materialised_by_one_click(opened: Opened) -> None:
    opened.go("/asset-groups", "extract", "stage", "conform", "post", "match", "marts", "gate", "reverse_sync")
    _dismiss_welcome(opened.page)
    opened.picture("1-graph")
    opened.page.click("Materialize all")
    opened.ended("Success", "RUN_SUCCESS", "Finished execution of run")
    opened.picture("2-run-green")
    [sent] = opened.writes()
    assert sent["keys"] == ["C1", "C2"]
    open_amounts = {r["OTC_Customer_Key__c"]: r["OTC_AR_Open__c"] for r in opened.crm.records("Account")}
    assert open_amounts == {"C1": 60.0, "C2": 250.5}
    opened.go("/assets/sync/crm/account_ar_status", "2 delivered", "revenue-operations")
    opened.picture("3-delivered")
    assert not (opened.instance.data_dir / "close").exists(), "a day is not closed by the way"


def test_a_wrong_row_fails_its_check_and_is_not_delivered(opened: Opened) -> None:
    sent, there = opened.writes(), opened.crm.records("Account")
    assert sent, "the first delivery comes first"
    change(
        opened.instance.path,
        f"update outbound.{_ASSET} set open_amount = open_amount + 0.01 where target_key = 'C1'",
    )
    opened.go(f"/assets/outbound/{_ASSET}?view=checks&checkDetail=gate", "Execute all", "Passed")
    opened.page.click("Execute")
    opened.ended("Failure", "RUN_FAILURE")
    opened.go(f"/assets/outbound/{_ASSET}?view=checks&checkDetail=gate", "Failed", "2 of 16 failed")
    opened.page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => e.textContent === '[Show Markdown]').pop().click()"
    )
    opened.page.wait_for("Each amount is the sum of the customer's open instalments in base currency.")
    opened.picture("4-check-failed")

    opened.go("/assets/sync/crm/account_ar_status", "Materialize")
    opened.page.click("Materialize")
    opened.ended("Failure", f"the gates failed for these rows (failed checks: 2, in {_ASSET})")
    opened.picture("5-delivery-refused")
    assert opened.writes() == sent
    assert opened.crm.records("Account") == there
    statuses = rows(opened.instance.path, "select distinct status from ops.outbox where status <> 'delivered'")
    assert statuses == [{"status": "blocked"}]


def test_the_verdicts_can_be_browsed_without_the_internet(opened: Opened) -> None:
    pages = docs_path(Warehouse.of(opened.instance))
    opened.page.go((pages / "index.html").as_uri())
    opened.page.wait_for("What may leave", "stays", "fct_tie_out", _ASSET)
    opened.picture("6-data-docs")
    (page,) = (p for p in (pages / "validations").glob("*.html") if _ASSET in p.name)
    opened.page.go(page.as_uri())
    opened.page.wait_for("Each row says what the customer's mart row says.", "Failed")
    assert "__none__" not in opened.page.text()
    loaded = opened.page.evaluate("[...document.querySelectorAll('[src],link[href]')].map(e => e.src || e.href)")
    assert loaded and all(str(address).startswith("file:") for address in loaded)
    opened.picture("7-data-docs-suite")


def test_a_new_bank_file_starts_a_run_by_itself(opened: Opened) -> None:
    """The daemon is alive; a sensor that was turned on in the UI starts the pull, and the build follows it."""
    opened.go("/deployment/daemons", "Scheduler", "Sensors", "Run queue", "Running")
    assert "Not running" not in opened.page.text()
    opened.picture("8-daemons")
    (opened.instance.path.parent / "bank" / "feb.sta").write_text(_STATEMENT)
    opened.turn("new_file_bank", on=True)
    opened.picture("9-automation")
    # Meanwhile the sensors that are on have told of what failed before.
    assert "the gates failed for these rows" in opened.told("run_failed", "sync__crm__account_ar_status")
    assert "2 of 16 failed" in opened.told("gate_failed", _ASSET)
    opened.ended("Success", "extract_bank", "RUN_SUCCESS", job="pull")
    opened.picture("10-pull-by-sensor")
    opened.ended("Success", "build", "RUN_SUCCESS", job="build")
    opened.picture("11-build-that-follows")
    sql = "select amount, currency from marts.fct_bank_lines"
    assert [(f"{r['amount']:.2f}", r["currency"]) for r in rows(opened.instance.path, sql)] == [("250.50", "USD")]


def test_a_delivery_starts_at_its_time_and_goes_out_once_the_rows_are_right_again(opened: Opened) -> None:
    """What was refused was built anew by then: nothing of it is left, and the CRM holds what it should."""
    sent = opened.writes()
    opened.turn("scheduled_delivery", on=True)
    run = opened.begun("deliver")
    opened.turn("scheduled_delivery", on=False)
    opened.over(run, "Success", "deliver", "RUN_SUCCESS")
    opened.picture("12-delivery-by-schedule")
    assert opened.tags(run)["dagster/schedule_name"] == "scheduled_delivery"
    assert opened.writes() == sent
    waiting = rows(opened.instance.path, "select key from ops.outbox where status not in ('delivered', 'superseded')")
    assert waiting == []


def test_pictures_are_kept(opened: Opened) -> None:
    kept = [p for p in artefacts().glob("*.png") if p.stat().st_size > 10_000]
    assert len(kept) >= 12, sorted(Path(p).name for p in kept)


def _dismiss_welcome(page: browser.Page) -> None:
    """Close whatever window stands before the page; the product's settings leave none."""
    page.evaluate("document.querySelectorAll('[role=dialog] button[aria-label=close i]').forEach(b => b.click())")
    page.wait_until("document.querySelector('[role=dialog]') === null")
