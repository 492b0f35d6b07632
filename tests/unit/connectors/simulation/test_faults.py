from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.simulation.faults import Fault, Faults


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 15))
def test_a_fault_spares_the_first_and_meets_as_many_as_it_says(after: int, times: int, requests: int) -> None:
    faults = Faults(Fault("drop", path="/q", after=after, times=times))
    met = [n for n in range(requests) if faults.fires(["drop"], "GET", "/q/x")]
    assert met == list(range(requests))[after : after + times]


def test_a_fault_meets_only_what_it_is_about() -> None:
    faults = Faults(Fault("drop", path="/q$", method="PATCH"))
    assert faults.fires(["drop"], "GET", "/q") is None
    assert faults.fires(["drop"], "PATCH", "/q/x") is None
    assert faults.fires(["html"], "PATCH", "/q") is None
    assert faults.fires(["html", "drop"], "PATCH", "/q") is not None


def test_named_rows_fail_as_often_as_it_says_each() -> None:
    faults = Faults(Fault("row_error", code="LOCKED", keys=frozenset({"a", "b"}), times=2))
    assert faults.row_error("/w", ["a", "x"]) == {"a": "LOCKED"}
    assert faults.row_error("/w", ["a", "b"]) == {"a": "LOCKED", "b": "LOCKED"}
    assert faults.row_error("/w", ["a", "b"]) == {"b": "LOCKED"}
    assert faults.row_error("/w", ["a", "b"]) == {}


def test_the_first_rows_of_so_many_requests_fail() -> None:
    faults = Faults(Fault("row_error", code="BAD", rows=2, times=1))
    assert faults.row_error("/w", ["a", "b", "c"]) == {"a": "BAD", "b": "BAD"}
    assert faults.row_error("/w", ["a", "b", "c"]) == {}


def test_faults_come_and_go_while_it_runs() -> None:
    faults = Faults()
    assert faults.fires(["drop"], "GET", "/") is None
    faults.add(Fault("drop", times=9))
    assert faults.fires(["drop"], "GET", "/") is not None
    faults.clear()
    assert faults.fires(["drop"], "GET", "/") is None
