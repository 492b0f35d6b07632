"""Every third-party camt and MT940 file gives the facts that an independent reader found in it.

Asserted: a statement that closes, or states no balance, loads with its facts; one that does not is refused alone with
the difference; a file without facts is refused whole. No file is named here.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.bank.bank_files.detect import scan
from connectors.bank.bank_files.reading import items
from connectors.bank.bank_files.settings import FORMATS, BankFilesSettings
from connectors.kit.contract import Batch, Reject, Rejects

BANK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bank"
READ = ("camt.052", "camt.053", "camt.054", "mt940")
SETTINGS = BankFilesSettings(path=".", formats=FORMATS)


def _rows() -> list[dict[str, str]]:
    if not (BANK / "FACTS.tsv").is_file():
        return []
    with (BANK / "FACTS.tsv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t") if row["file"].partition("/")[0] in READ]


ROWS = _rows()
DERIVED = "facts derived by an independent reader"
ASSERTED = "facts asserted by the source's own test"
CLOSING = "statements whose balances close: ok/bad/not given"


def _facts(text: str) -> dict[str, Decimal | None]:
    """``n=1,sum=-2.5,opening=None`` as numbers; empty where the reader could not read the file."""
    pairs = [part.split("=") for part in text.split(",") if "=" in part]
    return {key: None if value == "None" else Decimal(value) for key, value in pairs}


class Landed:
    """What one file gave: rows of statements and lines, and refused statements or the refused file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.statements: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.rejects: list[Reject] = []
        found = list(items(path.name, scan([data]), lambda: [data], SETTINGS))
        for item in found:
            if isinstance(item, Rejects):
                self.rejects.extend(item.items)
            elif isinstance(item, Batch):
                rows = item.rows.to_pylist()
                (self.statements if item.entity.name == "bank_statements" else self.lines).extend(rows)
        assert [i.cursor is not None for i in found] == [False] * (len(found) - 1) + [True]

    def all_statements(self) -> list[dict[str, Any]]:
        """Loaded and refused statements in the file's order."""
        refused = [{**r.row, "_line": r.line} for r in self.rejects if r.row]
        return sorted([*self.statements, *refused], key=lambda row: row["_line"] or 0)


def _totals(rows: list[dict[str, Any]]) -> dict[str, Decimal | None]:
    def amount(value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    return {
        "n_stmt": Decimal(len(rows)),
        "n": sum((Decimal(r["entries"]) for r in rows), Decimal(0)),
        "ntx": sum((Decimal(r["transactions"]) for r in rows), Decimal(0)),
        "sum": sum((Decimal(r["entries_sum"]) for r in rows), Decimal(0)),
        "opening": amount(rows[0]["opening_balance"]) if rows else None,
        "closing": amount(rows[-1]["closing_balance"]) if rows else None,
    }


@pytest.mark.skipif(not ROWS, reason="the third-party bank files are not beside the project")
@pytest.mark.parametrize("row", ROWS, ids=[r["file"] for r in ROWS])
def test_file_gives_its_facts(row: dict[str, str]) -> None:
    derived, asserted = _facts(row[DERIVED]), _facts(row[ASSERTED])
    landed = Landed(BANK / row["file"])
    if not derived.get("n_stmt"):
        assert not landed.statements
        assert not landed.lines
        assert landed.rejects
        return
    closes, open_, unstated = (int(n) for n in (row[CLOSING] + "/0").split("/")[:3])
    assert len(landed.rejects) == open_
    assert len(landed.statements) == closes + unstated
    assert all(r.entity == "bank_statements" and r.file and r.line and r.key for r in landed.rejects)
    # A refused statement shows its figures too, so the facts of the whole file can be held against both together;
    # where a figure is not even readable there is nothing to compare it with.
    if all("difference" in r.reason for r in landed.rejects):
        totals = _totals(landed.all_statements())
        assert {key: totals[key] for key in derived} == derived
        assert {key: totals[key] for key in asserted} == asserted


@pytest.mark.skipif(not ROWS, reason="the third-party bank files are not beside the project")
@pytest.mark.parametrize("row", ROWS, ids=[r["file"] for r in ROWS])
def test_lines_are_the_money_of_their_statements(row: dict[str, str]) -> None:
    landed = Landed(BANK / row["file"])
    assert len({r["bank_line_id"] for r in landed.lines}) == len(landed.lines)
    assert len({r["statement_id"] for r in landed.statements}) == len(landed.statements)
    for statement in landed.statements:
        if "count once" in (statement["notes"] or ""):
            continue  # sent twice in one file: the lines are the first one's
        own = [r for r in landed.lines if r["statement_id"] == statement["statement_id"]]
        assert sum((Decimal(r["amount"]) for r in own), Decimal(0)) == Decimal(statement["entries_sum"])
        kept_as_one = "kept as one line" in (statement["notes"] or "")
        assert kept_as_one or len(own) == int(statement["transactions"])


@pytest.mark.skipif(not ROWS, reason="the third-party bank files are not beside the project")
def test_the_files_are_all_there() -> None:
    assert {r["file"].partition("/")[0] for r in ROWS} == set(READ)
    assert len(ROWS) > 200


@pytest.mark.skipif(not ROWS, reason="the third-party bank files are not beside the project")
@pytest.mark.parametrize("name", ["bai2", "ofx", "mt942", "lockbox"])
def test_other_formats_are_refused_by_name(name: str) -> None:
    for path in sorted((BANK / name).iterdir()):
        landed = Landed(path)
        assert not landed.statements
        assert not landed.lines
        assert len(landed.rejects) == 1
        assert landed.rejects[0].file == path.name
        assert "not supported yet" in landed.rejects[0].reason or "not a bank statement" in landed.rejects[0].reason
