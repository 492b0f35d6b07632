"""What the suite asks of a connector's case, and how it reads a connector as landing would.

A case is ``tests/contract/cases/<connector>.py`` with ``CASE``, a function that takes an empty folder and gives a
context of a ``World``: the vendor (a simulator, a folder, a database), filled, and able to change in the ways below.
A way that belongs to a declared capability must be there; without the capability its tests are skipped.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.kit.contract import (
    Batch,
    Capability,
    Connector,
    Cursor,
    Intent,
    Item,
    KeySweep,
    Note,
    Reject,
    Rejects,
    Settings,
)
from connectors.kit.errors import ConnectorError
from connectors.kit.validation import key_text, validate
from connectors.registry import connectors

CASES = Path(__file__).parent / "cases"
Row = Mapping[str, Any]
Keys = dict[str, set[str]]


class World:
    """A vendor under test. ``batch_rows`` is what a batch may have at most under ``settings``."""

    settings: Settings
    secrets: tuple[str, ...] = ()
    batch_rows: int = 50_000

    def known_as(self, entity: str, key: str, row: Row) -> str:
        """Return what the case calls a row: its key, or where the connector makes the key, what it was made with."""
        return key

    def keys(self) -> Keys:
        """Return what every living row is known as, by entity."""
        raise self._lacks("says which rows there are")

    def add(self) -> set[tuple[str, str]]:
        """Add a row; return the entity and key of all that is new by it."""
        raise self._lacks("adds a row")

    def change(self) -> set[tuple[str, str]]:
        """Change a row; return its entity and key. Empty where a row never changes, such as a bank line."""
        raise self._lacks("changes a row")

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        """Add so many rows of one entity with one and the same time; return the entity and their keys."""
        raise self._lacks("adds rows with one time")

    def add_late(self) -> tuple[str, str] | None:
        """Add a row that is recorded a little before the last one. None where there is no such thing as late."""
        raise self._lacks("adds a late row")

    def delete(self) -> tuple[str, str]:
        """Delete a row; return its entity and key."""
        raise self._lacks("deletes a row")

    def spoil(self) -> Iterable[str]:
        """Make the source malformed, one way after the other; yield the name of each. Undone when the next begins."""
        raise self._lacks("spoils the source")

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        """Return settings under which nothing can be read, with a name and the error that says so."""
        raise self._lacks("has settings that cannot work")

    def intents(self) -> tuple[str, list[Intent], list[Intent]]:
        """Return an object, changes of it, and later changes of the same keys and fields to other values."""
        raise self._lacks("has something to write")

    def refuse(self, keys: set[str]) -> None:
        """Let the vendor refuse the next write of these keys, and no other."""
        raise self._lacks("refuses some rows")

    def lose_answer(self) -> None:
        """Let the vendor apply the next write and never answer."""
        raise self._lacks("loses an answer")

    def writes(self) -> int:
        """Return how many writing calls the vendor met."""
        raise self._lacks("counts writing calls")

    def _lacks(self, what: str) -> AssertionError:
        return AssertionError(f"{type(self).__module__}: the connector declares it, but no world here {what}")


class Case(Protocol):
    """Builds a world in an empty folder."""

    def __call__(self, folder: Path) -> AbstractContextManager[World]: ...


def declared() -> list[Connector]:
    """Every connector that there is."""
    return list(connectors().values())


def hooked_up() -> set[str]:
    """The connectors that have a case."""
    return {path.stem for path in CASES.glob("*.py")} - {"__init__"}


def case_of(connector: Connector) -> Case:
    """Return a connector's case."""
    module = importlib.import_module(f"tests.contract.cases.{connector.name}")
    case: Case = module.CASE
    return case


def needs(connector: Connector, *any_of: Capability) -> None:
    """Skip where a connector declares none of these."""
    if not connector.capabilities & set(any_of):
        pytest.skip(f"{connector.name} does not declare {' or '.join(any_of)}")


@dataclass
class Reading:
    """What one run gave, as landing would keep it."""

    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    deleted: dict[str, set[str]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    sweeps: dict[str, set[str]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    times_given: dict[tuple[str, str], int] = field(default_factory=dict)

    def keys(self) -> Keys:
        """Return the keys of the living rows."""
        return {entity: set(rows) for entity, rows in self.rows.items() if rows}

    def knows(self, entity: str, key: str, row: Row) -> bool:
        """Say whether this run gave a row with the same content."""
        return self.rows.get(entity, {}).get(key) == row

    def gone(self, entity: str, key: str) -> bool:
        """Say whether this run told that a row was deleted: by a tombstone, or by a sweep without it."""
        return key in self.deleted.get(entity, set()) or (entity in self.sweeps and key not in self.sweeps[entity])


def read(connector: Connector, world: World, *earlier: Reading, settings: Settings | None = None) -> Reading:
    """Run a connector's source from where earlier runs left it. ConnectorErrors come as themselves, unwrapped."""
    found = Reading()
    cursors = {stream: cursor for run in earlier for stream, cursor in run.cursors.items()}
    for item in _items(connector, settings or world.settings, cursors):
        if isinstance(item, Note):
            continue
        if isinstance(item, KeySweep):
            found.sweeps.setdefault(item.entity.name, set()).update(key_text(item.keys, item.entity).to_pylist())
            continue
        if item.cursor is not None:
            found.cursors[item.cursor.stream] = item.cursor
        if isinstance(item, Rejects):
            found.rejects += item.items
        else:
            _keep(found, item, world)
    return found


def _items(connector: Connector, settings: Settings, cursors: Mapping[str, Cursor]) -> Iterator[Item]:
    try:
        for resource in connector.source("under_test", settings, cursors).resources.values():
            yield from resource
    except ConnectorError:
        raise
    except Exception as problem:
        cause: BaseException | None = problem
        while cause is not None and not isinstance(cause, ConnectorError):
            cause = cause.__cause__
        raise cause or problem from None


def _keep(found: Reading, batch: Batch, world: World) -> None:
    name = batch.entity.name
    result = validate(batch)
    found.sizes.append(batch.rows.num_rows)
    found.rejects += result.rejects
    keys = key_text(result.good, batch.entity).to_pylist()
    for native, row in zip(keys, result.good.drop_columns(["_file", "_line"]).to_pylist(), strict=True):
        key = world.known_as(name, native, row)
        found.times_given[name, key] = found.times_given.get((name, key), 0) + 1
        if row["deleted"]:
            found.deleted.setdefault(name, set()).add(key)
            found.rows.get(name, {}).pop(key, None)
        else:
            found.rows.setdefault(name, {})[key] = row
