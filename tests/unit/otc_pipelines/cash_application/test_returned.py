"""A credit that the bank took back pays nothing, unless the ERP has posted it itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from otc_pipelines.cash_application import BankCredit, Basis, Candidate, Outcome, decide

CREDIT = BankCredit("bank", "L1", "US", "USD", Decimal(50), returned_by="L2")
NAMED = Candidate("bank", "L1", Basis.DOCUMENT_REFERENCE, "erp", "US", "P1", "USD", "INV-1", open_amount=Decimal(50))


def test_a_returned_credit_applies_nothing() -> None:
    (decision,) = decide([CREDIT], [NAMED])
    assert (decision.outcome, decision.rule, decision.applications) == (Outcome.EXCEPTION, "returned", ())
    (other,) = decide([replace(CREDIT, returned_by="")], [NAMED])
    assert other.outcome is Outcome.APPLIED


def test_what_a_returned_credit_named_is_still_there_for_the_next() -> None:
    second = BankCredit("bank", "L3", "US", "USD", Decimal(50))
    decided = {d.credit.bank_line_id: d for d in decide([CREDIT, second], [NAMED, replace(NAMED, bank_line_id="L3")])}
    assert decided["L3"].outcome is Outcome.APPLIED


def test_what_the_erp_has_posted_is_the_erps_to_undo() -> None:
    posted = replace(NAMED, basis=Basis.POSTED_REFERENCE, receipt_id="R1")
    (decision,) = decide([CREDIT], [posted])
    assert (decision.rule, decision.receipt_id) == ("posted", "R1")
