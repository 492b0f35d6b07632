"""An object store: what credentials and buckets that are wrong say, and objects by the thousand."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.erp.files.connector import CONNECTOR
from connectors.erp.files.source import read_drop
from connectors.kit.contract import Batch, Cursor, Rejects
from connectors.kit.errors import FatalError, RetriableError
from connectors.kit.inbox import Inbox
from tests.live.inbox.places import SETTINGS, in_store
from tests.live.postgres import free_port
from tests.live.s3 import StoreServer, store

__all__ = ["store"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("inbox")]
OBJECTS = 1010  # more than one page of a listing


def settings(server: StoreServer, bucket: str, **more: Any) -> Any:
    return SETTINGS["files"].model_validate(in_store(server, bucket, **more))


def run(found: Any, known: dict[str, Cursor]) -> tuple[int, dict[str, Cursor]]:
    """Read as landing does: rows that came, and the cursors afterwards."""
    cursors, rows = dict(known), 0
    for item in read_drop(found, known):
        if isinstance(item, Batch):
            rows += item.rows.num_rows
        if isinstance(item, Batch | Rejects) and item.cursor:
            cursors[item.cursor.stream] = item.cursor
    return rows, cursors


def test_a_bucket_that_is_not_there_is_named_and_an_empty_prefix_is_an_empty_inbox(store: StoreServer) -> None:
    with pytest.raises(FatalError, match=r"bucket no-such-bucket of .* is not there"):
        Inbox(settings(store, "no-such-bucket", attempts=1), {}).listing()
    assert Inbox(settings(store, store.bucket()), {}).listing().files == ()


def test_a_store_that_is_not_there_may_be_later(store: StoreServer) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(RetriableError, match="cannot be reached") as caught:
        Inbox(settings(store, "b", endpoint_url=nobody, attempts=1), {}).listing()
    assert "\n" not in str(caught.value)
    (line,) = CONNECTOR.check(settings(store, "b", endpoint_url=nobody, attempts=1))
    assert not line.ok


def test_thousands_of_objects_are_read_once_and_then_known_by_their_tags(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = store.bucket()
    for n in range(OBJECTS):
        store.put(bucket, f"in/note{n:05}.txt", b"no entity's")
    for n in range(20):
        store.put(bucket, f"in/parties_{n}.csv", f"party_id,name\nP{n},Alder\n".encode())
    found = settings(store, bucket)
    assert len(Inbox(found, {}).listing().files) == OBJECTS + 20
    rows, cursors = run(found, {})
    assert rows == 20

    fetched: list[str] = []
    original = Inbox._copied

    def watched(self: Inbox, file: Any, copy: Any) -> str:
        fetched.append(file.name)
        return original(self, file, copy)

    monkeypatch.setattr(Inbox, "_copied", watched)
    assert run(found, cursors) == (0, cursors)
    assert fetched == [], "an ETag that is known needs no fetching"

    store.put(bucket, "in/parties_3.csv", b"party_id,name\nP3,Birch\n")
    rows, later = run(found, cursors)
    assert (rows, fetched) == (1, ["parties_3.csv"])
    store.put(bucket, "in/parties_3.csv", b"party_id,name\nP3,Birch\n")
    assert run(found, later) == (0, later), "sent again with the same content"


def test_a_changed_mapping_fetches_everything_again(store: StoreServer) -> None:
    bucket = store.bucket()
    store.put(bucket, "in/parties.csv", b"party_id,name\nP1,Alder\n")
    rows, cursors = run(settings(store, bucket), {})
    assert rows == 1
    changed = settings(store, bucket, constants={"parties": {"country": "US"}})
    assert run(changed, cursors)[0] == 1
