"""What an explanation must hold, whatever it explains: sums, and rows that really lie where it says.

Belongs here: reading source files by themselves, adding up. Not here: which things are asked about.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from connectors.kit.receivables import RECEIVABLES
from tests.pipeline.house import otc

KEYS = {e.name: e.key for e in RECEIVABLES}
Sums = dict[tuple[str, str], Decimal]


def explained(config: Path, *words: str | Path) -> dict[str, Any]:
    """Ask, and take the answer apart."""
    said = otc("explain", *words, "--format", "json", config=config)
    assert (said.code, said.err) == (0, ""), said.err
    return dict(json.loads(said.out))


def summed(rows: Iterable[Mapping[str, Any]]) -> Sums:
    """Add up the movements, by legal entity and currency; what comes to nothing is left out."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["kind"] == "movement":
            sums[row["legal_entity"], row["currency"]] += Decimal(row["amount"])
    return {where: amount for where, amount in sums.items() if amount}


@cache
def _lines(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def misplaced(rows: Iterable[Mapping[str, Any]], folder_of: Mapping[str, Path]) -> list[str]:
    """Look up every row of a CSV file where it is said to lie; say which have not the key and amount claimed."""
    wrong = []
    for row in rows:
        if row["kind"] != "source" or row["connector"] != "files" or not str(row["source_file"]).endswith(".csv"):
            continue
        lines = _lines(folder_of[row["source_system"]] / row["source_file"])
        found = dict(zip(lines[0], lines[row["source_line"] - 1], strict=True))
        key = "|".join(found[name] for name in KEYS[row["entity"]])
        stated = found.get("amount") or found.get("rate") or None
        deleted = found.get("deleted") == "true"
        if key != row["key"] or deleted != row["deleted"]:
            wrong.append(f"{row['source_file']}:{row['source_line']} has {key}, not {row['key']}")
        elif stated is not None and Decimal(stated) != Decimal(row["stated_amount"]):
            wrong.append(f"{row['source_file']}:{row['source_line']} has {stated}, not {row['stated_amount']}")
    return wrong


def unfounded(rows: list[dict[str, Any]]) -> list[str]:
    """Name movements that no source row with a place stands behind."""
    causes = {
        row["of"]
        for row in rows
        if row["kind"] == "source" and row["role"] == "cause" and row["source_table"] and row["source_file"]
    }
    causes |= {row["of"] for row in rows if row["kind"] == "decision"}
    return [
        f"{row['movement_type']} {row['cause_entity']} {row['cause_id']}"
        for row in rows
        if row["kind"] in ("movement", "later") and row["n"] not in causes
    ]
