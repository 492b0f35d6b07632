"""The projected files hold exactly the world: read back with plain csv, json, pyarrow, an XML parser and a regex."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

from connectors.bank.bank_files.projection import Statements, project_bank
from connectors.erp.files.simulator import Drop, project_files
from connectors.kit.receivables import RECEIVABLES
from connectors.simulation.world import truth
from connectors.simulation.world.company import BANK_ACCOUNTS
from connectors.simulation.world.remittance import CARD_NUMBER
from connectors.simulation.world.world import World
from tests.seeds import WORLD_SEED

TODAY = datetime.now(UTC).date()
NS = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"


@pytest.fixture(scope="module", params=[0, 1, 2])
def world(request: pytest.FixtureRequest) -> World:
    return World.make(WORLD_SEED + request.param, TODAY - timedelta(days=1), 60, 400, 6)


@pytest.fixture(scope="module")
def drop(world: World, tmp_path_factory: pytest.TempPathFactory) -> Drop:
    return project_files(world, tmp_path_factory.mktemp("drop"))


@pytest.fixture(scope="module")
def statements(world: World, tmp_path_factory: pytest.TempPathFactory) -> Statements:
    return project_bank(world, tmp_path_factory.mktemp("bank"))


def rows_of(drop: Drop, entity: str) -> list[dict[str, str]]:
    """Rows of an entity's files as text, the spoilt ones aside."""
    rows: list[dict[str, str]] = []
    for path in drop.files:
        if not re.match(rf"{entity}(_[\dQ-]+|_until_[\d-]+)?\.", path.name):
            continue
        if path.suffix == ".csv":
            lines = path.read_text(encoding="utf-8").replace("\x00", "").splitlines()
            rows += csv.DictReader(lines)
        elif path.suffix == ".jsonl":
            rows += (json.loads(line) for line in path.read_text().splitlines() if line.endswith("}"))
        else:
            rows += ({k: str(v) for k, v in row.items()} for row in pq.read_table(path).to_pylist())
    bad = {b.key for b in drop.bad}
    return [row for row in rows if next(iter(row.values())) not in bad]


def text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "true" if value else ""
    return value.isoformat() if isinstance(value, date) else str(value)


@pytest.mark.parametrize(
    "entity",
    [
        "orders",
        "documents",
        "installments",
        "receipts",
        "receipt_events",
        "allocations",
        "adjustments",
        "gl_balances",
        "disputes",
        "parties",
    ],
)
def test_every_row_of_the_world_is_in_the_drop_once(world: World, drop: Drop, entity: str) -> None:
    rows = rows_of(drop, entity)
    expected = getattr(world, "customers" if entity == "parties" else entity)
    columns = list(rows[0])
    wanted = Counter(tuple(text(getattr(r, c)) for c in columns) for r in expected if not getattr(r, "deleted", False))
    assert Counter(tuple(r.values()) for r in rows if r.get("deleted") != "true") == wanted
    gone = sorted(r.document_id for r in expected if getattr(r, "deleted", False))
    assert sorted(r["document_id"] for r in rows if r.get("deleted") == "true") == gone
    assert drop.rows[entity] == len(expected)


def test_every_column_is_one_that_the_contract_has(drop: Drop) -> None:
    for entity in RECEIVABLES:
        for row in rows_of(drop, entity.name)[:1]:
            assert set(row) <= {f.name for f in entity.fields}
            assert {f.name for f in entity.columns if f.required} <= set(row)
    assert {path.suffix for path in drop.files} == {".csv", ".jsonl", ".parquet"}
    assert len(rows_of(drop, "fx_rates")) == drop.rows["fx_rates"]


def test_bad_rows_are_there_and_say_what_is_wrong_with_them(drop: Drop) -> None:
    everything = "".join(p.read_text(encoding="utf-8") for p in drop.files if p.suffix != ".parquet")
    assert "\x00" in everything
    assert "2025-02-30" in everything
    assert len(drop.bad) == 6
    assert all(b.key in everything for b in drop.bad)
    broken = [
        line for p in drop.files if p.suffix == ".jsonl" for line in p.read_text().splitlines() if line[-1] != "}"
    ]
    assert len(broken) == 1


def test_days_later_only_what_is_new_is_written(world: World, drop: Drop, tmp_path: Path) -> None:
    later = world.advance(5)
    more = project_files(later, tmp_path, since=world)
    assert more.bad == ()
    for entity in ("documents", "receipts", "allocations", "orders", "receipt_events", "gl_balances"):
        assert more.rows[entity] == len(getattr(later, entity)) - len(getattr(world, entity)), entity
    assert not {p.name for p in more.files} & {p.name for p in drop.files}
    assert any(row["deleted"] == "true" for row in rows_of(more, "documents"))
    assert any(row["status"] == "void" for row in rows_of(more, "documents"))


