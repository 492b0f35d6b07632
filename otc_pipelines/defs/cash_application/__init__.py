"""Match: bank credits find the instalments that they pay."""

from otc_pipelines.defs.cash_application.decisions import DECISIONS, decision_asset

__all__ = ["DECISIONS", "decision_asset"]
