"""What tables hold, as text that is the same whichever warehouse holds it, and its hash.

Belongs here: canonical values, hashes of relations, which relations there are. Not here: any expectation. Money is a
decimal: a float raises.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from otc_pipelines.warehouse import Tx

SCHEMAS = ("staging", "conformed", "marts", "outbound")


def value(found: Any) -> str:
    """One value with its type; decimals without trailing zeros, times in UTC to the microsecond."""
    match found:
        case None:
            return "-"
        case bool():
            return f"boolean {found}"
        case int():
            return f"integer {found}"
        case Decimal():
            return f"decimal {format(found.normalize() + 0, 'f')}"
        case str():
            return f"text {found!r}"
        case datetime():
            assert found.tzinfo is not None, f"{found} has no offset"
            return f"time {found.astimezone(UTC).isoformat(timespec='microseconds')}"
        case date():
            return f"date {found.isoformat()}"
    raise TypeError(f"{type(found).__name__} {found!r} is not a value that a model may have")


def lines(rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Each row as one line, and how often it is there."""
    return Counter(", ".join(f"{name}: {value(row[name])}" for name in sorted(row)) for row in rows)


def digest(found: Counter[str]) -> str:
    """The hash of rows, in whatever order they came."""
    whole = hashlib.sha256()
    for line in sorted(found.elements()):
        whole.update(line.encode() + b"\n")
    return whole.hexdigest()


def relations(tx: Tx, *schemas: str) -> list[str]:
    """The tables and views of the schemas that begin like these, in order."""
    found = tx.rows("select table_schema, table_name from information_schema.tables")
    return sorted(
        f'{r["table_schema"]}."{r["table_name"]}"'
        for r in found
        if str(r["table_schema"]).startswith(schemas) and "__dbt_" not in str(r["table_name"])
    )


def held(tx: Tx, relation: str) -> Counter[str]:
    """The rows of a table or view."""
    return lines(tx.rows(f"select * from {relation}"))


def difference(one: Counter[str], other: Counter[str], names: tuple[str, str] = ("one", "other")) -> str:
    """What only one of the two has, in both directions, the first rows of each; '' when they are equal."""
    if digest(one) == digest(other):
        return ""
    said = []
    for name, more in zip(names, (one - other, other - one), strict=True):
        said += [f"{more.total()} rows only in {name}", *(f"  {line}" for line in sorted(more)[:3])]
    return "\n".join(said)
