"""Posting: the receivables ledger as signed movements that add up under three clocks. Pure Python, no I/O.

``clusters`` groups versions of rows, ``post`` turns a cluster into movements and findings; a balance is a sum:
open(item, T, K, L) = the sum of ``amount`` where effective_date <= T, recorded_at <= K and loaded_at <= L.
"""

from otc_pipelines.posting.clusters import clusters
from otc_pipelines.posting.components import linked
from otc_pipelines.posting.engine import post
from otc_pipelines.posting.fx import Rates
from otc_pipelines.posting.model import (
    AdjustmentVersion,
    AllocationVersion,
    Cluster,
    DocumentVersion,
    Finding,
    FxRateVersion,
    InstallmentVersion,
    LegalEntity,
    Movement,
    Posting,
    ReceiptEventVersion,
    ReceiptVersion,
    Settings,
)

__all__ = [
    "AdjustmentVersion",
    "AllocationVersion",
    "Cluster",
    "DocumentVersion",
    "Finding",
    "FxRateVersion",
    "InstallmentVersion",
    "LegalEntity",
    "Movement",
    "Posting",
    "Rates",
    "ReceiptEventVersion",
    "ReceiptVersion",
    "Settings",
    "clusters",
    "linked",
    "post",
]
