"""The text of a statement: names quoted, ``:name`` as the driver wants it; what stands in a literal is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)", re.IGNORECASE)
_LITERAL = re.compile(r"('(?:[^']|'')*')")


def bound(
    sql: str, parameters: Mapping[str, Any], slot: Callable[[str], str], escape: Callable[[str], str] = str
) -> tuple[str, dict[str, Any]]:
    """Return the statement with the driver's slots, and those parameters that it uses.

    ``escape`` treats the text around the slots, where the driver gives a character a meaning; it is applied only to a
    statement that has slots.
    """
    used: dict[str, Any] = {}

    def replaced(part: str) -> str:
        pieces, last = [], 0
        for match in _PARAMETER.finditer(part):
            name = match.group(1)
            if name in parameters:
                used[name] = parameters[name]
                pieces += [escape(part[last : match.start()]), slot(name)]
                last = match.end()
        return "".join([*pieces, escape(part[last:])])

    text = outside_literals(sql, replaced, escape)
    return (text, used) if used else (sql, used)


def outside_literals(sql: str, change: Callable[[str], str], inside: Callable[[str], str] = str) -> str:
    """Return the statement with ``change`` made to what stands outside its literals, ``inside`` to the literals."""
    return "".join(inside(p) if i % 2 else change(p) for i, p in enumerate(_LITERAL.split(sql)))


def quoted(name: str) -> str:
    """Quote an identifier: some declared columns are words of SQL (``limit``, ``date``)."""
    return '"' + name.replace('"', '""') + '"'
