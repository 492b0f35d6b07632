"""Deliveries of receipts to a Tryton, without the rest of the way. Run as a program it delivers once.

Belongs here: setting up, one delivery. Not here: any expectation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.erp.tryton.settings import TrytonSettings
from connectors.erp.tryton.writer import TrytonWriter
from otc_pipelines.reverse_sync import Delivery, DeliveryReport, OutboundBatch, Policy, batch_of, deliver
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.pipeline.courier import judged

ACCOUNT, DAY = "4400123456", "2026-11-20"
QUICK = Delivery(wait_seconds=0.01, longest_wait_seconds=0.02, tries=4)
_FIELDS = ("bank_account", "reference", "value_date", "currency", "amount", "party_id", "allocations")


def receipt(key: str, amount: str, party: int, on: Mapping[int, str], **fields: str) -> dict[str, str]:
    """A row of the outbound model: a bank line, and the invoices that it pays."""
    said = ",".join(f"{invoice}:{Decimal(part):.4f}" for invoice, part in sorted(on.items()))
    stated = (ACCOUNT, f"B-{key}", DAY, "USD", amount, str(party), said)
    return {"key": key, **dict(zip(_FIELDS, stated, strict=True)), **fields}


def batch(*rows: Mapping[str, str]) -> OutboundBatch:
    """A batch of receipts."""
    table = pa.table({name: [row[name] for row in rows] for name in ("key", *_FIELDS)})
    amounts = pa.array([Decimal(row["amount"]) for row in rows], pa.decimal128(18, 4))
    return batch_of("books", "receipt", table.set_column(table.column_names.index("amount"), "amount", amounts))


def send(path: Path, options: Mapping[str, Any], *rows: Mapping[str, str]) -> DeliveryReport:
    """Deliver once, as one worker."""
    warehouse = EmbeddedWarehouse(path, wait=60)
    writer = TrytonWriter(TrytonSettings.model_validate(dict(options)), sleep=lambda seconds: None)
    return deliver(warehouse, judged(warehouse, batch(*rows)), writer, "ann", Policy(mode="deliver"), QUICK)


if __name__ == "__main__":
    send(Path(sys.argv[1]), json.loads(sys.argv[2]), *json.loads(sys.stdin.read()))
