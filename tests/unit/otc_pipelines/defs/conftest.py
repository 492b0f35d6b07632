"""A small instance (a file drop, bank files, a CRM that is a target) and its definitions, made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from otc_pipelines.defs.house import build_defs
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import manifest
from otc_pipelines.settings import Instance, load

CONFIG = """\

company: {name: Acme, base_currency: USD, timezone: Europe/Berlin}
alerts: {file: ./alerts.jsonl}
schedules: {delivery: 30 6-20 * * 1-5}
sources:
  - {name: legacy, connector: files, path: ./drop}
  - {name: second, connector: files, path: ./second}
  - {name: bank, connector: bank_files, path: ./bank}
  - name: crm_main
    connector: salesforce
    login_url: https://login.example.com
    client_id: someone
    client_secret: ${CRM_SECRET}
targets:
  - {name: crm, source: crm_main, objects: [account_ar_status, order_payment_status], mode: deliver}
"""


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    folder = tmp_path_factory.mktemp("instance")
    for name in ("drop", "second", "bank"):
        (folder / name).mkdir()
    (folder / ".env").write_text("CRM_SECRET=not-a-real-one\n")
    (folder / "otc.yaml").write_text(CONFIG)
    return load(folder / "otc.yaml")


@pytest.fixture(scope="session")
def parsed(instance: Instance) -> dict[str, Any]:
    return manifest(Flow(instance))


@pytest.fixture(scope="session")
def defs(instance: Instance, parsed: dict[str, Any]) -> dg.Definitions:
    return build_defs(instance, manifest=parsed)


@pytest.fixture
def bank(instance: Instance) -> Path:
    return instance.path.parent / "bank"
