"""The pictures are drawn from the numbers given, the same each time, and of nothing there is no picture."""

from __future__ import annotations

from decimal import Decimal

from otc_pipelines.flow.charts import aging_chart, match_chart

AGING = {
    "USD": {"not_due": Decimal("1200.50"), "d1_30": Decimal("300"), "d31_60": Decimal(0), "unapplied": Decimal("-50")},
    "JPY": {"not_due": Decimal("2500000"), "d1_30": Decimal(0), "d31_60": Decimal(0), "unapplied": Decimal(0)},
}
MATCHES = {"reference_exact": {"applied": 90}, "amount_unique": {"proposed": 6, "exception": 4}}


def test_they_are_png_and_deterministic() -> None:
    for draw in (lambda: aging_chart(AGING), lambda: match_chart(MATCHES)):
        assert draw().startswith(b"\x89PNG")
        assert draw() == draw()


def test_they_differ_with_the_numbers() -> None:
    other = {**AGING, "USD": {**AGING["USD"], "d31_60": Decimal("700")}}
    assert aging_chart(AGING) != aging_chart(other)
    assert match_chart(MATCHES) != match_chart({**MATCHES, "reference_exact": {"applied": 91}})


def test_of_nothing_there_is_no_picture() -> None:
    assert aging_chart({}) == b""
    assert match_chart({}) == b""
