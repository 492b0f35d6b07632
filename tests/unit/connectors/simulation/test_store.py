from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from connectors.simulation.store import Store


def test_documents_are_kept_in_their_order_and_survive(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.put_many("account", [("b", {"n": 1}), ("a", {"n": 2})])
        store.put("account", "b", {"n": 3})
        store.put("other", "b", {"n": 4})
    with closing(Store(tmp_path)) as again:
        assert again.all("account") == [{"n": 3}, {"n": 2}]
        assert again.get("other", "b") == {"n": 4} and again.get("account", "c") is None
        again.delete("account", "b")
    with closing(Store(tmp_path)) as last:
        assert last.all("account") == [{"n": 2}]


def test_counters_go_on_after_a_restart(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        assert [store.next_number("id") for _ in range(3)] == [1, 2, 3]
    with closing(Store(tmp_path)) as again:
        assert again.next_number("id") == 4 and again.next_number("other") == 1


def test_what_cannot_be_kept_changes_nothing(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        with pytest.raises(TypeError):
            store.put_many("account", [("a", {"n": 1}), ("b", {"n": object()})])
        assert store.all("account") == []


def test_a_copy_is_given_out(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.put("account", "a", {"n": 1})
        found = store.get("account", "a")
        assert found is not None
        found["n"] = 2
        assert store.get("account", "a") == {"n": 1}


def test_threads_count_without_a_gap(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        got: list[int] = []
        threads = [
            threading.Thread(target=lambda: got.extend(store.next_number("id") for _ in range(25))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got) == list(range(1, 101))
