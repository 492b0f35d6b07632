"""Makes the company, starts the simulated vendors, and writes the ``otc.yaml`` of an instance that reads them.

Belongs here: everything that stands before the first pass. Not here: the pass, what it showed (``summary``, ``show``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from connectors.bank.bank_files.projection import Statements, project_bank
from connectors.crm.salesforce.simulator import SalesforceSimulator, project_world
from connectors.erp.files.simulator import Drop, project_files
from connectors.kit.errors import ConfigError
from connectors.simulation.world.company import BANK_ACCOUNTS, LEGAL_ENTITIES
from connectors.simulation.world.world import World

STATE = Path("vendors") / "salesforce"
SECRET = "OTC_DEMO_SALESFORCE_SECRET"  # noqa: S105  (the variable's name)
MARK = "# Written by `otc demo`: a simulated company."
_HEADER = f"{MARK} Its vendors run while the demo does, and with `otc ui`; its marts stay.\n"
_OURS = ("otc.yaml", ".env", "drop", "bank", "vendors", "data")


@dataclass(frozen=True)
class DemoOptions:
    """What to simulate, and where. ``as_of`` is the company's last whole day: yesterday, unless stated."""

    folder: Path = Path("demo")
    seed: int = 1
    customers: int = 2000
    invoices: int = 20000
    months: int = 24
    as_of: date | None = None


@dataclass(frozen=True)
class Demo:
    """A running demo: the company, its vendors, and the instance that reads them."""

    folder: Path
    config_path: Path
    world: World
    salesforce: SalesforceSimulator
    drop: Drop
    statements: Statements

    def advance(self, days: int) -> Demo:
        """Let days go by: new files come, the CRM changes, the ERP posts what was pending. Returns the demo of then."""
        later = self.world.advance(days)
        drop = project_files(later, self.folder / "drop", since=self.world)
        statements = project_bank(later, self.folder / "bank", since=self.world)
        project_world(later, self.salesforce)
        return replace(self, world=later, drop=drop, statements=statements)


@contextmanager
def running(options: DemoOptions) -> Iterator[Demo]:
    """Start everything, and stop the vendors at the end; the folder stays, so that its marts can be asked later."""
    folder = _cleared(options.folder.absolute())
    as_of = options.as_of or datetime.now(UTC).date() - timedelta(days=1)
    try:
        world = World.make(options.seed, as_of, options.customers, options.invoices, options.months)
    except ValueError as problem:
        raise ConfigError(str(problem)) from None
    drop = project_files(world, folder / "drop")
    statements = project_bank(world, folder / "bank")
    before = os.environ.get(SECRET)
    with SalesforceSimulator(folder / STATE) as salesforce:
        project_world(world, salesforce)
        config = _write_config(folder, salesforce)
        os.environ[SECRET] = salesforce.client_secret
        try:
            yield Demo(folder, config, world, salesforce, drop, statements)
        finally:
            os.environ.pop(SECRET)
            if before is not None:
                os.environ[SECRET] = before


def _cleared(folder: Path) -> Path:
    """Return the folder without what an earlier demo left there; ConfigError where it is somebody else's."""
    if folder.is_dir() and any(folder.iterdir()):
        config = folder / "otc.yaml"
        if not config.is_file() or not config.read_text(encoding="utf-8").startswith(MARK):
            raise ConfigError(f"folder {folder} is not empty and not an earlier demo; name another with --folder")
        for name in _OURS:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError(f"folder {folder} cannot be made: {problem.strerror}; name another with --folder") from None
    return folder


def _write_config(folder: Path, salesforce: SalesforceSimulator) -> Path:
    bundle = salesforce.ca_bundle
    config: dict[str, Any] = {
        "company": {"name": "Acme Industrial", "base_currency": "USD", "timezone": "UTC"},
        "data_dir": "./data",
        "warehouse": "duckdb",
        "legal_entities": {
            e.code: {"base_currency": e.base_currency, "ar_account": e.ar_account} for e in LEGAL_ENTITIES
        },
        "bank_accounts": {
            a.account: {"legal_entity": a.legal_entity, "gl_account": a.gl_account} for a in BANK_ACCOUNTS
        },
        "aging": {"edges": [30, 60, 90], "by": "due_date"},
        "sources": [
            {"name": "erp", "connector": "files", "path": "./drop"},
            {"name": "bank", "connector": "bank_files", "path": "./bank"},
            {
                "name": "salesforce_main",
                "connector": "salesforce",
                "login_url": salesforce.url,
                "ca_bundle": str(bundle.relative_to(folder)) if bundle else None,
                "allow_private": True,
                "client_id": salesforce.client_id,
                "client_secret": f"${{{SECRET}}}",
            },
        ],
        "targets": [
            {
                "name": "crm",
                "source": "salesforce_main",
                "objects": ["account_ar_status", "order_payment_status"],
                "mode": "deliver",
                "limits": {"max_changes": 10_000},
            }
        ],
    }
    (folder / ".env").write_text(f"{SECRET}={salesforce.client_secret}\n", encoding="utf-8")
    path = folder / "otc.yaml"
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(_HEADER + text, encoding="utf-8")
    return path
