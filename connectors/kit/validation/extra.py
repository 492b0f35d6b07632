"""Keeps the columns that an entity does not declare: one JSON text a row, made without a Python step a row.

Belongs here: the text of ``_extra``. Not here: which columns are declared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
_COMMA = ", "
_CONTROL = "[\x01-\x1f]"


def extra_json(rows: pa.Table, names: Sequence[str]) -> pa.Array:
    """Return a JSON object a row: the named text columns in order of name, without nulls; null when none is stated."""
    parts = [_members(name, rows.column(name).combine_chunks()) for name in sorted(names)]
    if not parts:
        return pa.nulls(rows.num_rows, pa.string())
    inner = pc.binary_join_element_wise(*parts, "")
    whole = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(inner, len(_COMMA)), "}", "")
    return pc.if_else(pc.equal(pc.binary_length(inner), 0), pa.scalar(None, pa.string()), whole)


def _members(name: str, column: pa.Array) -> pa.Array:
    empty = pc.fill_null(pc.equal(pc.binary_length(column), 0), False)
    stated = pc.if_else(empty, pa.scalar(None, pa.string()), column)
    opening = _COMMA + json.dumps(name, ensure_ascii=False) + ': "'
    return pc.fill_null(pc.binary_join_element_wise(opening, _escaped(stated), '"', ""), "")


def _escaped(column: pa.Array) -> pa.Array:
    for raw, escaped in _ESCAPES:
        column = pc.replace_substring(column, raw, escaped)
    if pc.any(pc.match_substring_regex(column, _CONTROL)).as_py():
        for code in range(1, 0x20):
            column = pc.replace_substring(column, chr(code), f"\\u{code:04x}")
    return column
