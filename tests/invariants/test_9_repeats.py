"""9. Loading again changes no row count and no sum; two identical bank lines in one statement stay two."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bank.bank_files import identity
from connectors.kit.contract import Settings
from otc_pipelines.landing import land
from otc_pipelines.warehouse import EmbeddedWarehouse
from otc_pipelines.warehouse.embedded import EmbeddedTx
from tests.invariants.world import EXAMPLES, THOROUGH
from tests.unit.connectors.bank.bank_files.reader import read
from tests.unit.connectors.bank.bank_files.test_identity import _message
from tests.unit.otc_pipelines.landing.fake import connector, rows

TIMES = [f"2026-01-0{n}T00:00:00+00:00" for n in (1, 2, 3)]
said = st.tuples(st.sampled_from("AB"), st.integers(1, 3), st.sampled_from(TIMES))
batches = st.lists(st.lists(said, min_size=1, max_size=4), min_size=1, max_size=4)
NAMES = count()
FEW = settings(THOROUGH, max_examples=max(3, EXAMPLES // 50))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return EmbeddedWarehouse(tmp_path_factory.mktemp("repeats") / "warehouse.duckdb", wait=5)


def landed(warehouse, parts):
    """Load the parts, then all of them again, as a source of their own; return count and sum after either."""
    name = f"src{next(NAMES)}"
    given = [rows(*({"thing_id": k, "amount": str(a), "recorded_at": at} for k, a, at in part)) for part in parts]
    for items in ([given[0]], given[1:], given):
        if items:
            land(warehouse, connector(items), name, Settings())
        if items is not given:
            once = totals(warehouse, name)
    return [once, totals(warehouse, name)]


def totals(warehouse, name):
    with warehouse.reading() as tx:
        (row,) = tx.rows(
            "select count(*) as n, sum(amount) as s from raw_fake.things where source_system = :name", name=name
        )
    return row["n"], row["s"]


def check(warehouse, parts):
    versions = {row for part in parts for row in part}
    once = (len(versions), Decimal(sum(amount for _, amount, _ in versions)))
    assert landed(warehouse, parts) == [once, once]


@FEW
@given(parts=batches)
def test_rows_that_come_again_change_nothing(warehouse, parts):
    check(warehouse, parts)


def test_rows_that_are_taken_for_new_are_told(warehouse, monkeypatch: pytest.MonkeyPatch):
    parts = [[("A", 1, TIMES[0])], [("A", 2, TIMES[1])]]
    check(warehouse, parts)
    monkeypatch.setattr(EmbeddedTx, "sha256", lambda self, expression: "cast(random() as text)")
    with pytest.raises(AssertionError):
        check(warehouse, parts)


ENTRIES = st.lists(st.tuples(st.sampled_from(["1.00", "2.00"]), st.sampled_from(["REF1", ""])), min_size=1, max_size=6)


def check_twins(entries):
    message = _message([(amount, reference, "CRDT") for amount, reference in entries])
    first, again = read(message), read(message)
    ids = [line["bank_line_id"] for line in first.lines]
    assert len(set(ids)) == len(entries)
    assert sum(Decimal(line["amount"]) for line in first.lines) == sum(Decimal(a) for a, _ in entries)
    assert [line["bank_line_id"] for line in again.lines] == ids


@THOROUGH
@given(ENTRIES)
def test_identical_bank_lines_stay_two_and_come_again_as_themselves(entries):
    check_twins(entries)


def test_twins_that_are_taken_for_one_are_told(monkeypatch: pytest.MonkeyPatch):
    twins = [("1.00", "REF1"), ("1.00", "REF1")]
    check_twins(twins)
    monkeypatch.setattr(identity, "occurrences", lambda keys: np.zeros(len(keys), dtype=np.int64))
    with pytest.raises(AssertionError):
        check_twins(twins)
