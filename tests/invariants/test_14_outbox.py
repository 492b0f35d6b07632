"""14. One outbox key has at most one effect in the target. If a gate fails, nothing is written to what it guards.

Batches of the same records, some refused by the gates, some whose answers are lost on the way back; what the target
should have seen is kept beside it in a dictionary.
"""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.errors import RetriableError
from otc_pipelines.reverse_sync import deliver, guard, sender
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.invariants.world import EXAMPLES, THOROUGH
from tests.unit.otc_pipelines.reverse_sync.house import DELIVER, QUICK, batch, judge
from tests.unit.otc_pipelines.reverse_sync.target import FileTarget

KEYS = ("A", "B", "C")
FEW = settings(THOROUGH, max_examples=max(2, EXAMPLES // 50))
NAMES = count()
steps = st.lists(
    st.tuples(
        st.fixed_dictionaries(dict.fromkeys(KEYS, st.sampled_from(["1", "2"]))),
        st.sampled_from([True, True, False]),
        st.sets(st.sampled_from(KEYS), max_size=1),
    ),
    min_size=2,
    max_size=4,
)


def check(folder, told):
    place = folder / str(next(NAMES))
    place.mkdir()
    warehouse = EmbeddedWarehouse(place / "warehouse.duckdb", wait=20)
    target = FileTarget(place / "target.json", apply_first=True)
    records, writes = {}, Counter()
    for amounts, passed, lost in told:
        left = set(lost)

        def fault(intent, nth, left=left):
            if intent.key in left:
                left.discard(intent.key)
                return RetriableError("the answer was lost")
            return None

        target.fault = fault
        asked = judge(warehouse, batch(amounts), passed=passed)
        report = deliver(warehouse, asked, target, "ann", DELIVER, QUICK)
        if passed:
            writes.update(key for key in KEYS if records.get(key) != amounts[key])
            records = dict(amounts)
            assert report.ok
        state = target.state()
        assert Counter(key for key, _ in state["writes"]) == writes
        assert {key: row["open_amount"] for key, row in state["records"].items()} == {
            key: f"{amount}.00" for key, amount in records.items()
        }
        effects = Counter(map(tuple, state["effects"]))
        assert not effects or max(effects.values()) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("outbox")


@FEW
@given(told=steps)
def test_the_target_sees_each_change_once_and_nothing_that_a_gate_stopped(folder, told):
    check(folder, told)


PLAIN = [({"A": "1", "B": "1", "C": "1"}, True, set()), ({"A": "2", "B": "1", "C": "1"}, False, set())]
LOST = [({"A": "1", "B": "1", "C": "1"}, True, {"B"})]


def test_a_gate_that_is_not_asked_is_told(folder, monkeypatch: pytest.MonkeyPatch):
    check(folder, PLAIN)
    monkeypatch.setattr(guard, "refusal", lambda *asked: "")
    with pytest.raises(AssertionError):
        check(folder, PLAIN)


def test_a_lost_answer_that_is_taken_for_a_no_is_told(folder, monkeypatch: pytest.MonkeyPatch):
    check(folder, LOST)
    monkeypatch.setattr(sender, "_applied", lambda entry, held: False)
    with pytest.raises(AssertionError):
        check(folder, LOST)
