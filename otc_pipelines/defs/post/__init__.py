"""Post: versions that are new become movements of the ledger."""

from otc_pipelines.defs.post.ledger import MOVEMENTS, ledger_asset

__all__ = ["MOVEMENTS", "ledger_asset"]
