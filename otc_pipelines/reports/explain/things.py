"""What people may ask about, and how they say it: ``INV-1001``, ``document:legacy/INV-1001``, ``bucket:P1/d31_60``.

Belongs here: reading THING, finding what it names, naming candidates and near matches. Not here: explaining it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.kit.errors import ConfigError
from otc_pipelines.warehouse import Tx

KINDS = (
    "document", "receipt", "party", "bucket", "total", "delivered", "bank_line", "movement", "allocation", "adjustment",
)  # fmt: skip
_FORMS = (
    "an id such as INV-1001, or document:, receipt:, party:, bank_line:, movement:, allocation:, adjustment: before it;"
    " bucket:PARTY/BUCKET; total:ENTITY/CURRENCY[/BUCKET]; delivered:TARGET/OBJECT/KEY/FIELD"
)
_NAMED: dict[str, Sequence[tuple[str, str]]] = {
    "document": (
        ("conformed.int_documents__unioned", "document_id"),
        ("conformed.int_documents__unioned", "reference"),
        ("ops.quarantine", "row_key"),
    ),
    "receipt": (("conformed.int_receipts__unioned", "receipt_id"), ("ops.quarantine", "row_key")),
    "party": (("conformed.int_parties__unioned", "party_id"), ("ops.ar_movement", "party_id")),
    "bank_line": (
        ("conformed.int_bank_lines__unioned", "bank_line_id"),
        ("conformed.int_bank_lines__unioned", "bank_reference"),
    ),
    "movement": (("ops.ar_movement", "movement_id"),),
    "allocation": (("conformed.int_allocations__unioned", "allocation_id"),),
    "adjustment": (("conformed.int_adjustments__unioned", "adjustment_id"),),
}
_ID = {"document": "document_id", "bank_line": "bank_line_id"}
_HASHED = ("bank_line", "movement")
_SHOWN = 5


@dataclass(frozen=True)
class Thing:
    """A thing that was found: its kind, the source that it belongs to ('' for a total or a delivery), its id.

    ``part``: the bucket, where one is asked for.
    """

    kind: str
    source: str
    id: str
    part: str = ""

    def __str__(self) -> str:
        source = f"{self.source}/" if self.source else ""
        part = f"/{self.part}" if self.part else ""
        return f"{self.kind}:{source}{self.id}{part}"


def find(tx: Tx, said: str, sources: Sequence[str], buckets: Sequence[str]) -> Thing:
    """Return the one thing that is meant. ConfigError in one line: unknown with near matches, or the candidates."""
    kind, rest = _kind(said)
    if not rest:
        raise ConfigError(f"{said!r} names nothing; give {_FORMS}")
    if kind == "delivered":
        return Thing(kind, "", rest)
    if kind == "total":
        return _total(said, rest, buckets)
    if kind == "bucket":
        rest, _, part = rest.rpartition("/")
        if not rest or part not in (*buckets, "total"):
            raise ConfigError(f"{said!r} is not bucket:PARTY/BUCKET with a bucket of {', '.join((*buckets, 'total'))}")
        found = _found(tx, "party", rest, sources)
        party = _one(tx, said, rest, ("party",), found)
        return Thing("bucket", party.source, party.id, part)
    kinds = (kind,) if kind else tuple(_NAMED)
    return _one(tx, said, rest, kinds, {t for k in kinds for t in _found(tx, k, rest, sources)})


def _kind(said: str) -> tuple[str, str]:
    kind, colon, rest = said.strip().partition(":")
    return (kind, rest) if colon and kind in KINDS else ("", said.strip())


def _total(said: str, rest: str, buckets: Sequence[str]) -> Thing:
    parts = rest.split("/")
    part = parts.pop() if len(parts) > 2 else ""
    if len(parts) != 2 or not all(parts) or (part and part not in buckets):
        raise ConfigError(f"{said!r} is not total:ENTITY/CURRENCY, or that and a bucket of {', '.join(buckets)}")
    return Thing("total", "", "/".join(parts), part)


def _found(tx: Tx, kind: str, name: str, sources: Sequence[str]) -> set[Thing]:
    """Find things of a kind that are called so; with a source before it where that is one."""
    readings: list[tuple[str | None, str]] = [(None, name)]
    source, slash, rest = name.partition("/")
    if slash and source in sources:
        readings.append((source, rest))
    found: set[Thing] = set()
    for relation, column in _NAMED[kind]:
        identity = _ID.get(kind, column) if relation.startswith("conformed") else column
        for wanted_source, wanted in readings:
            test = f"{column} = :wanted"
            if kind in _HASHED and column != "bank_reference" and len(wanted) >= 8:
                test = f"{column} like :beginning escape '!'"
            where = f"({test})" + (" and source_system = :source" if wanted_source else "")
            if relation == "ops.quarantine":
                where += f" and entity = '{kind}s'"
            for row in tx.rows(
                f"select distinct source_system, {identity} as id from {relation} where {where}",  # noqa: S608
                **{"wanted": wanted} if "wanted" in test else {"beginning": _literal(wanted) + "%"},
                **{"source": wanted_source} if wanted_source else {},
            ):
                found.add(Thing(kind, row["source_system"], row["id"]))
    return found


def _one(tx: Tx, said: str, name: str, kinds: Sequence[str], found: Iterable[Thing]) -> Thing:
    candidates = sorted(found, key=str)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        listed = ", ".join(map(str, candidates[:_SHOWN]))
        more = f" and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
        raise ConfigError(f"{said!r} is ambiguous; say which: {listed}{more}")
    near = _near(tx, name.rpartition("/")[2], kinds)
    hint = f"; near: {', '.join(near)}" if near else f"; give {_FORMS}" if len(kinds) > 1 else ""
    looked = ", ".join("parties" if k == "party" else f"{k.replace('_', ' ')}s" for k in kinds)
    raise ConfigError(f"nothing is called {name!r}; looked for it among {looked}{hint}")


def _near(tx: Tx, name: str, kinds: Sequence[str]) -> list[str]:
    """Name things that are written almost so, whatever the case of their letters."""
    spelled: dict[str, str] = {}
    for kind in kinds:
        for relation, column in _NAMED[kind]:
            if kind in _HASHED or relation == "ops.quarantine":
                continue
            identity = _ID.get(kind, column) if relation.startswith("conformed") else column
            for row in tx.rows(
                f"""select distinct source_system, {identity} as id, {column} as name from {relation}
                where lower({column}) like :beginning escape '!' or lower({column}) like :ending escape '!'
                limit 2000""",  # noqa: S608
                beginning=_literal(name[: max(1, len(name) - 2)].lower()) + "%",
                ending="%" + _literal(name[-max(3, len(name) - 2) :].lower()),
            ):
                also = f" ({row['name']})" if row["name"] != row["id"] else ""
                spelled.setdefault(row["name"].lower(), f"{Thing(kind, row['source_system'], row['id'])}{also}")
    return [spelled[n] for n in difflib.get_close_matches(name.lower(), sorted(spelled), n=3, cutoff=0.6)]


def _literal(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
