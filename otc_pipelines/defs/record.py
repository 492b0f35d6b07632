"""Dagster's record of events in files, as Dagster keeps it, but for how it is connected to.

Engines are made once, and what Dagster hands over together is written together. Dagster by itself makes an engine and a
connection for each of a pass's many hundred events, and compiles each statement anew.
Belongs here: how its files are connected to. Not here: what is written; that stays Dagster's, so that its own commands,
its upgrades and the UI find what they know.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

_RUNS = 16
"""How many runs' engines are kept: a server is asked about many runs, and each has a file of its own."""
_TOGETHER = {"DAGSTER_EVENT_BATCH_SIZE": "1000"}
"""Dagster's own switch: what a run is about to do is handed over at once before it starts, not event by event."""


class EventRecord(SqliteEventLogStorage):
    """Dagster's event log in SQLite files: an index, whose connection stays open, and a file for each run.

    A run's file is closed after each use: the UI follows a run by watching that file, and SQLite writes what is new
    into it when the last connection goes.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Any] = {}
        self._tables: set[str] = set()
        self._batch = threading.local()
        for name, value in _TOGETHER.items():
            os.environ.setdefault(name, value)
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> EventRecord:
        """See ConfigurableClass."""
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """See EventLogStorage: all of them or none; Dagster then stores them one by one."""
        with self._db_lock, ExitStack() as stack:
            self._batch.connections, self._batch.stack = {}, stack
            try:
                for event in events:
                    self.store_event(event)
            finally:
                self._batch.connections = None

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        connections = getattr(self._batch, "connections", None)
        if connections is None:
            with self._db_lock, self._transaction(shard) as connection:
                yield connection
            return
        if shard not in connections:
            connections[shard] = self._batch.stack.enter_context(self._transaction(shard))
        yield connections[shard]

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Any]:
        engine = self._engine(shard)
        try:
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection
        finally:
            if shard != INDEX_SHARD_NAME:
                engine.dispose()

    def has_table(self, table_name: str) -> bool:
        """See SqlEventLogStorage, which asks it for every check that is stored; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _engine(self, shard: str) -> Any:
        found = self._engines.get(shard)
        if found is None:
            url, wait = self.conn_string_for_shard(shard), SQLITE_BUSY_TIMEOUT_SECONDS
            found = self._engines[shard] = create_engine(url, connect_args={"timeout": wait})
            runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
            for name in runs[:-_RUNS]:
                del self._engines[name]
        return found

    def dispose(self) -> None:
        """See EventLogStorage."""
        super().dispose()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
