"""Gates: accounting identities and tie-outs over what is about to leave the house. A difference stops deliveries.

``run_gates`` runs the suites of ``expectations/`` in one process, stores the verdicts and renders the Data Docs.
A suite that cannot be run has failed.
"""

from otc_pipelines.gate.model import BatchVerdict, CheckResult, GateReport, GuardedBatch, SuiteVerdict
from otc_pipelines.gate.run import docs_path, run_gates
from otc_pipelines.gate.suites import GateError, Suite, expectations_dir, load_suites
from otc_pipelines.gate.verdicts import standing

__all__ = [
    "BatchVerdict",
    "CheckResult",
    "GateError",
    "GateReport",
    "GuardedBatch",
    "Suite",
    "SuiteVerdict",
    "docs_path",
    "expectations_dir",
    "load_suites",
    "run_gates",
    "standing",
]
