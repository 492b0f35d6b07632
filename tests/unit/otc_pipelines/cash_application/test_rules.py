"""Each rule of cash application: when it applies, when it abstains, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from otc_pipelines.cash_application import BankCredit, Basis, Candidate, Decision, Outcome, Policy, decide

REF, TOKEN, PAYER, AMOUNT = (
    Basis.STRUCTURED_REFERENCE,
    Basis.DOCUMENT_REFERENCE,
    Basis.PAYER_ACCOUNT,
    Basis.AMOUNT,
)


def credit(amount: str, line: str = "L1", **more: object) -> BankCredit:
    values: dict[str, object] = {"legal_entity": "US", "currency": "EUR", "value_date": date(2026, 2, 3), **more}
    return BankCredit("bank", line, amount=Decimal(amount), **values)  # type: ignore[arg-type]


def candidate(basis: Basis, document: str, amount: str, line: str = "L1", **more: object) -> Candidate:
    values: dict[str, object] = {
        "source_system": "erp",
        "legal_entity": "US",
        "party_id": "P1",
        "currency": "EUR",
        "due_date": date(2026, 2, 4),
        **more,
    }
    return Candidate("bank", line, basis, document_id=document, open_amount=Decimal(amount), **values)  # type: ignore[arg-type]


def one(credits: list[BankCredit] | BankCredit, *candidates: Candidate, policy: Policy | None = None) -> Decision:
    found = decide(credits if isinstance(credits, list) else [credits], candidates, policy)
    assert len(found) == 1
    return found[0]


def parts(decision: Decision) -> list[tuple[str, int, str]]:
    return [(a.document_id, a.installment_no, f"{a.amount:f}") for a in decision.applications]


def test_a_reference_to_one_document_of_exactly_the_amount_is_applied() -> None:
    d = one(credit("1234.56"), candidate(TOKEN, "INV-7001", "1234.56", token="INV-7001"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.APPLIED, "reference_exact", [("INV-7001", 1, "1234.56")])
    assert d.score == Decimal("0.99")
    assert d.evidence["documents"] == [{"source_system": "erp", "document_id": "INV-7001", "open": "1234.56"}]
    assert d.evidence["tokens"] == ["INV-7001"]
    assert d.reason == "The reference names INV-7001, open 1234.56 EUR, which is exactly the amount."


def test_several_documents_named_whose_sum_is_the_amount_are_applied() -> None:
    d = one(credit("150"), candidate(TOKEN, "A", "100"), candidate(TOKEN, "B", "50"))
    assert (d.outcome, d.rule) == (Outcome.APPLIED, "reference_exact")
    assert sorted(parts(d)) == [("A", 1, "100"), ("B", 1, "50")]


def test_a_short_payment_of_one_document_goes_to_its_oldest_instalment_first() -> None:
    d = one(
        credit("70"),
        candidate(REF, "A", "50", installment_no=2, due_date=date(2026, 3, 1)),
        candidate(REF, "A", "50", installment_no=1, due_date=date(2026, 2, 1)),
    )
    assert (d.outcome, d.rule, parts(d)) == (Outcome.APPLIED, "reference_partial", [("A", 1, "50"), ("A", 2, "20")])


def test_a_short_payment_is_only_proposed_where_policy_says_so_or_another_customer_pays() -> None:
    named = candidate(REF, "A", "100")
    assert one(credit("70"), named, policy=Policy(apply_partial=False)).outcome is Outcome.PROPOSED
    other = one(credit("70"), named, candidate(PAYER, "Z", "900", party_id="P9"))
    assert (other.outcome, other.rule) == (Outcome.PROPOSED, "reference_other_payer")
    assert other.runner_up is not None and other.runner_up.document_id == "Z"


def test_more_than_is_open_is_proposed_and_never_over_applied() -> None:
    d = one(credit("120"), candidate(REF, "A", "100"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.PROPOSED, "reference_over", [("A", 1, "100")])
    assert "20.00 EUR" in d.reason


def test_several_named_with_another_sum_are_proposed() -> None:
    d = one(credit("100"), candidate(TOKEN, "A", "100"), candidate(TOKEN, "B", "50"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.PROPOSED, "reference_sum_differs", [("A", 1, "100")])
    assert d.runner_up is not None and d.runner_up.document_id == "B"


def test_a_reference_that_fits_two_customers_or_two_sources_is_an_exception() -> None:
    for other in ({"party_id": "P2"}, {"source_system": "erp2"}):
        d = one(credit("100"), candidate(TOKEN, "A", "100"), candidate(TOKEN, "A2", "30", **other))
        assert (d.outcome, d.rule, parts(d)) == (Outcome.EXCEPTION, "reference_ambiguous", [])


def test_a_known_payer_tells_which_of_two_customers_is_meant() -> None:
    d = one(
        credit("100"),
        candidate(TOKEN, "1001", "100", source_system="erp"),
        candidate(TOKEN, "1001", "100", source_system="erp2", party_id="P2"),
        candidate(PAYER, "1001", "100", source_system="erp2", party_id="P2"),
    )
    assert (d.outcome, d.rule) == (Outcome.APPLIED, "reference_exact")
    assert [(a.source_system, a.party_id) for a in d.applications] == [("erp2", "P2")]


def test_a_structured_reference_counts_before_a_number_in_free_text() -> None:
    d = one(credit("100"), candidate(REF, "A", "100"), candidate(TOKEN, "2026", "7", party_id="P2"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.APPLIED, "reference_exact", [("A", 1, "100")])


def test_a_document_that_is_settled_or_taken_by_another_line_is_an_exception() -> None:
    settled = one(credit("100"), candidate(REF, "A", "0"))
    assert (settled.outcome, settled.rule) == (Outcome.EXCEPTION, "reference_settled")
    first, second = decide(
        [credit("100", "L2"), credit("100", "L1")],
        [candidate(REF, "A", "100", "L1"), candidate(REF, "A", "100", "L2")],
    )
    assert (first.credit.bank_line_id, first.outcome) == ("L1", Outcome.APPLIED)
    assert (second.rule, second.outcome) == ("reference_settled", Outcome.EXCEPTION)
    assert "L1" in second.reason


def test_a_later_pass_says_the_same_of_a_line_whose_document_a_standing_decision_took() -> None:
    first, second = credit("100.00"), credit("100.00", "L2")
    both = [candidate(Basis.DOCUMENT_REFERENCE, "INV1", "100.00", line) for line in ("L1", "L2")]
    at_once = next(d for d in decide([first, second], both) if d.credit == second)
    left = replace(both[1], open_amount=Decimal("0.00"))
    (later,) = decide([second], [left], standing={both[0].installment.document: ["L1"]})
    assert "bank line L1 pays it" in at_once.reason
    assert later == at_once


def test_what_is_in_other_books_is_never_paid() -> None:
    for other in ({"legal_entity": "DE"}, {"currency": "USD"}):
        d = one(credit("100"), candidate(REF, "A", "100", **other))
        assert (d.outcome, d.rule, parts(d)) == (Outcome.EXCEPTION, "reference_other_books", [])
        d = one(credit("100"), candidate(PAYER, "A", "100", **other))
        assert (d.outcome, d.rule) == (Outcome.EXCEPTION, "payer_no_exact_amount")
    nobody = one(credit("100", legal_entity=None), candidate(REF, "A", "100"))
    assert (nobody.outcome, nobody.rule) == (Outcome.EXCEPTION, "no_legal_entity")


def test_a_known_payer_and_the_only_item_of_the_amount_is_applied() -> None:
    d = one(credit("50"), candidate(PAYER, "A", "50"), candidate(PAYER, "B", "60"), candidate(AMOUNT, "Q", "50"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.APPLIED, "payer_exact_amount", [("A", 1, "50")])
    assert one(credit("50"), candidate(PAYER, "A", "50"), policy=Policy(apply_payer_amount=False)).outcome == "proposed"


def test_a_known_payer_may_pay_one_instalment_or_a_whole_document() -> None:
    plan = [candidate(PAYER, "A", "50", installment_no=n, due_date=date(2026, n, 1)) for n in (1, 2, 3)]
    assert parts(one(credit("50"), *plan)) == [("A", 1, "50")]
    assert parts(one(credit("150"), *plan)) == [("A", 1, "50"), ("A", 2, "50"), ("A", 3, "50")]
    assert one(credit("100"), *plan).outcome is Outcome.EXCEPTION


def test_two_items_of_the_amount_are_ambiguous_and_the_runner_up_is_kept() -> None:
    d = one(credit("50"), candidate(PAYER, "B", "50", due_date=date(2026, 5, 1)), candidate(PAYER, "A", "50"))
    assert (d.outcome, d.rule, parts(d)) == (Outcome.PROPOSED, "payer_ambiguous", [("A", 1, "50")])
    assert d.runner_up is not None and (d.runner_up.document_id, d.runner_up.open_amount) == ("B", Decimal("50"))


def test_an_account_of_two_customers_is_never_applied() -> None:
    d = one(credit("50"), candidate(PAYER, "A", "50"), candidate(PAYER, "", "0", party_id="P2"))
    assert (d.outcome, d.rule) == (Outcome.PROPOSED, "payer_shared_account")


def test_an_unknown_payer_is_at_most_proposed() -> None:
    alone = one(credit("50"), candidate(AMOUNT, "A", "50"))
    assert (alone.outcome, alone.rule, parts(alone)) == (Outcome.PROPOSED, "amount_unique", [("A", 1, "50")])
    two = one(credit("50"), candidate(AMOUNT, "A", "50"), candidate(AMOUNT, "B", "50", party_id="P2"))
    assert (two.outcome, two.rule, parts(two)) == (Outcome.EXCEPTION, "amount_ambiguous", [])
    assert one(credit("50")).rule == "no_candidate"


def posted(
    basis: Basis, receipt: str, line: str = "L1", document: str = "", amount: str = "0", **more: object
) -> Candidate:
    values = {"receipt_id": receipt, "receipt_amount": Decimal("100"), **more}
    return candidate(basis, document, amount, line, **values)


def test_what_the_erp_has_posted_is_recognised_and_takes_nothing_more() -> None:
    first, second = decide(
        [credit("100"), credit("100", "L2")],
        [
            posted(Basis.POSTED_REFERENCE, "RC-1", document="A", amount="100"),
            candidate(REF, "A", "100"),
            candidate(REF, "A", "100", "L2"),
        ],
    )
    assert (first.outcome, first.rule, first.receipt_id, parts(first)) == (
        Outcome.APPLIED,
        "posted",
        "RC-1",
        [("A", 1, "100")],
    )
    assert second.rule == "reference_exact"  # what is open is open after what was posted


def test_more_than_one_posted_candidate_is_an_exception_in_either_direction() -> None:
    d = one(credit("100"), posted(Basis.POSTED_AMOUNT, "RC-1"), posted(Basis.POSTED_AMOUNT, "RC-2"))
    assert (d.outcome, d.rule) == (Outcome.EXCEPTION, "posted_ambiguous")
    both = decide(
        [credit("100"), credit("100", "L2")],
        [posted(Basis.POSTED_AMOUNT, "RC-1"), posted(Basis.POSTED_AMOUNT, "RC-1", "L2")],
    )
    assert [d.rule for d in both] == ["posted_ambiguous", "posted_ambiguous"]


def test_a_receipt_that_quotes_a_line_is_not_another_lines_by_amount() -> None:
    quoted, keyed = decide(
        [credit("100"), credit("100", "L2")],
        [
            posted(Basis.POSTED_REFERENCE, "RC-1"),
            posted(Basis.POSTED_AMOUNT, "RC-1", "L2"),
            posted(Basis.POSTED_AMOUNT, "RC-2", "L2"),
        ],
    )
    assert (quoted.rule, quoted.receipt_id) == ("posted", "RC-1")
    assert (keyed.rule, keyed.receipt_id) == ("posted_by_amount", "RC-2")


def test_a_receipt_of_another_customer_is_not_recognised_by_amount_alone() -> None:
    d = one(credit("100"), posted(Basis.POSTED_AMOUNT, "RC-1", party_id="P9"), candidate(REF, "A", "100"))
    assert (d.rule, d.receipt_id) == ("reference_exact", "")


def test_a_receipt_of_another_amount_is_told_and_never_matched_beyond_the_line() -> None:
    receipt = posted(Basis.POSTED_REFERENCE, "RC-1", document="A", amount="120", receipt_amount=Decimal("120"))
    d = one(credit("100"), receipt)
    assert d.matched == Decimal("100")
    assert "120.00 EUR" in d.reason


def test_wrong_input_is_refused() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        BankCredit("bank", "L1", "US", "EUR", 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a credit"):
        credit("-1")
    with pytest.raises(ValueError, match="more than once"):
        decide([credit("1"), credit("1")], [])
