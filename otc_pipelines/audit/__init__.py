"""The audit trail: who did what, in a chain of hashes whose head is anchored outside the database.

``with audited(warehouse) as tx: …; append(tx, kind, subject, details, actor)`` writes events with what they tell of, in
one transaction; ``verify(warehouse)`` names the first broken row.
"""

from otc_pipelines.audit.anchor import anchor_path, audited
from otc_pipelines.audit.chain import AuditError, Event, append, append_many
from otc_pipelines.audit.kinds import KINDS
from otc_pipelines.audit.verify import Verification, verify

__all__ = [
    "KINDS",
    "AuditError",
    "Event",
    "Verification",
    "anchor_path",
    "append",
    "append_many",
    "audited",
    "verify",
]
