"""Who paid whom inside a reconciliation."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.erp.tryton.settlement import Side, exchange_currency, pairs


def side(line, base, kind=None, *, amount=None, currency="USD", day="2026-01-01", due=None, reverses=None):
    base = Decimal(str(base))
    kind = kind or ("invoice" if base > 0 else "receipt")
    own = base if amount is None else Decimal(str(amount))
    when = date.fromisoformat(day)
    return Side(line, kind, when, date.fromisoformat(due) if due else when, currency, own, base, reverses)


def said(sides, currency="USD"):
    return [(p.debit.line, p.credit.line, str(p.amount), str(p.source_amount)) for p in pairs(sides, currency)]


def test_one_pays_one():
    assert said([side(1, "100.00"), side(2, "-100.00")]) == [(1, 2, "100.00", "100.00")]


def test_the_oldest_credit_pays_what_falls_due_first():
    sides = [
        side(1, "40.00", due="2026-03-01"),
        side(2, "60.00", due="2026-02-01"),
        side(4, "-70.00", day="2026-01-05"),
        side(3, "-30.00", day="2026-01-06"),
    ]
    assert said(sides) == [(2, 4, "60.00", "60.00"), (1, 4, "10.00", "10.00"), (1, 3, "30.00", "30.00")]


def test_a_write_off_takes_what_cash_left():
    sides = [side(1, "100.00"), side(2, "-3.17", "write_off", day="2026-01-01"), side(3, "-96.83", day="2026-02-01")]
    assert said(sides) == [(1, 3, "96.83", "96.83"), (1, 2, "3.17", "3.17")]


def test_an_exchange_difference_pays_nobody():
    sides = [
        side(1, "166.63", amount="153.30", currency="EUR"),
        side(2, "-163.96", amount="-153.30", currency="EUR"),
        side(3, "-2.67", "exchange", amount="0", currency="EUR"),
    ]
    (pair,) = pairs(sides, "USD")
    assert (pair.amount, pair.source_amount, pair.base_amount) == (
        Decimal("153.30"),
        Decimal("153.30"),
        Decimal("163.96"),
    )


def test_what_is_an_exchange_difference_is_told_by_the_others():
    foreign = [side(1, "166.63", amount="153.30", currency="EUR"), side(2, "-163.96", amount="-153.30", currency="EUR")]
    assert exchange_currency([*foreign, side(3, "-2.67", "write_off")], "USD") == "EUR"
    assert exchange_currency([*foreign, side(3, "-2.67", "receipt")], "USD") is None
    assert exchange_currency([side(1, "5"), side(2, "-5", "write_off")], "USD") is None


def test_a_payment_in_another_currency_states_both_amounts():
    sides = [side(1, "110.00", amount="100.00", currency="EUR"), side(2, "-55.00"), side(3, "-55.00")]
    assert said(sides) == [(1, 2, "50.00", "55.00"), (1, 3, "50.00", "55.00")]


def test_a_share_has_the_decimals_of_its_currency():
    yen = side(1, "66.67", amount="10000", currency="JPY")
    assert said([yen, side(2, "-33.33"), side(3, "-33.34")]) == [(1, 2, "4999", "33.33"), (1, 3, "5001", "33.34")]
    unknown = side(1, "66.67", amount="10000", currency="XXP")
    assert said([unknown, side(2, "-33.33"), side(3, "-33.34")])[0] == (1, 2, "4999.25", "33.33")


def test_a_reversal_and_what_it_takes_back_are_no_payment():
    assert said([side(2, "-100.00"), side(3, "100.00", "reversal", reverses=2)]) == []


def test_a_line_that_cancels_an_invoice_is_no_payment():
    assert said([side(1, "100.00"), side(2, "-100.00", "invoice_cancel")]) == []


cents = st.integers(1, 10_000_000).map(lambda n: Decimal(n) / 100)


@given(st.lists(cents, min_size=1, max_size=6), st.lists(cents, min_size=1, max_size=6), st.randoms())
def test_nothing_is_lost_or_made_and_order_tells_nothing(debits, credits, random):
    sides = [side(n, d) for n, d in enumerate(debits)]
    sides += [side(100 + n, -c) for n, c in enumerate(credits)]
    found = list(pairs(sides, "USD"))
    assert sum(p.amount for p in found) == min(sum(debits), sum(credits))
    for each in sides:
        own = sum(p.amount for p in found if each in (p.debit, p.credit))
        assert own <= abs(each.base)
    shuffled = list(sides)
    random.shuffle(shuffled)
    assert list(pairs(shuffled, "USD")) == found


@given(st.lists(cents, min_size=1, max_size=5), st.lists(cents, min_size=1, max_size=5))
def test_in_mixed_currencies_each_line_is_used_up_to_the_last_digit(debits, parts):
    total = sum(debits, Decimal(0))
    rest, credits = total, []
    for part in parts:
        credits += [min(part, rest)] if rest else []
        rest -= min(part, rest)
    if rest:
        credits.append(rest)
    sides = [side(n, d, amount=d * 2, currency="EUR") for n, d in enumerate(debits)]
    sides += [side(100 + n, -c) for n, c in enumerate(credits)]
    found = list(pairs(sides, "USD"))
    for each in sides:
        own = [p.amount for p in found if p.debit == each] + [p.source_amount for p in found if p.credit == each]
        assert sum(own) == abs(each.amount)
