"""JSON Lines: an object a line. Numbers keep the digits that stand there; a key that a row lacks is absent, not empty.

Belongs here: taking lines apart. Not here: what the keys mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from connectors.erp.files.readers.chunk import ROWS, BadRow, Chunk

#: Rows of a chunk are cut where the set of keys changes; when it changes this often, they are gathered by it instead.
_CUTS = 64
_SHOWN = 2_000
_Row = tuple[int, dict[str, str | None]]


def read_jsonl(stream: IO[bytes]) -> Iterator[Chunk]:
    """Read a stream of JSON lines in UTF-8. The rows of one chunk all have the same keys."""
    rows: list[_Row] = []
    bad: list[BadRow] = []
    for number, raw in enumerate(stream, 1):
        if not raw.strip():
            continue
        parsed = _parsed(number, raw)
        if isinstance(parsed, BadRow):
            bad.append(parsed)
        else:
            rows.append((number, parsed))
        if len(rows) + len(bad) == ROWS:
            yield from _chunks(rows, bad)
            rows, bad = [], []
    if rows or bad:
        yield from _chunks(rows, bad)


def _parsed(number: int, raw: bytes) -> dict[str, str | None] | BadRow:
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text: byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        return BadRow(number, reason, {"line": raw.decode("utf-8", "replace").rstrip()[:_SHOWN]})
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"is not JSON: {error}", {"line": text.rstrip()[:_SHOWN]})
    if not isinstance(found, dict):
        return BadRow(number, "is not a JSON object", {"line": text.rstrip()[:_SHOWN]})
    return {key: _text(value) for key, value in found.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has the key {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _chunks(rows: list[_Row], bad: list[BadRow]) -> Iterator[Chunk]:
    cuts: list[tuple[frozenset[str], list[_Row]]] = []
    for row in rows:
        keys = frozenset(row[1])
        if not cuts or cuts[-1][0] != keys:
            cuts.append((keys, []))
        cuts[-1][1].append(row)
    if len(cuts) > _CUTS:
        gathered: dict[frozenset[str], list[_Row]] = {}
        for keys, part in cuts:
            gathered.setdefault(keys, []).extend(part)
        cuts = list(gathered.items())
    if not cuts:
        yield Chunk(pa.table({}), pa.array([], pa.int64()), tuple(bad))
    for index, (_, part) in enumerate(cuts):
        yield _chunk(part, tuple(bad) if index == 0 else ())


def _chunk(part: list[_Row], bad: tuple[BadRow, ...]) -> Chunk:
    names = list(part[0][1])
    columns = {name: pa.array([row[name] for _, row in part], pa.string()) for name in names}
    return Chunk(pa.table(columns), pa.array([line for line, _ in part], pa.int64()), bad)
