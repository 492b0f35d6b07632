"""Gate: the suites of ``expectations/`` as checks on what they judge."""

from otc_pipelines.defs.gate.suites import REFUSED, gate_checks

__all__ = ["REFUSED", "gate_checks"]
