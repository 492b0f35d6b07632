"""The parts of reverse sync that compute: the batch's hash, the comparison across the wire, the limits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.reverse_sync.batch import BatchError, batch_of, content_hash
from otc_pipelines.reverse_sync.compare import differing, same
from otc_pipelines.reverse_sync.policy import AmountChange, exceeded
from otc_pipelines.settings import Limits

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
rows = st.dictionaries(st.text(min_size=1, max_size=4), st.dictionaries(st.sampled_from("abc"), scalars), max_size=6)


@given(rows, st.randoms())
def test_the_hash_is_of_the_content_and_not_of_its_order(content: dict[str, dict[str, Any]], random: Any) -> None:
    shuffled = list(content.items())
    random.shuffle(shuffled)
    assert content_hash("o", dict(shuffled)) == content_hash("o", content)
    assert content_hash("other", content) != content_hash("o", content)


@given(rows.filter(bool), scalars, st.data())
def test_any_change_of_any_field_changes_the_hash(content: dict[str, Any], value: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(content)))
    changed = {**content, key: {**content[key], "d": value}}
    assert content_hash("o", changed) != content_hash("o", content)


def test_amounts_carry_the_decimals_of_their_currency() -> None:
    decimals = pa.decimal128(18, 4)
    table = pa.table(
        {
            "key": ["a", "b", "c", "d"],
            "currency": ["USD", "JPY", "KWD", None],
            "amount": pa.array([Decimal("1.5"), Decimal(1500), Decimal("1.2345"), Decimal("1.2345")], decimals),
            "due": [date(2026, 1, 31), None, None, None],
            "at": pa.array([datetime(2026, 1, 31, 1, tzinfo=UTC), None, None, None], pa.timestamp("us", "UTC")),
        }
    )
    batch = batch_of("crm", "o", table)
    assert [r["amount"] for r in batch.rows.values()] == ["1.50", "1500", "1.235", "1.2345"]
    assert (batch.rows["a"]["due"], batch.rows["a"]["at"]) == ("2026-01-31", "2026-01-31T01:00:00+00:00")
    assert batch.money == ("amount",)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"id": ["a"]}, "no column 'key'"),
        ({"key": ["a", None]}, "without key"),
        ({"key": ["a", "a"]}, "twice"),
        ({"key": ["a"], "share": [0.1]}, "float"),
    ],
)
def test_rows_that_are_no_batch_are_refused(table: dict[str, list[Any]], word: str) -> None:
    with pytest.raises(BatchError, match=word):
        batch_of("crm", "o", pa.table(table))


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        ("10.00", 10),
        ("10.00", 10.0),
        ("10.00", Decimal("10")),
        (None, ""),
        (True, "true"),
        (False, False),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T01:00:00+00:00", "2026-01-31T02:00:00.000+0100"),
        ("2026-01-31T01:00:00+00:00", datetime(2026, 1, 31, 2, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_one_value_in_two_spellings_is_the_same(meant: Any, found: Any) -> None:
    assert same(meant, found)
    assert same(found, meant)


@pytest.mark.parametrize(
    ("meant", "found"),
    [("007", "7"), ("10.00", "10.01"), (None, 0), (False, None), ("yes", True), ("a", "b"), (True, 1)],
)
def test_two_values_are_not(meant: Any, found: Any) -> None:
    assert not same(meant, found)
    assert differing({"f": meant}, {"f": found}) == ("f",)


def test_amounts_are_summed_by_field_and_currency_and_never_across() -> None:
    limits = Limits(max_amount="100")
    eur, usd = AmountChange("open", "EUR", Decimal(-90)), AmountChange("open", "USD", Decimal(90))
    assert exceeded(limits, 2, 2, [eur, usd]) == ()
    (excess,) = exceeded(limits, 3, 3, [eur, usd, AmountChange("open", "USD", Decimal("10.01"))])
    assert str(excess) == "max_amount: open 100.01 USD, allowed 100"


def test_the_share_counts_changes_among_all_records() -> None:
    assert exceeded(Limits(max_share=0.5), 5, 10, []) == ()
    assert [e.limit for e in exceeded(Limits(max_share=0.5), 6, 10, [])] == ["max_share"]
    assert exceeded(Limits(max_changes=0), 0, 0, []) == ()
