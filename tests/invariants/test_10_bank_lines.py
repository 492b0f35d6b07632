"""10. A bank line's matched total never exceeds its amount. Matching does not depend on input order."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from random import Random

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from otc_pipelines.cash_application import decide, line
from otc_pipelines.cash_application.allocate import OpenItems
from otc_pipelines.cash_application.model import Outcome
from tests.invariants.world import THOROUGH
from tests.unit.otc_pipelines.cash_application.test_invariants import problems

SEARCH = settings(max_examples=1500, deadline=None, derandomize=True, database=None, phases=("generate",))


def check_totals(problem):
    """Amounts against the lines and open instalments as they were handed over."""
    credits, candidates = problem
    opened = {(c.source_system, c.document_id, c.installment_no): c.open_amount for c in candidates if c.document_id}
    amounts = {c.bank_line_id: c.amount for c in credits}
    taken = defaultdict(Decimal)
    for decision in decide(credits, candidates):
        total = sum((a.amount for a in decision.applications), Decimal(0))
        assert 0 <= total <= amounts[decision.credit.bank_line_id]
        for a in decision.applications:
            if decision.outcome is Outcome.APPLIED:
                taken[a.source_system, a.document_id, a.installment_no] += a.amount
    assert all(taken[key] <= opened[key] for key in taken)


def check_order(problem, seed=1):
    credits, candidates = problem
    shuffled, others = credits[:], candidates[:]
    Random(seed).shuffle(shuffled)
    Random(seed + 1).shuffle(others)
    assert decide(shuffled, others) == decide(credits, candidates)


def red(check):
    def fails(problem):
        try:
            check(problem)
        except (AssertionError, ValueError):
            return True
        return False

    return find(problems(), fails, settings=SEARCH)


@THOROUGH
@given(problems(), st.integers(0, 99))
def test_no_line_gives_more_than_it_is_in_whatever_order_it_comes(problem, seed):
    check_totals(problem)
    check_order(problem, seed)


def test_a_split_that_forgets_what_a_line_has_given_is_told(monkeypatch: pytest.MonkeyPatch):
    split = OpenItems.split
    monkeypatch.setattr(OpenItems, "split", lambda self, keys, amount: split(self, keys, amount + 1))
    assert red(check_totals)


def test_an_instalment_that_is_never_used_up_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OpenItems, "take", lambda self, credit, legal_entity, applications: None)
    assert red(check_totals)


def test_first_come_first_served_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line, "sorted", lambda rows, **how: list(rows), raising=False)
    assert red(check_order)
