"""The simulated organisation: records with ids and time stamps, and the rules that a write must pass.

Belongs here: creating, changing, deleting, finding records. Not here: URLs, tokens, jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from connectors.crm.salesforce.simulator.schema import NUMBERS, SimField, SimObject
from connectors.crm.salesforce.simulator.soql import Query, Record, parse
from connectors.simulation.store import Store

USER_ID = "005OT0000000001AAA"
ORG_ID = "00DOT0000000001EAA"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_AUTONUMBERS = {"Order": "OrderNumber", "Contract": "ContractNumber", "Case": "CaseNumber"}


class Refused(Exception):  # noqa: N818 - the vendor's answer for one row, not a failure of the simulator
    """A write that the organisation refuses, in the vendor's words."""

    def __init__(self, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, list(fields)


@dataclass(frozen=True)
class Written:
    """A record that was written, and whether it is new."""

    id: str
    created: bool


def make_id(prefix: str, number: int) -> str:
    """Return the 18-character id of a record: 15 that count, 3 that tell their capitals apart."""
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    short = prefix + "OT" + text.rjust(10, "0")
    return short + "".join(
        _CHECK[sum(1 << i for i, c in enumerate(short[start : start + 5]) if c.isupper())] for start in (0, 5, 10)
    )


def stamp(moment: datetime) -> str:
    """Write a time as REST does: milliseconds that are always zero, an offset without a colon."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Org:
    """Records by object. Every write moves SystemModstamp to the organisation's own clock."""

    def __init__(self, store: Store, objects: Mapping[str, SimObject], clock: Callable[[], datetime]) -> None:
        self.store = store
        self.objects = dict(objects)
        self.clock = clock
        self._by_key: dict[tuple[str, str], dict[str, str]] = {}
        self._journal: dict[tuple[str, str], Record | None] | None = None
        if not store.all("User"):
            self.load({"User": [{"Id": USER_ID, "Username": "integration@example.com", "Name": "Integration"}]})

    def load(self, records: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Seed records as they are, keyed by object; ids and times are added where they are missing."""
        for name, rows in records.items():
            there = self.objects[name]
            now, ready = stamp(self.clock()), []
            for row in rows:
                unknown = [n for n in row if n not in there.fields]
                if unknown:
                    raise ValueError(f"{name} has no field {', '.join(unknown)}")
                record = self._blank(there, now) | dict(row)
                record["Id"] = record.get("Id") or self._new_id(there)
                self._number(there, record)
                ready.append((str(record["Id"]), record))
            self.store.put_many(name, ready)
            for index in [k for k in self._by_key if k[0] == name]:
                del self._by_key[index]

    @property
    def multi_currency(self) -> bool:
        """Say whether records have a currency of their own."""
        return "CurrencyIsoCode" in self.objects["Account"].fields

    def parse(self, soql: str) -> Query:
        """Parse a query against this organisation."""
        return parse(soql, self.objects)

    def find(self, query: Query, *, deleted: bool) -> list[Record]:
        """Run a query; the recycle bin only where it is asked for."""
        records = self.store.all(query.object.name)
        return query.run(r for r in records if deleted or not r.get("IsDeleted"))

    def get(self, name: str, key: str, field: str = "Id") -> Record | None:
        """Return a live record by its id or by an external id."""
        if field != "Id":
            key = self._index(name, field).get(key, "")
        elif len(key) == 15:
            key = next((str(r["Id"]) for r in self.store.all(name) if str(r["Id"]).startswith(key)), "")
        record = self.store.get(name, key)
        return None if record is None or record.get("IsDeleted") else record

    def create(self, name: str, values: Mapping[str, Any]) -> Written:
        """Create a record; Refused where required fields are missing."""
        there = self.objects[name]
        record = self._blank(there, stamp(self.clock())) | self._checked(there, values)
        missing = [f for f in there.required if record.get(f) in (None, "")]
        if missing:
            raise Refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        record["Id"] = self._new_id(there)
        self._number(there, record)
        return self._save(there, record, created=True)

    def update(self, name: str, key: str, values: Mapping[str, Any]) -> Written:
        """Change a record by its id."""
        record = self.get(name, key)
        if record is None:
            raise Refused("ENTITY_IS_DELETED", "entity is deleted")
        return self._save(self.objects[name], record | self._checked(self.objects[name], values), created=False)

    def upsert(self, name: str, field: str, key: str, values: Mapping[str, Any]) -> Written:
        """Change the record with that external id, or create it."""
        found = self.get(name, key, field)
        if found is None:
            return self.create(name, {**values, field: key})
        return self.update(name, str(found["Id"]), values)

    def delete(self, name: str, key: str) -> None:
        """Put a record into the recycle bin."""
        record = self.get(name, key)
        if record is None:
            raise Refused("ENTITY_IS_DELETED", "entity is deleted")
        self._save(self.objects[name], record | {"IsDeleted": True}, created=False)

    @contextmanager
    def undoable(self) -> Iterator[Callable[[], None]]:
        """Give a way to take back all that is written in the meantime. Numbers that were given stay given."""
        before: dict[tuple[str, str], Record | None] = {}
        self._journal = before

        def undo() -> None:
            for (name, key), record in before.items():
                if record is None:
                    self.store.delete(name, key)
                else:
                    self.store.put(name, key, record)
            changed = {name for name, _ in before}
            for index in [k for k in self._by_key if k[0] in changed]:
                del self._by_key[index]

        try:
            yield undo
        finally:
            self._journal = None

    def _blank(self, there: SimObject, now: str) -> Record:
        record: Record = {n: False if f.type == "boolean" else None for n, f in there.fields.items()}
        who = {"CreatedById": USER_ID, "LastModifiedById": USER_ID}
        if "OwnerId" in there.fields:
            who["OwnerId"] = USER_ID
        return record | who | {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}

    def _new_id(self, there: SimObject) -> str:
        """Return an id that nobody has, whatever ids records were seeded with."""
        while True:
            key = make_id(there.prefix, self.store.next_number(f"id:{there.name}"))
            if self.store.get(there.name, key) is None:
                return key

    def _number(self, there: SimObject, record: Record) -> None:
        field = _AUTONUMBERS.get(there.name)
        if field and not record.get(field):
            record[field] = f"{self.store.next_number(f'number:{there.name}'):08d}"

    def _save(self, there: SimObject, record: Record, *, created: bool) -> Written:
        for field in there.fields.values():
            value = record.get(field.name)
            if field.external_id and value is not None:
                index = self._index(there.name, field.name)
                if index.get(value, record["Id"]) != record["Id"]:
                    raise Refused("DUPLICATE_VALUE", f"duplicate value found: {field.name}", [field.name])
        now = stamp(self.clock())
        record |= {"SystemModstamp": now, "LastModifiedDate": now, "LastModifiedById": USER_ID}
        before = self.store.get(there.name, record["Id"]) or {}
        if self._journal is not None:
            self._journal.setdefault((there.name, record["Id"]), before or None)
        self.store.put(there.name, record["Id"], record)
        for (name, field_name), index in self._by_key.items():
            if name == there.name:
                if before.get(field_name) is not None:
                    index.pop(before[field_name], None)
                if record.get(field_name) is not None and not record["IsDeleted"]:
                    index[record[field_name]] = record["Id"]
        return Written(str(record["Id"]), created)

    def _index(self, name: str, field: str) -> dict[str, str]:
        if (name, field) not in self._by_key:
            live = (r for r in self.store.all(name) if not r.get("IsDeleted") and r.get(field) is not None)
            self._by_key[name, field] = {str(r[field]): str(r["Id"]) for r in live}
        return self._by_key[name, field]

    def _checked(self, there: SimObject, values: Mapping[str, Any]) -> Record:
        record: Record = {}
        for name, value in values.items():
            field = there.field(name)
            if field is None:
                raise Refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {there.name}", [name])
            if not field.writable:
                text = f"Unable to create/update fields: {name}. Please check the security settings of this field."
                raise Refused("INVALID_FIELD_FOR_INSERT_UPDATE", text, [name])
            record[field.name] = _fitting(field, value)
        return record


def _fitting(field: SimField, value: Any) -> Any:
    """Return a value as the field keeps it; text is read as the vendor reads it."""
    if value is None:
        return False if field.type == "boolean" else None
    try:
        if field.type in NUMBERS:
            return round(float(value), field.scale or 10)
        if field.type == "int":
            return int(str(value))
        if field.type == "boolean":
            return {"true": True, "false": False}[str(value).lower()]
        if field.type == "date":
            return date.fromisoformat(str(value)[:10]).isoformat()
        if field.type == "datetime":
            return stamp(datetime.fromisoformat(str(value)))
    except (KeyError, TypeError, ValueError):
        raise Refused("JSON_PARSER_ERROR", f"Cannot deserialize instance of {field.type}", [field.name]) from None
    if field.length and len(str(value)) > field.length:
        text = f"{field.name}: data value too large (max length={field.length})"
        raise Refused("STRING_TOO_LONG", text, [field.name])
    return str(value) or None
