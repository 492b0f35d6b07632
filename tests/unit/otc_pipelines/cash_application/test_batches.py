"""A batch whose payments do not come to its sum waits for a person, unless the ERP has posted it itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from otc_pipelines.cash_application import BankCredit, Basis, Candidate, Outcome, decide

CREDIT = BankCredit("bank", "L1", "US", "USD", Decimal(50), batch_difference=Decimal(20))
NAMED = Candidate("bank", "L1", Basis.DOCUMENT_REFERENCE, "erp", "US", "P1", "USD", "INV-1", open_amount=Decimal(50))


def test_it_applies_nothing_and_says_the_difference() -> None:
    (decision,) = decide([CREDIT], [NAMED])
    assert (decision.outcome, decision.rule, decision.applications) == (Outcome.EXCEPTION, "batch_differs", ())
    assert "50.00 USD" in decision.reason
    assert "20.00 USD" in decision.reason
    (other,) = decide([replace(CREDIT, batch_difference=None)], [NAMED])
    assert other.outcome is Outcome.APPLIED


def test_what_the_erp_has_posted_is_posted() -> None:
    (decision,) = decide([CREDIT], [replace(NAMED, basis=Basis.POSTED_REFERENCE, receipt_id="R1")])
    assert (decision.rule, decision.receipt_id) == ("posted", "R1")
