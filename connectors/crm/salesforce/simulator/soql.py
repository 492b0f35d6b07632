"""A small SOQL: SELECT fields or aggregates, FROM, WHERE (AND, OR, NOT, IN, LIKE), GROUP BY, ORDER BY, LIMIT.

Belongs here: parsing, finding records. Not here: records' storage, adding up (``aggregates``), the wire. Comparisons
follow the vendor: text without regard to case unless the field is case sensitive, times by instant with whole seconds,
null below everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from connectors.crm.salesforce.simulator.schema import NUMBERS, SimField, SimObject

Record: TypeAlias = dict[str, Any]
Test: TypeAlias = Callable[[Record], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:\\.|[^'\\])*')
    | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<day>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z][A-Za-z0-9_.]*)
    | (?P<sign>!=|<>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
FUNCTIONS = frozenset({"COUNT", "SUM"})
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class SoqlError(Exception):
    """A query that the vendor would refuse; ``code`` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of a field, and the name its value has in the answer."""

    function: str
    field: SimField
    name: str


@dataclass(frozen=True)
class Query:
    """A parsed query. ``count``: COUNT(), which answers by its size. ``grouped``: what GROUP BY names."""

    object: SimObject
    fields: tuple[str, ...]
    count: bool
    aggregates: tuple[Aggregate, ...]
    grouped: tuple[str, ...]
    test: Test
    order: tuple[tuple[SimField, bool, bool], ...]
    limit: int | None
    offset: int

    def run(self, records: Iterable[Record]) -> list[Record]:
        """Return the records that it finds, in its order."""
        found = [r for r in records if self.test(r)]
        for field, descending, nulls_last in reversed(self.order):
            filled = [r for r in found if r.get(field.name) is not None]
            empty = [r for r in found if r.get(field.name) is None]
            filled.sort(key=lambda r, f=field: comparable(f, r[f.name], sorting=True), reverse=descending)  # type: ignore[misc]
            found = filled + empty if nulls_last else empty + filled
        stop = None if self.limit is None else self.offset + self.limit
        return found[self.offset : stop]


def comparable(field: SimField, value: Any, *, sorting: bool = False) -> Any:
    """Return a field's value in the form that comparisons use."""
    if field.type == "datetime":
        return datetime.fromisoformat(str(value)).astimezone(UTC).replace(microsecond=0)
    if field.type == "date":
        return date.fromisoformat(str(value)[:10])
    if field.type in NUMBERS or field.type == "int":
        return float(value)
    if field.type == "boolean":
        return bool(value)
    if field.type in ("id", "reference"):
        return str(value)[:15]
    text = str(value)
    return text if field.external_id or sorting else text.casefold()


