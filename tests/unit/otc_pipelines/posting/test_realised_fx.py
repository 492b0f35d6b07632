"""Realised exchange differences: the ledger's worked example, numbers that others have published, and the edges.

The mart's own SQL over posted movements. A published case names its page or thread; a loss is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from otc_pipelines.posting import Settings
from tests.reference.asking import Ledger
from tests.reference.marts import ledger_table, mart_sql, put
from tests.reference.rows import (
    adjustment,
    allocation,
    document,
    event,
    fx_rate,
    installment,
    moment,
    receipt,
)

MXN, USD, EUR, GBP, CNY = (Settings(c) for c in ("MXN", "USD", "EUR", "GBP", "CNY"))
SQL = mart_sql("fct_fx_realised")


@pytest.fixture(scope="module")
def mart() -> Iterator[duckdb.DuckDBPyConnection]:
    with ledger_table() as c:
        yield c


def rows(c: duckdb.DuckDBPyConnection, ledger: Ledger, *columns: str) -> list[tuple[Any, ...]]:
    put(c, ledger.movements)
    named = ", ".join(columns)
    return c.execute(f"select {named} from ({SQL}) as m order by effective_date, recorded_at, realised_fx").fetchall()


def realised(c, ledger: Ledger, on: str = "9999-01-01", known: str = "9999-01-01") -> Decimal | None:
    """All that was realised up to a day, as known then; None where a rate is missing."""
    put(c, ledger.movements)
    found = c.execute(
        f"""select sum(realised_fx), bool_or(status <> 'realised' and (left_of <> 0)) from (
            select exchange_id, status, sum(realised_fx) as realised_fx, sum(document_amount) as left_of
            from ({SQL}) as m where effective_date <= $on and recorded_at <= $known group by exchange_id, status
        ) as e""",
        {"on": date.fromisoformat(on), "known": moment(known)},
    ).fetchone()
    assert found
    return None if found[1] else found[0] or Decimal(0)


def test_the_worked_example(mart):
    """Design: base MXN, invoice USD 5,000 @16, receipt USD 10,000 @15 on 04-10, 5,000 applied: a loss of 5,000."""
    ledger = Ledger(
        MXN,
        document("A", 5_000, "03-01", due="03-31", currency="USD", rate="16"),
        receipt("R", 10_000, "04-10", currency="USD", rate="15"),
        allocation("L", "R", "A", 5_000, "04-10"),
    )
    assert rows(mart, ledger, "effective_date", "document_base_amount", "source_base_amount", "realised_fx") == [
        (date(2026, 4, 10), -80_000, 75_000, Decimal("-5000.00"))
    ]
    assert ledger.base("A", "04-30") == 0
    assert ledger.base("R", "04-30") == Decimal("-75000.00")
    assert realised(mart, ledger, "2026-04-09") == 0


def test_a_receipt_at_a_better_rate_is_a_gain(mart):
    """Oracle, JD Edwards: Realized Gain/Loss on Foreign Currency Invoices and Receipts: GBP +0.45."""
    ledger = Ledger(
        GBP,
        document("A", 500, "01-01", currency="USD", rate="0.6072"),
        receipt("R", 500, "02-01", currency="USD", rate="0.6081"),
        allocation("L", "R", "A", 500, "02-01"),
    )
    assert realised(mart, ledger) == Decimal("0.45")


def test_a_third_currency_realises_both_differences_at_once(mart):
    """Oracle, JD Edwards: Realized Gain/Loss on a Foreign Invoice and Alternate Currency Receipt: EUR -1.93 between the
    rates of the invoice's currency, +1.57 between the two currencies; here what both come to."""
    ledger = Ledger(
        EUR,
        document("A", 500, "01-01", currency="CAD", rate="0.71268"),
        receipt("R", 38_850, "02-01", currency="JPY", rate="0.009163"),
        allocation("L", "R", "A", 500, "02-01", source_amount="38850"),
    )
    assert rows(mart, ledger, "currency", "document_base_amount", "source_currency", "source_base_amount") == [
        ("CAD", Decimal("-356.34"), "JPY", Decimal("355.98"))
    ]
    assert realised(mart, ledger) == Decimal("-1.93") + Decimal("1.57")