def camt(path: Path) -> Iterator[dict[str, Any]]:
    for statement in ElementTree.parse(path).iter(f"{NS}Stmt"):
        signed = [
            Decimal(e.findtext(f"{NS}Amt") or "") * (1 if e.findtext(f"{NS}CdtDbtInd") == "CRDT" else -1)
            for e in statement.iter(f"{NS}Ntry")
        ]
        opening, closing = (
            Decimal(b.findtext(f"{NS}Amt") or "") * (1 if b.findtext(f"{NS}CdtDbtInd") == "CRDT" else -1)
            for b in statement.iter(f"{NS}Bal")
        )
        number = int(statement.findtext(f"{NS}ElctrncSeqNb") or 0)
        account = statement.findtext(f".//{NS}IBAN")
        yield {"account": account, "number": number, "opening": opening, "closing": closing, "amounts": signed}


def mt940(path: Path) -> Iterator[dict[str, Any]]:
    def signed(mark: str, amount: str) -> Decimal:
        return Decimal(amount.replace(",", ".")) * (1 if mark == "C" else -1)

    for content in path.read_text().split("\n-\n")[:-1]:
        opening, closing = (signed(s, a) for s, a in re.findall(r":6[02]F:([CD])\d{6}[A-Z]{3}([\d,]+)", content))
        amounts = [signed(s, a) for s, a in re.findall(r":61:\d{10}([CD])([\d,]+)N", content)]
        (account,), (number,) = re.findall(r":25:(\S+)", content), re.findall(r":28C:(\d+)", content)
        yield {"account": account, "number": int(number), "opening": opening, "closing": closing, "amounts": amounts}


def read(files: tuple[Path, ...]) -> list[dict[str, Any]]:
    found = [s for path in files for s in (camt(path) if path.suffix == ".xml" else mt940(path))]
    return sorted(found, key=lambda s: (s["account"], s["number"]))


def closes(statement: dict[str, Any]) -> bool:
    return bool(statement["opening"] + sum(statement["amounts"]) == statement["closing"])


def test_statements_close_and_follow_on_each_other(world: World, statements: Statements) -> None:
    previous: dict[str, Decimal] = dict(world.history.bank_opening)
    amounts: dict[str, list[Decimal]] = {a.account: [] for a in BANK_ACCOUNTS}
    good = [s for s in read(statements.files) if closes(s)]
    for facts in good:
        assert facts["opening"] == previous[facts["account"]]
        previous[facts["account"]] = facts["closing"]
        amounts[facts["account"]] += facts["amounts"]
    for account, found in amounts.items():
        assert found == [line.amount for line in world.bank_lines if line.account == account]
    assert statements.lines == len(world.bank_lines) == sum(len(found) for found in amounts.values())
    assert statements.statements == len(good)


def test_one_statement_does_not_close_and_is_sent_again(statements: Statements) -> None:
    assert statements.broken is not None
    assert statements.resent is not None
    (broken,) = [s for s in read(statements.files) if not closes(s)]
    assert broken in read((statements.broken,))
    assert len(read((statements.broken,))) > 1  # others in its file are in order
    (resent,) = read((statements.resent,))
    assert len(resent["amounts"]) == len(broken["amounts"]) + 1
    assert all(resent[k] == broken[k] for k in ("account", "number", "opening", "closing"))


def test_twins_and_a_card_number_are_in_the_statements(world: World, statements: Statements) -> None:
    content = {p: p.read_text(encoding="utf-8") for p in statements.files}
    for ending in (".xml", ".sta"):
        joined = "".join(t.replace("\n", "") for p, t in content.items() if p.suffix == ending)
        assert CARD_NUMBER in joined
    twins = [line for line in truth.pending_lines(world) if line.occurrence == 2]
    assert twins
    for twin in twins:
        marks = (f"<Ntry><Amt.*?<AcctSvcrRef>{twin.bank_reference}", f"//{twin.bank_reference}")
        assert (
            sum(len(re.findall(mark, line)) for t in content.values() for line in t.splitlines() for mark in marks) == 2
        )


def test_later_statements_take_up_the_balance(world: World, tmp_path: Path) -> None:
    later = world.advance(6)
    more = project_bank(later, tmp_path, since=world)
    assert more.broken is None
    assert more.lines == len(later.bank_lines) - len(world.bank_lines)
    opening = dict(world.history.bank_opening)
    for statement in read(more.files):
        before = sum(line.amount for line in world.bank_lines if line.account == statement["account"])
        if statement["account"] in opening:
            assert statement["opening"] == opening.pop(statement["account"]) + before
