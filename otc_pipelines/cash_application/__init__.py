"""Cash application: which open items a bank credit pays, and why. Pure functions: values in, decisions out.

SQL makes the candidates (it scales with the warehouse); this room decides among them. Nothing here reads or writes.
"""

from otc_pipelines.cash_application.model import (
    Application,
    BankCredit,
    Basis,
    Candidate,
    Decision,
    DocumentKey,
    Outcome,
    Policy,
    RunnerUp,
)
from otc_pipelines.cash_application.rules import decide

__all__ = [
    "Application",
    "BankCredit",
    "Basis",
    "Candidate",
    "Decision",
    "DocumentKey",
    "Outcome",
    "Policy",
    "RunnerUp",
    "decide",
]