def test_a_part_that_is_paid_realises_its_own_difference(mart):
    """odoo/odoo#10644: 1,000 EUR invoiced at 1.5, 800 EUR paid at 2.0: of 1,500 USD 300 stay open, 400 are gain."""
    ledger = Ledger(
        USD,
        document("A", 1_000, "2016-01-01", currency="EUR", rate="1.5"),
        receipt("R", 800, "2016-02-02", currency="EUR", rate="2.0"),
        allocation("L", "R", "A", 800, "2016-02-02"),
    )
    assert ledger.base("A", "2016-02-02") == 300
    assert realised(mart, ledger) == 400


def test_what_is_realised_is_no_payment(mart):
    """frappe/erpnext#35301: 200 USD at 8, of which 100 were paid in advance at 6: the loss of 200 CNY was counted as
    25 USD paid, and 75 stayed outstanding where 100 should."""
    ledger = Ledger(
        CNY,
        receipt("R", 100, "2023-05-01", currency="USD", rate="6"),
        document("A", 200, "2023-05-15", currency="USD", rate="8"),
        allocation("L", "R", "A", 100, "2023-05-15"),
    )
    assert ledger.open("A", "2023-05-15") == 100
    assert realised(mart, ledger) == -200


def test_unlinking_takes_back_what_was_realised(mart):
    """odoo/odoo#66653: 3,600 EUR invoiced as 1,200 USD and received as 1,800: a gain of 600, which unlinking them must
    reverse; there its reversal made a difference of its own."""
    ledger = Ledger(
        USD,
        document("A", 3_600, "2021-01-01", currency="EUR", base="1200"),
        receipt("R", 3_600, "2021-02-01", currency="EUR", rate="0.5"),
        allocation("L", "R", "A", 3_600, "2021-02-01"),
        allocation("U", "R", "A", -3_600, "2021-02-23", reverses="L", keyed="2021-02-23"),
    )
    said = rows(mart, ledger, "allocation_id", "movement_type", "cause_id", "effective_date", "realised_fx")
    assert said == [
        ("L", "allocation", "L", date(2021, 2, 1), 600),
        ("L", "undo", "U", date(2021, 2, 23), -600),
    ]


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        (event("R", "bounced", "05-02"), ("receipt_event", "receipt_events", "R|bounced|2026-05-02")),
        (event("R", "charged_back", "05-02"), ("receipt_event", "receipt_events", "R|charged_back|2026-05-02")),
        (event("R", "reversed", "05-02"), ("receipt_event", "receipt_events", "R|reversed|2026-05-02")),
        (
            document("A", 100, "04-01", currency="USD", rate="16", status="void", voided="05-02", recorded="05-02"),
            ("void", "documents", "A"),
        ),
    ],
    ids=["bounced", "charged back", "reversed", "void"],
)
def test_what_undoes_an_allocation_takes_it_back(mart, what, cause):
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD", rate="16"),
        document("B", 100, "04-01", currency="USD", rate="17"),
        receipt("R", 200, "04-10", currency="USD", rate="15"),
        allocation("L", "R", "A", 100, "04-10"),
        allocation("M", "R", "B", 100, "04-10"),
        what,
    )
    told = ("movement_type", "cause_entity", "cause_id", "allocation_id", "document_id", "realised_fx")
    back = [r for r in rows(mart, ledger, *told) if r[1] != "allocations"]
    both = {("L", "A", Decimal(100)), ("M", "B", Decimal(200))}
    assert {r[3:] for r in back} == (both if cause[0] == "receipt_event" else {("L", "A", Decimal(100))})
    assert {r[:3] for r in back} == {cause}
    assert realised(mart, ledger, "2026-05-01") == -300
    assert realised(mart, ledger, "2026-05-02") == (0 if cause[0] == "receipt_event" else -200)
    assert realised(mart, ledger, "2026-05-02", "2026-05-01") == -300


