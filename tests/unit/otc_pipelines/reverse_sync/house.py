"""A warehouse with a verdict, and batches to deliver, for tests of deliveries. Run as a program it delivers once.

Belongs here: setting up. Not here: tests.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from otc_pipelines.reverse_sync import Delivery, DeliveryReport, OutboundBatch, Policy, batch_of, deliver
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse
from tests.unit.otc_pipelines.reverse_sync.target import OBJECT, FileTarget

QUICK = Delivery(wait_seconds=0.001, longest_wait_seconds=0.002, tries=3)
DELIVER = Policy(mode="deliver")


def batch(amounts: dict[str, str], as_of: str = "2026-01-31") -> OutboundBatch:
    """Accounts with an open amount each."""
    table = pa.table(
        {
            "key": list(amounts),
            "open_amount": pa.array([Decimal(a) for a in amounts.values()], pa.decimal128(18, 4)),
            "currency": ["USD"] * len(amounts),
            "on_hold": [False] * len(amounts),
            "as_of": [as_of] * len(amounts),
        }
    )
    return batch_of("crm", OBJECT, table)


def judge(warehouse: Warehouse, judged: OutboundBatch, *, passed: bool = True) -> OutboundBatch:
    """Store the gates' verdict for a batch."""
    with warehouse.transaction() as tx:
        tx.insert(
            "ops.gate_verdict",
            [
                {
                    "verdict_id": f"{judged.batch_hash}{datetime.now(UTC)}",
                    "run_id": "r",
                    "decided_at": datetime.now(UTC),
                    "suite": "*",
                    "target": judged.target,
                    "object": judged.object_name,
                    "batch_hash": judged.batch_hash,
                    "severity": "block",
                    "passed": passed,
                    "checks": 1,
                    "failed_checks": 0 if passed else 1,
                    "details": None,
                }
            ],
        )
    return judged


def send(
    warehouse: Warehouse,
    amounts: dict[str, str],
    target: FileTarget,
    policy: Policy = DELIVER,
    delivery: Delivery = QUICK,
    actor: str = "ann",
    as_of: str = "2026-01-31",
) -> DeliveryReport:
    """Judge a batch well and deliver it."""
    judged = judge(warehouse, batch(amounts, as_of))
    return deliver(warehouse, judged, target, actor, policy, delivery)


if __name__ == "__main__":
    folder, count, amount = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    send(
        EmbeddedWarehouse(folder / "warehouse.duckdb"),
        {f"A{n:04d}": amount for n in range(count)},
        FileTarget(folder / "target.json"),
    )
