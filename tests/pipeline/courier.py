"""Deliveries to a simulated Salesforce, without the rest of the way. Run as a program it delivers once.

Belongs here: setting up, one delivery. Not here: any expectation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator
from connectors.crm.salesforce.writer import SalesforceWriter
from otc_pipelines.reverse_sync import Delivery, DeliveryReport, OutboundBatch, Policy, batch_of, deliver
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse

OBJECT = "account_ar_status"
QUICK = Delivery(wait_seconds=0.01, longest_wait_seconds=0.02, tries=3)


def keys(count: int) -> list[str]:
    return [f"C-{n:04d}" for n in range(count)]


def seed(crm: SalesforceSimulator, count: int) -> None:
    """So many accounts that carry our key."""
    crm.load({"Account": [{"Name": f"A{k}", "OTC_Customer_Key__c": k} for k in keys(count)]})


def settings(crm: SalesforceSimulator) -> dict[str, Any]:
    """How the simulator is reached, impatiently."""
    return {
        "login_url": crm.url,
        "client_id": crm.client_id,
        "client_secret": crm.client_secret,
        "ca_bundle": str(crm.ca_bundle),
        "allow_private": True,
        "first_wait_seconds": 0.01,
        "poll_seconds": 0.02,
        "read_timeout_seconds": 5,
    }


def status(count: int, amount: str) -> OutboundBatch:
    """The batch: every account with the same open amount."""
    decimals = pa.array([Decimal(amount)] * count, pa.decimal128(18, 4))
    return batch_of(
        "crm",
        OBJECT,
        pa.table(
            {"key": keys(count), "open_amount": decimals, "currency": ["USD"] * count, "on_hold": [False] * count}
        ),
    )


def judged(warehouse: Warehouse, batch: OutboundBatch) -> OutboundBatch:
    """Store a passing verdict for a batch."""
    now = datetime.now(UTC)
    verdict = {
        "verdict_id": f"{batch.batch_hash}{now}",
        "run_id": "r",
        "decided_at": now,
        "suite": "*",
        "target": batch.target,
        "object": batch.object_name,
        "batch_hash": batch.batch_hash,
        "severity": "block",
        "passed": True,
        "checks": 1,
        "failed_checks": 0,
        "details": None,
    }
    with warehouse.transaction() as tx:
        tx.insert("ops.gate_verdict", [verdict])
    return batch


def send(path: Path, reached: Mapping[str, Any], count: int, amount: str, delivery: Delivery = QUICK) -> DeliveryReport:
    """Deliver once, as one worker."""
    warehouse = EmbeddedWarehouse(path, wait=60)
    writer = SalesforceWriter(SalesforceSettings.model_validate(dict(reached)), sleep=lambda seconds: None)
    batch = judged(warehouse, status(count, amount))
    return deliver(warehouse, batch, writer, "ann", Policy(mode="deliver"), delivery)


if __name__ == "__main__":
    send(Path(sys.argv[1]), json.loads(sys.stdin.read()), int(sys.argv[2]), sys.argv[3])
