"""What Salesforce says of itself, in an organisation with one currency and in one with several."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.crm.salesforce.catalogue import TABLES
from connectors.crm.salesforce.simulator import SalesforceSimulator
from connectors.crm.salesforce.totals import counting
from connectors.kit.contract import Cursor, Question
from tests.unit.connectors.crm.salesforce.conftest import Open, settings_for

ORDERS = TABLES["orders"].entity
AMOUNTS = (0.1, 0.2, 1234567.89, 33.33)


def orders(*amounts: float, **fields: Any) -> dict[str, list[dict[str, Any]]]:
    basis = {"AccountId": "001000000000001AAA", "EffectiveDate": "2025-01-05", "Status": "Draft"}
    return {"Order": [{**basis, "TotalAmount": a, **fields} for a in amounts]}


def asked(crm: SalesforceSimulator, cursor: str | None = None, **settings: Any) -> dict[Any, Any]:
    cursors = {"orders": Cursor("orders", cursor)} if cursor else {}
    with counting(settings_for(crm, **settings)) as counter:
        said = counter.totals(Question(ORDERS, cursors))
    assert said is not None
    return {g.currency: (g.rows, dict(g.sums)) for g in said.groups}


def test_one_currency_is_added_by_the_vendor_in_one_call(open_crm: Open) -> None:
    crm = open_crm(multi_currency=False)
    crm.load(orders(*AMOUNTS))
    assert asked(crm) == {None: (4, {"total_amount": Decimal("1234601.52")})}


def test_what_the_vendor_does_not_aggregate_is_fetched(open_crm: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = open_crm(multi_currency=False)
    fields: Any = crm.org.objects["Order"].fields
    monkeypatch.setitem(fields, "TotalAmount", replace(fields["TotalAmount"], aggregatable=False))
    assert asked(crm) == {}
    crm.load(orders(*AMOUNTS))
    assert asked(crm) == {None: (4, {"total_amount": Decimal("1234601.52")})}
    assert asked(crm, totals_rows=3) == {None: (4, {})}


@pytest.mark.parametrize("threshold", [0, 2000], ids=["bulk", "rest"])
def test_with_several_currencies_no_converted_sum_is_taken(open_crm: Open, threshold: int) -> None:
    crm = open_crm()
    crm.load(orders(*AMOUNTS, CurrencyIsoCode="EUR"))
    crm.load(orders(10, CurrencyIsoCode="USD"))
    with counting(settings_for(crm)) as counter:
        aggregate = counter._client.query("SELECT SUM(TotalAmount) s FROM Order GROUP BY CurrencyIsoCode")  # type: ignore[attr-defined]
        converted = [str(r["s"]) for page in aggregate for r in page.records]
    assert converted == ["1543251.9", "10.0"], "the vendor converts what it adds"
    assert asked(crm, bulk_threshold=threshold) == {
        "EUR": (4, {"total_amount": Decimal("1234601.52")}),
        "USD": (1, {"total_amount": Decimal(10)}),
    }


def test_above_what_is_fetched_only_rows_are_counted(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(orders(1, 2, 3, CurrencyIsoCode="EUR"))
    assert asked(crm, totals_rows=2) == {"EUR": (3, {})}


def test_rows_count_up_to_the_position_and_the_recycle_bin_does_not(open_crm: Open) -> None:
    crm = open_crm(multi_currency=False)
    crm.load(orders(1, 2, SystemModstamp="2025-01-05T10:00:00.000+0000"))
    crm.load(orders(4, SystemModstamp="2025-01-05T10:00:01.000+0000"))
    crm.load(orders(8, SystemModstamp="2025-01-05T09:00:00.000+0000", IsDeleted=True))
    assert asked(crm, "2025-01-05T10:00:00.000Z") == {None: (2, {"total_amount": Decimal(3)})}
    assert asked(crm, "2025-01-05T08:00:00.000Z") == {}
    assert asked(crm) == {None: (3, {"total_amount": Decimal(7)})}
