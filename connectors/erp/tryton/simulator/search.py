"""Searching and reading as trytond does it: domains, orders, dotted fields, what is not active is left out.

Belongs here: conditions and their answers. Not here: computing fields (``computed``), requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from connectors.erp.tryton.simulator.computed import value_of
from connectors.erp.tryton.simulator.database import Database, Record, Refused
from connectors.erp.tryton.simulator.schema import NEWEST_FIRST, UNORDERED

Context = Mapping[str, Any]
Test = Callable[[Record], bool]


def search(
    db: Database, model: str, domain: Sequence[Any], offset: int, limit: int | None, order: Any, context: Context
) -> list[int]:
    """Return the ids of the records that match, in order."""
    found = matching(db, model, domain, context)
    keys = [
        (str(n).split(" ")[0], str(d).upper().startswith("DESC"))
        for n, d in order or [("id", "DESC" if model in NEWEST_FIRST else "ASC")]
    ]
    for name, _ in keys:
        field = db.field(model, name.split(".")[0])
        if field.computed or (model == "account.invoice" and name in UNORDERED):
            label = UNORDERED.get(name, field.label)
            raise Refused(f'Missing order function for field "{label}" in "{db.model(model).title}".', kind="")

    def compare(left: Record, right: Record) -> int:
        for name, descending in keys:
            a, b = _at(db, model, left, name, context), _at(db, model, right, name, context)
            if a == b:
                continue
            if a is None or b is None:  # as PostgreSQL: what is empty comes last, and first in a descending order
                return (1 if a is None else -1) * (-1 if descending else 1)
            return (1 if a > b else -1) * (-1 if descending else 1)
        return 0

    ordered = sorted(found, key=cmp_to_key(compare))
    return [r["id"] for r in ordered[offset : None if limit is None else offset + limit]]


def matching(db: Database, model: str, domain: Sequence[Any], context: Context) -> list[Record]:
    """Return the records that match, in no order."""
    test = _compiled(db, model, domain, context)
    hidden = "active" in db.model(model).fields and not _names(domain, "active") and context.get("active_test", True)
    narrowed = _by_id(db, model, domain)
    records: Iterable[Record] = db.all(model) if narrowed is None else narrowed
    return [r for r in records if (not hidden or r["active"]) and test(r)]


def read(db: Database, model: str, ids: Sequence[int], fields: Sequence[str], context: Context) -> list[dict[str, Any]]:
    """Return the fields of records; of a dotted field comes the related record too, under its name and a dot."""
    db.require(model, ids, "read")
    for name in fields:
        db.field(model, name.split(".")[0])
    return [_fields(db, model, db.one(model, i), fields, context) for i in ids]


def _fields(db: Database, model: str, record: Record, names: Sequence[str], context: Context) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": record["id"]}
    nested: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(".")
        if rest or name.endswith("."):
            nested.setdefault(first, []).extend([rest] if rest else [])
        else:
            answer[name] = value_of(db, model, record, name, context)
    for first, inner in nested.items():
        field, held = db.field(model, first), value_of(db, model, record, first, context)
        if field.to_many:
            answer[f"{first}."] = [_fields(db, field.target, db.one(field.target, i), inner, context) for i in held]
        else:
            other = db.get(field.target, held)
            answer[f"{first}."] = None if other is None else _fields(db, field.target, other, inner, context)
    return answer


def _by_id(db: Database, model: str, domain: Sequence[Any]) -> list[Record] | None:
    """Return the few records that a condition on ids or on a many2one leaves, where there is one."""
    for clause in domain:
        if not _is_clause(clause) or clause[1] not in ("=", "in") or clause[2] is None or "." in clause[0]:
            continue
        keys = clause[2] if clause[1] == "in" else [clause[2]]
        if not all(isinstance(k, int) and not isinstance(k, bool) for k in keys):
            continue
        if clause[0] == "id":
            return [r for r in (db.get(model, k) for k in dict.fromkeys(keys)) if r is not None]
        field = db.field(model, clause[0])
        if field.type == "many2one" and not field.computed and len(keys) < 500:
            return [r for k in dict.fromkeys(keys) for r in db.pointing(model, field.name, k)]
    return None


def _compiled(db: Database, model: str, domain: Sequence[Any], context: Context) -> Test:
    if not domain:
        return lambda record: True
    if _is_clause(domain):
        return _clause(db, model, domain[0], domain[1], domain[2], context)
    any_of = domain[0] == "OR"
    parts = [_compiled(db, model, d, context) for d in (domain[1:] if domain[0] in ("OR", "AND") else domain)]
    if any_of:
        return lambda record: any(test(record) for test in parts)
    return lambda record: all(test(record) for test in parts)


def _is_clause(domain: Any) -> bool:
    return (
        len(domain) >= 3
        and isinstance(domain[0], str)
        and domain[0] not in ("OR", "AND")
        and isinstance(domain[1], str)
    )


def _names(domain: Any, name: str) -> bool:
    if not isinstance(domain, (list, tuple)) or not domain:
        return False
    return bool(domain[0] == name) if _is_clause(domain) else any(_names(part, name) for part in domain)


def _clause(db: Database, model: str, name: str, operator: str, wanted: Any, context: Context) -> Test:
    first, _, rest = name.partition(".")
    field = db.field(model, first)
    if rest:
        inner = _clause(db, field.target, rest, operator, wanted, context)

        def related(record: Record) -> bool:
            held = value_of(db, model, record, first, context)
            ids = held if field.to_many else [] if held is None else [held]
            return any(inner(db.one(field.target, i)) for i in ids)

        return related
    test = _operator(operator, wanted)
    if field.to_many:
        return lambda record: any(test(i) for i in value_of(db, model, record, first, context))
    return lambda record: test(value_of(db, model, record, first, context))


def _operator(operator: str, wanted: Any) -> Callable[[Any], bool]:
    if operator in ("in", "not in"):
        listed = set(wanted)
        return (lambda held: held in listed) if operator == "in" else (lambda held: held not in listed)
    if operator in ("like", "ilike"):
        pattern = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in str(wanted))
        fits = re.compile(pattern, re.S | (re.I if operator == "ilike" else 0)).fullmatch
        return lambda held: held is not None and fits(str(held)) is not None
    if operator == "=":
        return lambda held: bool(held == wanted)
    if operator == "!=":
        return lambda held: bool(held != wanted)
    compared: dict[str, Callable[[Any], bool]] = {
        "<": lambda held: held < wanted,
        "<=": lambda held: held <= wanted,
        ">": lambda held: held > wanted,
        ">=": lambda held: held >= wanted,
    }
    if operator not in compared:
        raise Refused(f"{operator!r}", kind="")
    return lambda held: held is not None and compared[operator](held)


def _at(db: Database, model: str, record: Record, path: str, context: Context) -> Any:
    first, _, rest = path.partition(".")
    held = value_of(db, model, record, first, context)
    if not rest:
        return held
    other = db.get(db.field(model, first).target, held)
    return None if other is None else _at(db, db.field(model, first).target, other, rest, context)
