"""Reverse sync: whether what SQL says should leave the house does leave it, and that it has one effect when it does.

*What* is SQL (the outbound models); *whether* is here: a diff against what was delivered, limits, the verdict, the
outbox; *how* is the vendor's writer. ``plan_sync`` looks and writes nothing; ``deliver`` does it; ``approve`` releases
what a limit held.
"""

from otc_pipelines.reverse_sync.approval import Approved, approve
from otc_pipelines.reverse_sync.batch import OutboundBatch, batch_of
from otc_pipelines.reverse_sync.deliver import DeliveryReport, RowResult, deliver, deliver_approved, planned_rows
from otc_pipelines.reverse_sync.ledger import SyncError
from otc_pipelines.reverse_sync.plan import Change, Plan, plan_sync
from otc_pipelines.reverse_sync.policy import Delivery, Excess, Policy

__all__ = [
    "Approved",
    "Change",
    "Delivery",
    "DeliveryReport",
    "Excess",
    "OutboundBatch",
    "Plan",
    "Policy",
    "RowResult",
    "SyncError",
    "approve",
    "batch_of",
    "deliver",
    "deliver_approved",
    "plan_sync",
    "planned_rows",
]
