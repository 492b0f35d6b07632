"""What every reader gives: text rows under the file's own column names, their lines, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

ROWS = 50_000
"""Rows that a chunk has at most."""


class UnreadableFileError(Exception):
    """The whole file is of no use as it is; the message says why and what to do."""


@dataclass(frozen=True)
class BadRow:
    """A row that could not be taken apart."""

    line: int
    reason: str
    row: Mapping[str, str]


@dataclass(frozen=True)
class Chunk:
    """Rows as text (null: nothing stated), the line of each from 1, and the bad rows among them."""

    rows: pa.Table
    lines: pa.Array
    bad: tuple[BadRow, ...] = ()
