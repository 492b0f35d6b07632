"""Generated histories of every kind of row, written as files, loaded in several passes, asked under all three clocks.

The answer is the slow reference's, made from the rows as they were written and the times at which they were loaded.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.receivables import RECEIVABLES
from otc_pipelines.flow import posting, posting_rows
from otc_pipelines.flow.context import Flow
from otc_pipelines.posting import Movement
from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.settings import load
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import change, configure, passed, rows
from tests.reference.generate import LOADS, Maker
from tests.reference.ledger import EVER, Reference
from tests.reference.visible import first_arrival, visible_at

SEEDS = range(12)
ENTITY = {
    "DocumentVersion": "documents",
    "InstallmentVersion": "installments",
    "ReceiptVersion": "receipts",
    "ReceiptEventVersion": "receipt_events",
    "AllocationVersion": "allocations",
    "AdjustmentVersion": "adjustments",
    "FxRateVersion": "fx_rates",
}
COLUMNS = {e.name: [f.name for f in e.fields] for e in RECEIVABLES}
IDS = ("document_id", "receipt_id", "allocation_id", "adjustment_id", "source_id", "reverses_id", "row_key")
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in (0, 4, 9, 15)] + [date(2026, 12, 31)]
KNOWN = [datetime(2026, 1, n, 12, tzinfo=UTC) for n in (3, 7, 14)] + [EVER]
pytestmark = pytest.mark.xdist_group("files")


def renamed(row: Any, seed: int, base: str) -> Any:
    """The row with ids of its history's own, in a legal entity that keeps its books in the history's currency."""
    if type(row).__name__ == "FxRateVersion":
        return row
    changes = {name: f"{seed}-{getattr(row, name)}" for name in IDS if getattr(row, name, None)}
    if getattr(row, "legal_entity", None):
        changes["legal_entity"] = f"{row.legal_entity}{base}"
    return row._replace(**changes)


def cell(row: Any, column: str) -> str:
    if column == "recorded_at":
        return row.recorded_at.isoformat() if row.recorded_by_source else ""
    if column == "deleted":
        return "true" if row.deleted else ""
    value = getattr(row, column, None)
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


class Written:
    """Histories as files, a set for each load, and their rows with the place at which each stands."""

    def __init__(self) -> None:
        self.bases: dict[int, str] = {}
        self.rows: list[tuple[int, Any]] = []
        for seed in SEEDS:
            history = Maker(seed, False).history()
            self.bases[seed] = history.base
            self.rows += [(seed, renamed(row, seed, history.base)) for row in history.rows]

    def write(self, folder: Path, nth: int) -> None:
        """Write what comes in one load; remember each row's file and line."""
        lines: dict[str, list[list[str]]] = defaultdict(list)
        for i, (seed, row) in enumerate(self.rows):
            if row.loaded_at == LOADS[nth]:
                entity = ENTITY[type(row).__name__]
                lines[entity].append([cell(row, c) for c in COLUMNS[entity]])
                place = {"source_file": f"{entity}_{nth}.csv", "source_line": len(lines[entity]) + 1}
                self.rows[i] = (seed, row._replace(**place))
        for entity, cells in lines.items():
            with (folder / f"{entity}_{nth}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([COLUMNS[entity], *cells])

    def stamp(self, config: Path, nth: int) -> datetime:
        """Give the rows of a load the time at which it happened; one that was known already came with the others."""
        at: dict[tuple[str, int], datetime] = {}
        for entity in set(ENTITY.values()):
            found = rows(config, f'select "_file" as f, "_line" as n, "_loaded_at" as t from raw_files.{entity}')
            at |= {(r["f"], r["n"]): r["t"] for r in found}
        mine = [t for (name, _), t in at.items() if name.endswith(f"_{nth}.csv")]
        for i, (seed, row) in enumerate(self.rows):
            if row.loaded_at == LOADS[nth]:
                loaded = at.get((row.source_file, row.source_line), max(mine))
                recorded = row.recorded_at if row.recorded_by_source else loaded
                self.rows[i] = (seed, row._replace(loaded_at=loaded, recorded_at=recorded))
        return max(mine)

    def of(self, seed: int) -> list[Any]:
        """The rows of one history, and every exchange rate."""
        return [row for owner, row in self.rows if owner == seed or type(row).__name__ == "FxRateVersion"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> tuple[Path, Written, list[datetime]]:
    written = Written()
    entities = {f"{e}{b}": {"base_currency": b} for e in ("MX", "OTHER") for b in ("USD", "JPY", "KWD")}
    config = prepared(configure(tmp_path_factory.mktemp("histories"), legal_entities=entities))
    drop = config.parent / "drop"
    (drop / "parties.csv").write_text("party_id,name\nP1,One\nP2,Two\nP3,Three\n", encoding="utf-8")
    times = []
    for nth in range(len(LOADS)):
        written.write(drop, nth)
        report = passed(config)
        assert all(s.status != "failed" for s in report.steps if s.step in ("extract", "post")), report.error
        times.append(written.stamp(config, nth))
    return config, written, times


def test_nothing_was_refused_at_the_door(loaded: tuple[Path, Written, list[datetime]]) -> None:
    config, written, _ = loaded
    found = rows(config, "select * from ops.quarantine where stage <> 'posting'")
    assert [(r["entity"], r["file"], r["line"], r["reason"]) for r in found] == []
    kinds = {row.document_type for _, row in written.rows if getattr(row, "document_type", None)}
    assert kinds == {"invoice", "debit_memo", "finance_charge", "opening_item", "credit_memo", "pro_forma"}
    assert {row.currency for _, row in written.rows if getattr(row, "currency", None)} >= {"JPY", "KWD", "EUR", "USD"}


def test_every_balance_of_every_clock_is_what_the_reference_says(
    loaded: tuple[Path, Written, list[datetime]],
) -> None:
    config, written, times = loaded
    ledger = rows(
        config,
        """select item_type, item_id, installment_no, effective_date, recorded_at, loaded_at, amount, base_amount
        from marts.fct_ar_ledger""",
    )
    mine: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for m in ledger:
        mine[int(m["item_id"].split("-")[0])].append(m)
    asked = 0
    for seed in SEEDS:
        reference = Reference(written.of(seed), written.bases[seed])
        for t, known, until in [(t, k, EVER) for t in DAYS for k in KNOWN] + [(DAYS[-1], EVER, at) for at in times]:
            sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
            for m in mine[seed]:
                if m["effective_date"] <= t and m["recorded_at"] <= known and m["loaded_at"] <= until:
                    base = m["base_amount"]
                    more = (m["amount"], base or Decimal(0), m["amount"] if base is None else Decimal(0))
                    key = (m["item_type"], m["item_id"], m["installment_no"])
                    sums[key] = [a + b for a, b in zip(sums[key], more, strict=True)]
            found = {k: (a, None if unknown else b) for k, (a, b, unknown) in sums.items() if a or b or unknown}
            assert found == reference.open(t, known, until), f"history {seed} at {t}, known {known}, loaded {until}"
            asked += 1
    assert asked == len(SEEDS) * (len(DAYS) * len(KNOWN) + len(times))


@pytest.mark.parametrize("size", [1, 3, 1_000_000])
def test_posted_again_some_at_a_time_it_is_the_same_ledger(
    loaded: tuple[Path, Written, list[datetime]], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(loaded[0].parent, tmp_path / "copy")
    config = tmp_path / "copy" / "otc.yaml"
    said = ", ".join(name for name in Movement._fields if name != "posted_in_load")
    ledger = f"select {said} from ops.ar_movement order by movement_id"
    held = "select quarantine_id from ops.quarantine where stage = 'posting' and status = 'open' order by 1"
    wanted, waiting = rows(config, ledger), rows(config, held)
    monkeypatch.setattr(posting_rows, "CHUNK", size)
    for table in ("ar_movement", "posting_run"):
        change(config, f"delete from ops.{table}")
    if size == 1:
        reached = Counter[str]()

        def cut_off(name: str) -> None:
            reached[name] += 1
            if reached["post.part"] == 2:
                raise RuntimeError("the power is gone")

        with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="the power is gone"):
            patched.setattr(posting, "killpoint", cut_off)
            posting.post(Flow(load(config)))
        assert rows(config, ledger) == rows(config, "select * from ops.posting_run") == []
    posting.post(Flow(load(config)))
    assert rows(config, ledger) == wanted
    assert rows(config, held) == waiting
    assert posting.post(Flow(load(config))).rows_new == 0


def test_the_aging_report_sums_them_up(loaded: tuple[Path, Written, list[datetime]]) -> None:
    config, written, _ = loaded
    for on in DAYS[2:]:
        wanted: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for seed in SEEDS:
            history = written.of(seed)
            visible = visible_at(first_arrival(history), EVER, EVER)
            for (kind, item_id, _), (amount, _) in Reference(history, written.bases[seed]).open(on).items():
                row = visible.receipts[item_id] if kind == "receipt" else visible.documents[item_id]
                wanted[row.legal_entity, row.party_id or "", row.currency] += amount
        found = {
            (r["legal_entity"], r["party_id"] or "", r["currency"]): Decimal(r["total"])
            for r in aging_report(load(config), AgingQuestion(on)).rows
        }
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in wanted.items() if v}
