# ruff: noqa: SIM117 - the inner block is the one that raises
from __future__ import annotations

from email.utils import formatdate
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import RetriableError
from connectors.kit.http import AnswerLostError, HttpPolicy, Session
from connectors.kit.rate import RateBudget, budget_of
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, LoopbackServer, Request, json_answer

POLICY = HttpPolicy(allow_private=True, attempts=4, first_wait=0.5, longest_wait=8)


class Clock:
    """Time that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def hello(request: Request) -> Answer:
    return json_answer("hello")


def attempt(folder: Path, method: str, *faults: Fault, idempotent: bool | None = None) -> tuple[object, Clock, int]:
    clock = Clock()
    with (
        LoopbackServer(hello, folder, tls=False, faults=Faults(*faults)) as server,
        Session(server.url, POLICY, sleep=clock.sleep, budget=RateBudget(clock=clock)) as http,
    ):
        try:
            result: object = http.request(method, f"{server.url}/x", idempotent=idempotent).json()
        except RetriableError as error:
            result = error
        return result, clock, len(server.log())


def test_a_read_is_tried_again_through_503_and_broken_connections(tmp_path: Path) -> None:
    result, clock, sent = attempt(
        tmp_path, "GET", Fault("unavailable"), Fault("unavailable", status=502), Fault("drop")
    )
    assert (result, sent) == ("hello", 4)
    assert len(clock.slept) == 3 and all(0 < pause <= POLICY.longest_wait for pause in clock.slept)


def test_it_gives_up_after_the_attempts_that_were_set(tmp_path: Path) -> None:
    result, _, sent = attempt(tmp_path, "GET", Fault("unavailable", times=99))
    assert isinstance(result, RetriableError) and "try again later" in str(result) and sent == 4


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    result, clock, sent = attempt(tmp_path, "GET", Fault("rate_limit", seconds=3))
    assert (result, sent) == ("hello", 2)
    assert 3 <= sum(clock.slept) < 4.5


def test_a_wish_beyond_the_cap_is_handed_to_the_caller(tmp_path: Path) -> None:
    result, clock, sent = attempt(tmp_path, "GET", Fault("rate_limit", seconds=3600))
    assert isinstance(result, RetriableError) and result.retry_after == 3600
    assert (clock.slept, sent) == ([], 1)


def test_retry_after_may_be_a_date(tmp_path: Path) -> None:
    def busy(request: Request) -> Answer:
        return Answer(429, b"", {"Retry-After": formatdate(4_000_000_000, usegmt=True)})

    with (
        LoopbackServer(busy, tmp_path, tls=False) as server,
        Session(server.url, POLICY, sleep=lambda seconds: None, budget=RateBudget()) as http,
    ):
        with pytest.raises(RetriableError) as error:
            http.get(server.url)
    assert error.value.retry_after is not None and error.value.retry_after > 1_000_000


def test_a_write_is_tried_again_after_429_because_nothing_was_applied(tmp_path: Path) -> None:
    result, _, sent = attempt(tmp_path, "POST", Fault("rate_limit", seconds=1))
    assert (result, sent) == ("hello", 2)


@pytest.mark.parametrize("kind", ["unavailable", "drop", "lose_answer"])
def test_a_write_without_an_answer_is_never_sent_again(tmp_path: Path, kind: str) -> None:
    result, _, sent = attempt(tmp_path, "PATCH", Fault(kind))  # type: ignore[arg-type]
    assert isinstance(result, AnswerLostError) and sent == 1


def test_a_write_that_says_it_may_be_repeated_is(tmp_path: Path) -> None:
    result, _, sent = attempt(tmp_path, "POST", Fault("lose_answer"), idempotent=True)
    assert (result, sent) == ("hello", 2)


def test_a_read_can_say_that_it_may_not_be_repeated(tmp_path: Path) -> None:
    result, _, sent = attempt(tmp_path, "GET", Fault("drop"), idempotent=False)
    assert isinstance(result, AnswerLostError) and sent == 1


def test_all_workers_of_an_origin_have_one_budget() -> None:
    first = budget_of("https://one-budget.example", 10)
    second = budget_of("https://one-budget.example", 5)
    assert first is second and first.rate == 5
    assert budget_of("https://one-budget.example", None).rate == 5
    assert budget_of("https://another.example") is not first


def test_a_pause_that_one_worker_was_asked_for_holds_for_the_others() -> None:
    clock = Clock()
    budget = RateBudget(clock=clock)
    budget.pause(7)
    budget.acquire(clock.sleep)
    budget.acquire(clock.sleep)
    assert clock.slept == [7]


@given(st.floats(0.5, 100), st.lists(st.floats(0, 3), min_size=2, max_size=30))
def test_requests_are_never_closer_than_the_rate_allows(rate: float, idle: list[float]) -> None:
    clock = Clock()
    budget = RateBudget(rate, clock)
    times = []
    for pause in idle:
        clock.now += pause
        budget.acquire(clock.sleep)
        times.append(clock.now)
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in pairwise(times))
