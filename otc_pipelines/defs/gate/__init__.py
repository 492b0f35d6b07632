"""Gate: the suites of ``expectations/`` as checks on what they judge."""

from otc_pipelines.defs.gate.suites import gate_checks

__all__ = ["gate_checks"]
