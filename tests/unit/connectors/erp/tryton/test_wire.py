"""Values on Tryton's wire: exact both ways, and nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from connectors.erp.tryton.wire import decoded, dumps


def there_and_back(value):
    return json.loads(dumps(value), object_hook=decoded, parse_float=Decimal)


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.00"),
        Decimal("-0.0100"),
        Decimal("123456789012345678.1234"),
        date(2026, 2, 28),
        datetime(2026, 11, 22, 2, 7, 28, 286545, tzinfo=UTC),
        time(23, 59, 59, 999999),
        timedelta(days=3, microseconds=7),
        b"\x00\xff",
        {"a": [1, "x", None, True]},
    ],
)
def test_a_value_survives_the_wire(value):
    assert there_and_back(value) == value


def test_decimals_keep_their_digits():
    assert json.loads(dumps(Decimal("1.10"))) == {"__class__": "Decimal", "decimal": "1.10"}
    assert json.loads(dumps(Decimal("1E+3"))) == {"__class__": "Decimal", "decimal": "1000"}


def test_a_time_is_sent_as_utc():
    east = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert there_and_back(east) == datetime(2025, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize("value", [1.5, datetime(2026, 1, 1), object()])  # noqa: DTZ001 - what must be refused
def test_what_would_be_a_guess_is_refused(value):
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize(
    "said",
    [
        {"__class__": "Decimal", "decimal": "NaN"},
        {"__class__": "Decimal", "decimal": "ten"},
        {"__class__": "date", "year": 2026, "month": 2, "day": 30},
        {"__class__": "datetime", "year": 2026},
    ],
)
def test_a_value_that_lies_is_malformed(said):
    with pytest.raises(ValueError):
        decoded(said)