def test_a_charge_back_of_a_part_takes_back_a_part(mart):
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD", rate="16"),
        receipt("R", 100, "04-10", currency="USD", rate="15"),
        allocation("L", "R", "A", 100, "04-10"),
        event("R", "charged_back", "05-02", 40),
    )
    assert rows(mart, ledger, "document_amount", "source_amount", "realised_fx") == [(-100, 100, -100), (40, -40, 40)]


def test_a_credit_memo_pays_as_a_receipt_does(mart):
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD", rate="16"),
        document("C", 60, "04-05", kind="credit_memo", currency="USD", rate="16.5"),
        allocation("L", "C", "A", 60, "04-06", kind="credit_memo"),
    )
    assert rows(mart, ledger, "source_type", "source_id", "realised_fx") == [("credit_memo", "C", 30)]


def test_the_last_instalment_s_remainder_is_no_exchange_difference(mart):
    """0.02 at 0.5 is 0.01, of which the first of two instalments has all. Each is paid at 0.01, the invoice's own rate:
    nothing is realised, and the cent too much stays in the settled invoice's base balance."""
    ledger = Ledger(
        MXN,
        document("A", "0.02", "04-01", currency="USD", rate="0.5"),
        *[installment("A", n, "04-30", "0.01") for n in (1, 2)],
        *[receipt(f"R{n}", "0.01", "04-10", currency="USD", rate="0.5") for n in (1, 2)],
        *[allocation(f"L{n}", f"R{n}", "A", "0.01", "04-10", no=n) for n in (1, 2)],
    )
    assert rows(mart, ledger, "realised_fx") == [(0,), (0,)]
    assert (ledger.open("A", "04-10"), ledger.base("A", "04-10")) == (0, Decimal("-0.01"))


def test_a_missing_rate_is_unknown_until_it_comes(mart):
    """Never 0: the receipt has no rate until one of a day before it is recorded, which values the allocation then."""
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD", rate="16"),
        receipt("R", 100, "04-10", currency="USD"),
        allocation("L", "R", "A", 100, "04-10"),
        fx_rate("04-09", "15", recorded="04-20"),
    )
    assert realised(mart, ledger, known="2026-04-19") is None
    assert realised(mart, ledger, known="2026-04-20") == -100
    assert [r[0] for r in rows(mart, ledger, "status")] == ["no source rate", "realised", "no source rate"]
    never = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD"),
        receipt("R", 100, "04-10", currency="EUR"),
        allocation("L", "R", "A", 100, "04-10", source_amount="90"),
    )
    assert rows(mart, never, "document_base_amount", "source_base_amount", "realised_fx", "status") == [
        (None, None, None, "no rate")
    ]


def test_an_allocation_that_is_stated_anew_leaves_its_first_document(mart):
    """It paid A by mistake, then B: what was realised on A goes back, though the receipt's side does not move."""
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01", currency="USD", rate="16"),
        document("B", 100, "04-01", currency="USD", rate="17"),
        receipt("R", 100, "04-10", currency="USD", rate="15"),
        allocation("L", "R", "A", 100, "04-10"),
        allocation("L", "R", "B", 100, "04-12"),
    )
    put(mart, ledger.movements)
    sums = mart.execute(f"select document_id, sum(realised_fx) from ({SQL}) as m group by 1 order by 1").fetchall()
    assert sums == [("A", 0), ("B", -200)]
    assert realised(mart, ledger, known="2026-04-11") == -100


def test_one_currency_and_adjustments_give_no_row(mart):
    ledger = Ledger(
        MXN,
        document("A", 100, "04-01"),
        document("B", 100, "04-01", currency="USD", rate="16"),
        receipt("R", 100, "04-10"),
        allocation("L", "R", "A", 100, "04-10"),
        adjustment("J", "B", 1, "04-10", kind="fx"),
    )
    assert rows(mart, ledger, "*") == []