class _Parser:
    def __init__(self, soql: str, objects: dict[str, SimObject]) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._objects = objects
        position, soql = 0, soql.rstrip()
        while position < len(soql):
            match = _TOKEN.match(soql, position)
            if match is None:
                raise SoqlError("MALFORMED_QUERY", f"unexpected token: {soql[position : position + 20]!r}")
            self._tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            position = match.end()

    def query(self) -> Query:
        self._expect("SELECT")
        names = [self._selected()]
        while self._accept(","):
            names.append(self._selected())
        self._expect("FROM")
        name = self._word()
        found = next((o for o in self._objects.values() if o.name.lower() == name.lower()), None)
        if found is None:
            raise SoqlError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        self._object = found
        count = names == [("COUNT", "", "")]
        asked = [n for n in names if n[0]]
        if any(not field for _, field, _ in asked) and not count:
            raise SoqlError("MALFORMED_QUERY", "COUNT() must be the only element in the SELECT list")
        unnamed = iter(range(len(asked)))
        aggregates = (
            () if count else tuple(Aggregate(f, self._field(n), a or f"expr{next(unnamed)}") for f, n, a in asked)
        )
        fields = tuple(self._field(n).name for f, n, _ in names if not f)
        test = self._or() if self._accept("WHERE") else (lambda record: True)
        grouped = self._grouped(fields, bool(aggregates))
        order: list[tuple[SimField, bool, bool]] = []
        if self._accept("ORDER"):
            self._expect("BY")
            order.append(self._ordering())
            while self._accept(","):
                order.append(self._ordering())
        limit = int(self._next("number")) if self._accept("LIMIT") else None
        offset = int(self._next("number")) if self._accept("OFFSET") else 0
        if self._at < len(self._tokens):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: {self._tokens[self._at][1]}")
        return Query(found, fields, count, aggregates, grouped, test, tuple(order), limit, offset)

    def _selected(self) -> tuple[str, str, str]:
        """Return function ('' for a plain field), field and alias."""
        name = self._word()
        if name.upper() not in FUNCTIONS or not self._accept("("):
            return "", name, ""
        inside = "" if self._peek(")") else self._word()
        self._expect(")")
        return name.upper(), inside, "" if self._peek(",") or self._peek("FROM") else self._word()

    def _grouped(self, fields: tuple[str, ...], aggregated: bool) -> tuple[str, ...]:
        """Return what GROUP BY names, held against what is selected as the vendor does."""
        by: list[str] = []
        if self._accept("GROUP"):
            self._expect("BY")
            by.append(self._groupable())
            while self._accept(","):
                by.append(self._groupable())
        if (aggregated or by) and (lacking := [f for f in fields if f not in by]):
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {lacking[0]}")
        return tuple(by)

    def _groupable(self) -> str:
        field = self._field(self._word())
        if not field.describe()["groupable"]:
            raise SoqlError("MALFORMED_QUERY", f"field '{field.name}' can not be grouped in a query call")
        return field.name

    def _ordering(self) -> tuple[SimField, bool, bool]:
        field = self._field(self._word())
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        last = False
        if self._accept("NULLS"):
            last = self._word().upper() == "LAST"
        return field, descending, last

    def _or(self) -> Test:
        tests = [self._and()]
        while self._accept("OR"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda r: any(t(r) for t in tests)

    def _and(self) -> Test:
        tests = [self._not()]
        while self._accept("AND"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda r: all(t(r) for t in tests)

    def _not(self) -> Test:
        if self._accept("NOT"):
            inner = self._not()
            return lambda r: not inner(r)
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        field = self._field(self._word())
        if self._accept("NOT"):
            self._expect("IN")
            unwanted = self._values(field)
            return lambda r: _of(field, r) not in unwanted
        if self._accept("IN"):
            wanted = self._values(field)
            return lambda r: _of(field, r) in wanted
        if self._accept("LIKE"):
            pattern = self._pattern(str(self._value()))
            return lambda r: r.get(field.name) is not None and pattern.fullmatch(str(r[field.name])) is not None
        sign = self._next("sign")
        stated = self._value()
        value = None if stated is None else self._fitting(field, stated)
        if sign in ("=", "!=", "<>"):
            equal = sign == "="
            return lambda r: (_of(field, r) == value) is equal
        compare: dict[str, Callable[[Any], bool]] = {
            "<": lambda v: v < value,
            "<=": lambda v: v <= value,
            ">": lambda v: v > value,
            ">=": lambda v: v >= value,
        }
        if sign not in compare or value is None:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: {sign}")
        return lambda r: r.get(field.name) is not None and compare[sign](_of(field, r))

    def _values(self, field: SimField) -> set[Any]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return {None if v is None else self._fitting(field, v) for v in values}

    def _fitting(self, field: SimField, value: Any) -> Any:
        quoted = isinstance(value, str)
        temporal, numeric = field.type in ("date", "datetime"), field.type in NUMBERS or field.type == "int"
        if isinstance(value, (date, datetime)):
            fits = temporal
        elif isinstance(value, bool):
            fits = field.type == "boolean"
        else:
            fits = not temporal and field.type != "boolean" and quoted != numeric
        if not fits:
            raise SoqlError(
                "INVALID_FIELD", f"value of filter criterion for field '{field.name}' must be of type {field.type}"
            )
        return comparable(field, value)

    def _value(self) -> Any:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")
        self._at += 1
        if kind == "text":
            return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), text[1:-1], flags=re.DOTALL)
        if kind == "number":
            return float(text)
        if kind == "day":
            return date.fromisoformat(text)
        if kind == "time":
            return datetime.fromisoformat(text)
        constants = {"null": None, "true": True, "false": False}
        if kind == "word" and text.lower() in constants:
            return constants[text.lower()]
        raise SoqlError("MALFORMED_QUERY", f"unexpected token: {text!r}")

    def _pattern(self, like: str) -> re.Pattern[str]:
        text = re.escape(like).replace("%", ".*").replace("_", ".")
        return re.compile(text, re.IGNORECASE | re.DOTALL)

    def _field(self, name: str) -> SimField:
        bare = name.removeprefix(f"{self._object.name}.")
        field = self._object.field(bare)
        if field is None:
            raise SoqlError("INVALID_FIELD", f"No such column '{name}' on entity '{self._object.name}'.")
        return field

    def _peek(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1].upper() == text

    def _accept(self, text: str) -> bool:
        if self._peek(text) and self._tokens[self._at][0] != "text":
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            found = self._tokens[self._at][1] if self._at < len(self._tokens) else "<EOF>"
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: {found!r}, expecting {text!r}")

    def _next(self, kind: str) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != kind:
            raise SoqlError("MALFORMED_QUERY", f"expecting a {kind}")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _word(self) -> str:
        return self._next("word")


def _of(field: SimField, record: Record) -> Any:
    value = record.get(field.name)
    return None if value is None else comparable(field, value)


def parse(soql: str, objects: dict[str, SimObject]) -> Query:
    """Parse a query against the organisation's objects; SoqlError as the vendor would refuse it."""
    return _Parser(soql, objects).query()
