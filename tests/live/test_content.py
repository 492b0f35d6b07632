"""What the comparison of two warehouses sees, and what it does not take for a difference."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.live.content import difference, digest, lines, value

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("10.50"), Decimal("10.5000")),
        (Decimal("0.0000"), Decimal("-0.00")),
        (Decimal(100), Decimal("1E+2")),
        (NOON, NOON.astimezone(timezone(timedelta(hours=5)))),
    ],
)
def test_the_same_value_written_otherwise_is_the_same(one: object, other: object) -> None:
    assert value(one) == value(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("10.5000"), Decimal("10.5001")),
        (1, Decimal(1)),
        (True, 1),
        (None, ""),
        ("-", None),
        ("a", "a "),
        (date(2026, 1, 5), "2026-01-05"),
        (NOON, NOON + timedelta(microseconds=1)),
    ],
)
def test_another_value_is_another(one: object, other: object) -> None:
    assert value(one) != value(other)


@pytest.mark.parametrize("wrong", [1.5, datetime(2026, 1, 5), b"x", [1]])  # noqa: DTZ001
def test_what_no_model_may_have_is_an_error(wrong: object) -> None:
    with pytest.raises((TypeError, AssertionError)):
        value(wrong)


def test_order_is_no_difference_and_a_row_twice_is() -> None:
    a, b = {"x": 1, "y": "a"}, {"y": "b", "x": 2}
    assert digest(lines([a, b])) == digest(lines([b, a]))
    said = difference(lines([a, a, b]), lines([a, b]), ("here", "there"))
    assert said.splitlines() == ["1 rows only in here", "  x: integer 1, y: text 'a'", "0 rows only in there"]
