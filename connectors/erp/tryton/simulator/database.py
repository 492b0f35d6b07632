"""The simulated database: records by model, created, changed and deleted under Tryton's general rules.

Belongs here: ids, dates, required fields, digits, references, all-or-nothing. Not here: accounting, requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.simulator.schema import CASCADE, CLEARED, DEFAULTS, SimField, SimModel, models
from connectors.erp.tryton.simulator.values import from_wire, to_wire
from connectors.simulation.store import Store

Record = dict[str, Any]
Reader = Callable[[str, Record], Any]
_CHECKS: dict[str, tuple[type, ...]] = {
    "numeric": (Decimal,),
    "date": (date,),
    "timestamp": (datetime,),
    "many2one": (int,),
}


class Refused(Exception):  # noqa: N818 - the server's answer for a call, not a failure of the simulator
    """A call that the server refuses in its own words. ``kind``: UserError, UserWarning, or '' for a failure."""

    def __init__(self, message: str, kind: str = "UserError", name: str = "", extra: Any = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.name, self.extra = kind, message, name, extra


class MissingError(KeyError):
    """A model or field that the server does not have."""


class Database:
    """All records, kept on disk. Every call is one transaction: it is applied whole or not at all."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.models = models()
        self.user = 1
        self.clock = clock
        self._store = store
        self._tables: dict[str, dict[int, Record]] = {name: {} for name in self.models}
        self._inverse: dict[tuple[str, str], dict[int, set[int]]] = {}
        self._before: dict[tuple[str, int], Record | None] = {}
        for name in self.models:
            for kept in store.all(name):
                record = from_wire(kept)
                self._tables[name][record["id"]] = record
        for name, table in self._tables.items():
            for record in table.values():
                self._index(name, None, record)

    # --- one call

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply everything inside, or nothing of it."""
        self._before = {}
        try:
            yield
        except BaseException:
            for (model, key), before in reversed(self._before.items()):
                self._put(model, key, before)
            self._before = {}
            raise
        changed: dict[str, list[tuple[str, Any]]] = {}
        for model, key in self._before:
            record = self._tables[model].get(key)
            if record is None:
                self._store.delete(model, str(key))
            else:
                changed.setdefault(model, []).append((str(key), to_wire(record)))
        for model, rows in changed.items():
            self._store.put_many(model, rows)
        self._before = {}

    # --- reading

    def model(self, name: str) -> SimModel:
        """Return a model; MissingError where the server has none of that name."""
        try:
            return self.models[name]
        except KeyError:
            raise MissingError(name) from None

    def field(self, model: str, name: str) -> SimField:
        """Return a field of a model, ``id`` included."""
        if name == "id":
            return SimField("id", "integer")
        try:
            return self.model(model).fields[name]
        except KeyError:
            raise MissingError(name) from None

    def all(self, model: str) -> Iterable[Record]:
        """Return all records of a model. They are the database's own: do not change them."""
        self.model(model)
        return self._tables[model].values()

    def get(self, model: str, key: int | None) -> Record | None:
        """Return a record, or None."""
        return None if key is None else self._tables[model].get(key)

    def one(self, model: str, key: int) -> Record:
        """Return a record that must be there."""
        return self._tables[model][key]

    def pointing(self, model: str, field: str, key: int) -> list[Record]:
        """Return the records of a model whose field points to a record, in the order of their ids."""
        found = self._inverse.get((model, field), {}).get(key, set())
        return [self._tables[model][i] for i in sorted(found)]

    # --- writing

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        """Create a record, with what is nested in it."""
        there = self.model(model)
        key = self._store.next_number(f"id:{model}")
        record: Record = {n: [] if f.type == "many2many" else None for n, f in there.fields.items() if _kept(f)}
        record |= {"id": key, "create_date": self.clock(), "create_uid": self.user}
        if "active" in record:
            record["active"] = True
        record |= {n: Decimal(0) if v == 0 else v for n, v in DEFAULTS.get(model, {}).items()}
        self._save(there, record, values)
        return key

    def write(self, model: str, keys: Sequence[int], values: Mapping[str, Any]) -> None:
        """Change records."""
        there = self.model(model)
        self.require(model, keys, "write to")
        for key in keys:
            stamp = {"write_date": self.clock(), "write_uid": self.user}
            self._save(there, {**self._tables[model][key], **stamp}, values)

    def delete(self, model: str, keys: Sequence[int]) -> None:
        """Delete records, and what belongs to them; Refused where something else refers to them."""
        self.model(model)
        for key in [k for k in keys if k in self._tables[model]]:
            for (other, field), by_target in list(self._inverse.items()):
                if self.models[other].fields[field].target != model or not by_target.get(key):
                    continue
                pointing = sorted(by_target[key])
                if (other, field) in CASCADE:
                    self.delete(other, pointing)
                elif (other, field) in CLEARED:
                    for each in pointing:
                        self._put(other, each, {**self._tables[other][each], field: None})
                else:
                    title = self.models[other].title
                    raise Refused(
                        "The records could not be deleted because they are used by field "
                        f'"{self.models[other].fields[field].label}" of "{title}".'
                    )
            self._put(model, key, None)

    def require(self, model: str, keys: Sequence[int], doing: str) -> None:
        """Refuse a call about records that are not there."""
        gone = [k for k in keys if k not in self._tables[self.model(model).name]]
        if gone:
            listed = ", ".join(f'"{k}"' for k in gone)
            raise Refused(
                f'You are trying to {doing} records {listed} of "{self.models[model].title}" that don\'t exist.'
            )

    def _save(self, model: SimModel, record: Record, values: Mapping[str, Any]) -> None:
        nested: list[tuple[SimField, Sequence[Any]]] = []
        for name, value in values.items():
            field = self.field(model.name, name)
            if field.computed or name == "id":
                continue
            if field.type == "one2many":
                nested.append((field, value))
            elif field.type == "many2many":
                record[name] = _linked(record[name], value)
            else:
                record[name] = self._checked(model, field, record, value)
        for field in model.fields.values():
            if field.required and not field.to_many and record.get(field.name) in (None, ""):
                raise Refused(
                    f'A value is required for field "{field.label}" in record "{self._called(record)}" '
                    f'of "{model.title}".'
                )
        self._put(model.name, record["id"], record)
        for field, orders in nested:
            self._nest(field, record["id"], orders)

    def _nest(self, field: SimField, key: int, orders: Sequence[Any]) -> None:
        for verb, *rest in orders:
            if verb == "create":
                for values in rest[0]:
                    self.create(field.target, {field.inverse: key, **values})
            elif verb == "add":
                self.write(field.target, rest[0], {field.inverse: key})
            elif verb == "remove":
                self.write(field.target, rest[0], {field.inverse: None})
            elif verb == "delete":
                self.delete(field.target, rest[0])
            elif verb == "write":
                for keys, values in zip(rest[::2], rest[1::2], strict=True):
                    self.write(field.target, keys, values)

    def _checked(self, model: SimModel, field: SimField, record: Record, value: Any) -> Any:
        if value is None:
            return None
        if field.type == "numeric" and isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        if field.type in _CHECKS and (not isinstance(value, _CHECKS[field.type]) or isinstance(value, bool)):
            raise Refused(f"{value!r} is no value of a {field.type} field", kind="")
        if field.type == "numeric" and field.digits is not None and -_exponent(value) > field.digits:
            raise Refused(
                f'The number of digits in the value "{str(value)!r}" for field "{field.label}" in record '
                f'"{self._called(record)}" of "{model.title}" exceeds the limit of "(None, {field.digits})".'
            )
        if field.type == "many2one" and value not in self._tables[field.target]:
            raise Refused(f'The value "{value}" for field "{field.label}" in "{model.title}" does not exist.')
        if field.type == "reference":  # to nothing that is there: as if none had been stated
            target, _, key = str(value).partition(",")
            there = key.isdigit() and int(key) in self._tables.get(target, {})
            return str(value) if there else None
        return str(value) if field.type in ("char", "text") else value

    def _called(self, record: Record) -> str:
        """What an error calls a record: its name, or that of the statement it is on."""
        statement = self.get("account.statement", record.get("statement"))
        return str(record.get("name") or (statement and statement["name"]) or f"({record['id']})")

    def _put(self, model: str, key: int, record: Record | None) -> None:
        before = self._tables[model].get(key)
        self._before.setdefault((model, key), before)
        if record is None:
            self._tables[model].pop(key, None)
        else:
            self._tables[model][key] = record
        self._index(model, before, record)

    def _index(self, model: str, before: Record | None, after: Record | None) -> None:
        for name, field in self.models[model].fields.items():
            if field.type != "many2one" or field.computed:
                continue
            index = self._inverse.setdefault((model, name), {})
            if before is not None and before[name] is not None:
                index.get(before[name], set()).discard(before["id"])
            if after is not None and after[name] is not None:
                index.setdefault(after[name], set()).add(after["id"])


def _kept(field: SimField) -> bool:
    return not field.computed and field.type != "one2many"


def _linked(held: Sequence[int], orders: Sequence[Any]) -> list[int]:
    ids = list(held)
    for verb, keys in orders:
        ids = [i for i in ids if i not in keys] + (list(keys) if verb == "add" else [])
    return ids


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def now() -> datetime:
    """The server's clock."""
    return datetime.now(UTC)
