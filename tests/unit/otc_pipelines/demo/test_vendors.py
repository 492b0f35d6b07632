"""Who looks at a demo afterwards finds its CRM where it was, as it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from connectors.crm.salesforce.client import SalesforceClient, soql
from connectors.crm.salesforce.settings import SalesforceSettings
from otc_pipelines.demo.start import SECRET, DemoOptions, running
from otc_pipelines.demo.vendors import is_demo, serving_again
from otc_pipelines.settings import Instance, load


def _accounts(instance: Instance) -> set[str]:
    settings = instance.settings_of(instance.source("salesforce_main"))
    assert isinstance(settings, SalesforceSettings)
    client = SalesforceClient(settings)
    try:
        return {str(r["Name"]) for page in client.query(soql("Name", "Account")) for r in page.records}
    finally:
        client.close()


def test_the_crm_is_there_again_until_somebody_has_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = DemoOptions(tmp_path, 2, customers=12, invoices=60, months=4, as_of=date(2026, 4, 30))
    with running(options) as demo:
        names = {str(r["Name"]) for r in demo.salesforce.records("Account", deleted=True)}
        secret = demo.salesforce.client_secret
    monkeypatch.setenv(SECRET, secret)
    instance = load(tmp_path / "otc.yaml")
    assert is_demo(instance)
    with serving_again(instance) as said:
        assert str(instance.source("salesforce_main").options["login_url"]) in said
        assert names and _accounts(instance) == names
        with serving_again(instance) as taken:
            assert "cannot be simulated again" in taken and "in use" in taken


def test_an_instance_of_somebody_is_no_demo(tmp_path: Path) -> None:
    (tmp_path / "otc.yaml").write_text("company: {name: Acme, base_currency: USD}\n")
    (tmp_path / "vendors" / "salesforce").mkdir(parents=True)
    assert not is_demo(load(tmp_path / "otc.yaml"))
