"""What holds for any input: nothing over-applied, no order of input matters, books never mix."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from otc_pipelines.cash_application import BankCredit, Basis, Candidate, Outcome, decide


class Item(NamedTuple):
    source: str
    entity: str
    party: str
    currency: str
    document: str
    number: int
    due: date
    amount: Decimal


cents = st.integers(min_value=1, max_value=12).map(lambda n: Decimal(n) * 25)
entities = st.sampled_from(["US", "DE"])
currencies = st.sampled_from(["EUR", "USD"])
days = st.integers(0, 40).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
OPEN = [Basis.STRUCTURED_REFERENCE, Basis.DOCUMENT_REFERENCE, Basis.PAYER_ACCOUNT, Basis.AMOUNT]


@st.composite
def documents(draw: st.DrawFn) -> list[Item]:
    items = []
    for n in range(draw(st.integers(1, 6))):
        head = (draw(st.sampled_from(["erp", "erp2"])), draw(entities), f"P{draw(st.integers(1, 3))}", draw(currencies))
        for number in range(1, draw(st.integers(1, 3)) + 1):
            items.append(Item(*head, f"D{n}", number, draw(days), draw(cents)))
    return items


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[BankCredit], list[Candidate]]:
    items = draw(documents())
    credits, candidates = [], []
    for n in range(draw(st.integers(1, 7))):
        entity = draw(st.one_of(st.none(), entities))
        credits.append(
            BankCredit("bank", f"L{n}", entity, draw(currencies), draw(cents), draw(st.one_of(st.none(), days)))
        )
        for i in draw(st.lists(st.sampled_from(items), max_size=6)):
            basis = draw(st.sampled_from(OPEN))
            row = Candidate(
                "bank", f"L{n}", basis, i.source, i.entity, i.party, i.currency, i.document, i.number, i.due, i.amount
            )
            candidates.append(row)
        for receipt in draw(st.lists(st.integers(1, 3), max_size=2)):
            basis = draw(st.sampled_from([Basis.POSTED_REFERENCE, Basis.POSTED_AMOUNT]))
            candidates.append(Candidate("bank", f"L{n}", basis, "erp", "US", "P1", "EUR", receipt_id=f"R{receipt}"))
    return credits, candidates


@settings(max_examples=300, deadline=None)
@given(problems())
def test_no_line_and_no_instalment_is_over_applied(problem: tuple[list[BankCredit], list[Candidate]]) -> None:
    credits, candidates = problem
    opened = {(c.source_system, c.document_id, c.installment_no): c for c in candidates if c.document_id}
    applied: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for d in decide(credits, candidates):
        assert sum((a.amount for a in d.applications), Decimal(0)) <= d.credit.amount
        for a in d.applications:
            key = (a.source_system, a.document_id, a.installment_no)
            item = opened[key]
            assert a.amount > 0
            assert (item.legal_entity, item.currency) == (d.credit.legal_entity, d.credit.currency)
            if d.outcome is Outcome.APPLIED:
                applied[key] += a.amount
            else:
                assert a.amount <= item.open_amount
    for key, total in applied.items():
        assert total <= opened[key].open_amount


@settings(max_examples=200, deadline=None)
@given(problems(), st.integers())
def test_the_result_does_not_depend_on_the_order_of_the_input(
    problem: tuple[list[BankCredit], list[Candidate]], seed: int
) -> None:
    credits, candidates = problem
    expected = decide(credits, candidates)
    random = Random(seed)
    shuffled_credits, shuffled = credits[:], candidates * 2
    random.shuffle(shuffled_credits)
    random.shuffle(shuffled)
    assert decide(shuffled_credits, shuffled) == expected


@settings(max_examples=200, deadline=None)
@given(problems())
def test_every_line_is_decided_once_and_explained(problem: tuple[list[BankCredit], list[Candidate]]) -> None:
    credits, candidates = problem
    decisions = decide(credits, candidates)
    assert sorted(d.credit.bank_line_id for d in decisions) == sorted(c.bank_line_id for c in credits)
    receipts: list[str] = []
    for d in decisions:
        assert d.rule and d.reason.endswith(".") and "{" not in d.reason
        assert Decimal(0) <= d.score <= 1
        if d.outcome is Outcome.APPLIED:
            assert d.score >= Decimal("0.9")
            assert d.receipt_id or d.matched == d.credit.amount
        if d.outcome is Outcome.EXCEPTION:
            assert not d.applications
        receipts += [d.receipt_id] if d.receipt_id else []
    assert len(receipts) == len(set(receipts))  # a posted receipt is one line's at most


@settings(max_examples=200, deadline=None)
@given(problems())
def test_books_do_not_mix(problem: tuple[list[BankCredit], list[Candidate]]) -> None:
    """Deciding one legal entity and currency alone gives what deciding all together gives."""
    credits, candidates = problem
    candidates = [c for c in candidates if c.document_id]
    together = {d.credit.bank_line_id: d for d in decide(credits, candidates)}
    for books in {(c.legal_entity, c.currency) for c in credits}:
        own = [c for c in credits if (c.legal_entity, c.currency) == books]
        for d in decide(own, candidates):
            same = together[d.credit.bank_line_id]
            assert (same.outcome, same.rule, same.applications) == (d.outcome, d.rule, d.applications)
