"""16. Opening items of a migration: by customer, currency and due date = the legacy list = the control account."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import Settings, books, post
from tests.invariants.world import THOROUGH, seen
from tests.reference.rows import cluster, document, installment

CUTOVER = date(2026, 6, 30)
DECIMALS = {"USD": 2, "JPY": 0, "KWD": 3}
lines = st.lists(
    st.tuples(
        st.sampled_from(["C1", "C2", "C3"]),
        st.sampled_from(sorted(DECIMALS)),
        st.integers(0, 120).map(lambda n: CUTOVER - timedelta(days=90 - n)),
        st.integers(1, 99_999),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


def migrated(legacy):
    """The legacy list as a file drop gives it: an opening item each, some with two parts due a month apart; credits."""
    rows, listed = [], defaultdict(Decimal)
    for n, (party, currency, due, units, in_parts, credit) in enumerate(legacy):
        step = Decimal(1).scaleb(-DECIMALS[currency])
        amount, on = units * step, CUTOVER - timedelta(days=100)
        kind = "credit_memo" if credit else "opening_item"
        rows.append(
            document(
                f"O{n}",
                str(amount),
                on.isoformat(),
                kind=kind,
                due=due.isoformat(),
                party=party,
                currency=currency,
                rate="1.5",
            )
        )
        if credit:
            listed[party, currency, None] -= amount
        elif in_parts and units > 1:
            later, part = due + timedelta(days=30), (units // 2) * step
            rows += [
                installment(f"O{n}", 1, due.isoformat(), part),
                installment(f"O{n}", 2, later.isoformat(), amount - part),
            ]
            listed[party, currency, due] += part
            listed[party, currency, later] += amount - part
        else:
            listed[party, currency, due] += amount
    return rows, {k: v for k, v in listed.items() if v}


def check(legacy):
    rows, listed = migrated(legacy)
    found, control = defaultdict(Decimal), defaultdict(Decimal)
    for m in seen(post(cluster(*rows), Settings("MXN")).movements, CUTOVER):
        found[m.party_id, m.currency, m.due_date] += m.amount
        control[m.currency] += m.amount
    assert {k: v for k, v in found.items() if v} == listed
    account = defaultdict(Decimal)
    for party, currency, due in listed:
        account[currency] += listed[party, currency, due]
    assert {k: v for k, v in control.items() if v} == {k: v for k, v in account.items() if v}


@THOROUGH
@given(lines)
def test_opening_items_are_the_legacy_list(legacy):
    check(legacy)


EXAMPLE = [
    ("C1", "KWD", CUTOVER, 1001, True, False),
    ("C2", "JPY", CUTOVER, 7, False, False),
    ("C2", "JPY", CUTOVER, 5, False, True),
]


@pytest.mark.parametrize(
    "wrongly",
    [
        lambda row: row._replace(due_date=row.posting_date),
        lambda row: row._replace(party_id="C1"),
        lambda row: row._replace(document_type="opening_item"),
        lambda row: row._replace(amount=row.amount.quantize(Decimal("0.01"))),
    ],
    ids=["due date", "customer", "sign", "third decimal"],
)
def test_a_migration_that_loses_something_is_told(monkeypatch: pytest.MonkeyPatch, wrongly):
    check(EXAMPLE)
    made = books.document_item
    monkeypatch.setattr(books, "document_item", lambda row, *rest: made(wrongly(row), *rest))
    with pytest.raises(AssertionError):
        check(EXAMPLE)
