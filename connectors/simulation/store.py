"""What a simulated vendor remembers, on disk: documents by kind and key, and counters. Survives the process.

Belongs here: keeping and giving back. Not here: what a document means.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

Document = dict[str, Any]


class Store:
    """Documents in one SQLite file, with all of them in memory too: a simulated company fits."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.lock = RLock()
        self._db = sqlite3.connect(state_dir / "state.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table if not exists document (kind text, id text, body text, primary key (kind, id))")
        self._kinds: dict[str, dict[str, Document]] = {}
        for kind, name, body in self._db.execute("select kind, id, body from document order by rowid"):
            self._kinds.setdefault(kind, {})[name] = json.loads(body)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._db.close()

    def get(self, kind: str, name: str) -> Document | None:
        """Return a copy of a document, or None."""
        with self.lock:
            found = self._kinds.get(kind, {}).get(name)
            return None if found is None else dict(found)

    def all(self, kind: str) -> list[Document]:
        """Return all documents of a kind, in the order they came. They are the store's own: do not change them."""
        with self.lock:
            return list(self._kinds.get(kind, {}).values())

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document; an earlier one of that name is replaced."""
        self.put_many(kind, [(name, document)])

    def put_many(self, kind: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Keep many documents, all or none."""
        rows = [(kind, name, json.dumps(document)) for name, document in documents]
        with self.transaction():
            self._db.executemany(
                "insert into document values (?, ?, ?) on conflict (kind, id) do update set body = excluded.body", rows
            )
        with self.lock:
            kept = self._kinds.setdefault(kind, {})
            for _, name, body in rows:
                kept[name] = json.loads(body)

    def delete(self, kind: str, name: str) -> None:
        """Forget a document."""
        with self.lock:
            self._db.execute("delete from document where kind = ? and id = ?", (kind, name))
            self._kinds.get(kind, {}).pop(name, None)

    def next_number(self, counter: str) -> int:
        """Return 1, 2, 3, … for a counter, across restarts."""
        with self.lock:
            number = int((self.get("counter", counter) or {"value": 0})["value"]) + 1
            self.put("counter", counter, {"value": number})
            return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing; others wait."""
        with self.lock:
            self._db.execute("begin")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")
