"""Explanations over generated histories: late, repeated, amended and deleted rows, undone and bounced, several loads.

Whatever is asked at whichever day and time of knowledge, the movements sum to what aging shows, and every row is where
it is said to lie, read from the file by the test.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.kit.receivables import RECEIVABLES
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract
from otc_pipelines.flow.models import transform
from otc_pipelines.flow.posting import post
from otc_pipelines.posting import model
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import publish
from tests.pipeline.conftest import Prepared
from tests.pipeline.explained import explained, misplaced, summed, unfounded
from tests.pipeline.house import configure, otc, rows
from tests.reference.generate import LOADS, Maker, days, moments

SEEDS = [Random(20260331 + n).getrandbits(32) for n in range(24)]
_ENTITY = {
    model.DocumentVersion: "documents", model.InstallmentVersion: "installments", model.ReceiptVersion: "receipts",
    model.ReceiptEventVersion: "receipt_events", model.AllocationVersion: "allocations",
    model.AdjustmentVersion: "adjustments", model.FxRateVersion: "fx_rates",
}  # fmt: skip


@dataclass(frozen=True)
class Books:
    """An instance over many histories, each a source of its own; what can be asked about, and when it was loaded."""

    config: Path
    folders: dict[str, Path]
    documents: list[str]
    loads: list[datetime]


def write(folder: Path, history: Any) -> None:
    """Write a history's rows, a file per entity and load, in folders of the loads."""
    files: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in history.rows:
        files[LOADS.index(row.loaded_at), _ENTITY[type(row)]].append(row)
    for (nth, entity), listed in files.items():
        declared = next(e for e in RECEIVABLES if e.name == entity)
        names = [f.name for f in declared.fields if f.name in type(listed[0])._fields]
        path = folder / f"load{nth}" / f"{entity}_{nth}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*dict.fromkeys((*names, "recorded_at", "deleted"))])
            for row in listed:
                cells = {n: getattr(row, n) for n in names}
                cells["recorded_at"] = row.recorded_at if row.recorded_by_source else None
                cells["deleted"] = "true" if row.deleted else None
                writer.writerow(
                    "" if v is None else v.isoformat() if hasattr(v, "isoformat") else v for v in cells.values()
                )


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Books:
    folder = tmp_path_factory.mktemp("histories")
    sources = [{"name": f"h{n}", "connector": "files", "path": f"./drop{n}"} for n in range(len(SEEDS))]
    sources += [{"name": "bank", "connector": "bank_files", "path": "./bank"}]
    config = prepared(configure(folder, sources))
    for n, seed in enumerate(SEEDS):
        write(folder / f"made{n}", Maker(seed, False).history())
    flow = Flow(load(config), actor="ann")
    for nth in range(len(LOADS)):
        for source in flow.instance.sources:
            made = folder / source.name.replace("h", "made") / f"load{nth}"
            if made.is_dir():
                for file in made.iterdir():
                    file.rename(folder / source.name.replace("h", "drop") / file.name)
                assert extract(flow, source).code == 0
        assert post(flow).code == 0
    assert transform(flow, "marts")[0].code == 0
    publish(Warehouse.of(flow.instance))
    found = rows(config, "select distinct source_system || '/' || item_id as id from ops.ar_movement order by 1")
    loaded = rows(config, "select distinct loaded_at from ops.ar_movement order by 1")
    return Books(
        config,
        {f"h{n}": folder / f"drop{n}" for n in range(len(SEEDS))},
        [r["id"] for r in found],
        [r["loaded_at"] for r in loaded],
    )


def test_the_histories_have_what_makes_explaining_hard(books: Books) -> None:
    kinds = {r["movement_type"] for r in rows(books.config, "select distinct movement_type from ops.ar_movement")}
    assert {"document", "receipt", "allocation", "undo", "void", "adjustment", "receipt_event", "refund"} <= kinds
    assert len(books.documents) > 60
    assert len(books.loads) > 20
    assert rows(books.config, "select 1 from ops.quarantine where stage = 'posting'")


@settings(
    max_examples=40,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_is_listed_sums_to_aging_and_lies_where_it_says(books: Books, data: st.DataObject) -> None:
    day = data.draw(days())
    clocks: list[str] = []
    if data.draw(st.booleans()):
        clocks += ["--known-at", data.draw(moments()).isoformat()]
    if data.draw(st.booleans()):
        clocks += ["--loaded-at", data.draw(st.sampled_from(books.loads)).isoformat()]
    name = data.draw(st.sampled_from(books.documents))
    kind = "receipt" if name.partition("/")[2].startswith("R") else "document"
    what = data.draw(st.sampled_from([f"{kind}:{name}", "party:h3/P1", "total:{entity}", "bucket:h5/P1/d1_30"]))
    by, column = "party", "total"
    entity = rows(books.config, "select min(legal_entity) as e, min(currency) as c from ops.ar_movement")[0]
    what = what.replace("{entity}", f"{entity['e']}/{entity['c']}")
    if what.startswith(kind):
        by = "document"
    elif what.startswith("total"):
        by = "total"
    elif what.startswith("bucket"):
        column = "d1_30"
    told = explained(books.config, what, "--as-of", day.isoformat(), *clocks)
    aged = otc("aging", "--as-of", day, "--group-by", by, *clocks, "--format", "json", config=books.config)
    shown = [dict(row, kind="movement", amount=row[column]) for row in json.loads(aged.out)["rows"]]
    source, _, own = name.partition("/")
    if by == "document":
        shown = [r for r in shown if (r["source_system"], r["document_id"]) == (source, own)]
    elif by == "party":
        shown = [r for r in shown if (r["source_system"], r["party_id"]) == (what[what.index("h") :][:2], "P1")]
    else:
        shown = [r for r in shown if (r["legal_entity"], r["currency"]) == (entity["e"], entity["c"])]
    assert summed(told["rows"]) == summed(shown)
    assert misplaced(told["rows"], books.folders) == []
    assert unfounded(told["rows"]) == []


def test_a_change_between_two_loads_is_the_difference_of_the_two_figures(books: Books) -> None:
    for name in ("h0", "h4", "h7"):
        for nth in range(0, len(books.loads), 5):
            since = books.loads[nth].isoformat()
            words = (f"party:{name}/P1", "--as-of", "2026-01-25")
            now, then = explained(books.config, *words), explained(books.config, *words, "--loaded-at", since)
            change = explained(books.config, *words, "--since-loaded", since)
            both = {*summed(now["rows"]), *summed(then["rows"])}
            gained = {w: summed(now["rows"]).get(w, 0) - summed(then["rows"]).get(w, 0) for w in both}
            assert summed(change["rows"]) == {w: amount for w, amount in gained.items() if amount}
            assert all(row["loaded_at"] > since for row in change["rows"] if row["kind"] == "movement")
