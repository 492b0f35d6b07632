"""What programs rely on: the keys of each command's rows, amounts as decimal text, the three options everywhere."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from otc_pipelines.cli.app import app
from tests.pipeline.conftest import TODAY, Settled
from tests.pipeline.house import otc, rewritten, rows

pytestmark = pytest.mark.xdist_group("settled")
AMOUNT = re.compile(r"-?\d+(\.\d+)?")
BUCKETS = ["not_due", "d1_30", "d31_60", "d61_90", "d91_plus", "unapplied", "total", "base_total"]
PARTY = ["source_system", "legal_entity", "party_id", "party_name", "currency"]
DOCUMENT = ["document_id", "installment_no", "due_date", "days_late"]
RUN = ["step", "name", "status", "rows_in", "rows_new", "quarantined", "seconds", "message"]
MATCHES = [
    "source", "bank_line_id", "receipt_id", "document_id", "installment_no", "amount", "currency", "rule", "score",
    "outcome", "reason",
]  # fmt: skip
QUARANTINE = ["source", "entity", "file", "line", "key", "reason", "loaded_at"]
SYNC = ["target", "object", "key", "action", "fields", "status", "reason"]


@pytest.fixture(scope="module")
def config(settled: Settled) -> Path:
    return settled.copy()


def asked(config: Path, *words: str) -> dict[str, Any]:
    said = otc(*words, "--format", "json", config=config)
    assert (said.code, said.err) == (0, "")
    document = json.loads(said.out)
    assert document["rows"], "there is something to look at"
    return dict(document)


def test_run(settled: Settled) -> None:
    document = asked(settled.copy(), "run")
    assert all(list(row) == RUN for row in document["rows"])
    assert set(document["summary"]) >= {
        "rows_in",
        "rows_new",
        "quarantine",
        "tie_out",
        "matches",
        "gates",
        "deliveries",
    }
    assert document["summary"]["tie_out"]["status"] == "tied"
    order = ["extract", "transform", "post", "match", "transform", "publish", "gate", "deliver"]
    steps = [row["step"] for row in document["rows"]]
    assert [s for n, s in enumerate(steps) if n == 0 or steps[n - 1] != s] == order
    assert all(isinstance(r["rows_in"], int | None) and isinstance(r["seconds"], int | float) for r in document["rows"])


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        ([], [*PARTY, *BUCKETS]),
        (["--group-by", "document"], [*PARTY, *DOCUMENT, *BUCKETS]),
        (["--by", "document_date"], [*PARTY, "d0_30", *BUCKETS[2:]]),
    ],
    ids=["party", "document", "by-document-date"],
)
def test_aging(config: Path, words: list[str], columns: list[str]) -> None:
    document = asked(config, "aging", "--as-of", TODAY.isoformat(), *words)
    assert document["as_of"] == TODAY.isoformat()
    assert "known_at" in document
    exponents = {"USD": 2, "EUR": 2, "JPY": 0, "GBP": 2}
    for row in document["rows"]:
        assert set(row) == set(columns)
        for name in columns:
            if name in BUCKETS or name == "d0_30":
                assert isinstance(row[name], str), name
                assert AMOUNT.fullmatch(row[name])
                if name != "base_total":
                    assert len(row[name].partition(".")[2]) == exponents[row["currency"]]
    assert asked(config, "aging", "--as-of", TODAY.isoformat(), *words)["rows"] == document["rows"], "in a stable order"


def test_aging_by_other_edges(settled: Settled) -> None:
    other = settled.copy()
    rewritten(other, lambda d: d.update(aging={"edges": [10, 20], "by": "due_date"}))
    row = asked(other, "aging", "--as-of", TODAY.isoformat())["rows"][0]
    assert set(row) == {*PARTY, "not_due", "d1_10", "d11_20", "d21_plus", "unapplied", "total", "base_total"}


def test_aging_before_anything_was_loaded_says_so(config: Path) -> None:
    said = otc("aging", "--as-of", TODAY.isoformat(), "--loaded-at", "2001-01-01", "--format", "json", config=config)
    document = json.loads(said.out)
    assert (said.code, document["rows"]) == (0, [])
    assert "nothing had been loaded" in document["notes"]
    known = asked(config, "aging", "--as-of", TODAY.isoformat(), "--known-at", f"{TODAY}T00:00:00+00:00")
    assert known["known_at"].startswith(TODAY.isoformat())


def test_matches(config: Path) -> None:
    document = asked(config, "matches")
    assert all(list(row) == MATCHES for row in document["rows"])
    assert {row["outcome"] for row in document["rows"]} <= {"applied", "proposed", "exception"}
    assert all(AMOUNT.fullmatch(row["amount"]) and AMOUNT.fullmatch(row["score"]) for row in document["rows"])
    assert sum(document["summary"].values()) == len(document["rows"])
    assert all(row["reason"] for row in document["rows"])


def test_quarantine(config: Path) -> None:
    document = asked(config, "quarantine")
    assert all(set(row) >= set(QUARANTINE) for row in document["rows"])
    assert (
        len(document["rows"]) == rows(config, "select count(*) as n from ops.quarantine where status = 'open'")[0]["n"]
    )
    one = document["rows"][0]
    shown = asked(config, "quarantine", "show", one["id"])
    assert {"column", "value"} == set(shown["rows"][0])
    tried = asked(config, "quarantine", "replay")
    assert {r["landed"] for r in tried["rows"]} == {0}, (
        "nothing was mended; a statement that does not close least of all"
    )
    assert {r["source"] for r in tried["rows"]} == {"erp", "bank", "salesforce_main"}
    assert asked(config, "quarantine", "list")["rows"] == document["rows"]


def test_sync(config: Path) -> None:
    document = asked(config, "sync")
    for row in document["rows"]:
        assert list(row) == SYNC
        assert row["action"] in ("create", "update", "skip")
        assert row["status"] in ("planned", "delivered", "failed", "conflict", "blocked", "held")
        fields = row["fields"] if isinstance(row["fields"], dict) else json.loads(row["fields"])
        assert fields
    assert {row["target"] for row in document["rows"]} == {"crm"}
    assert asked(config, "sync", "--target", "crm")["rows"] == document["rows"]


def test_a_flag_does_not_overrule_a_dry_run(settled: Settled) -> None:
    config = settled.copy(mode="dry_run")
    written = len(settled.demo.salesforce.writes())
    for words in (("sync", "--deliver"), ("sync", "--target", "crm", "--deliver")):
        said = otc(*words, config=config)
        assert (said.code, "mode: deliver" in said.line) == (2, True)
    assert len(settled.demo.salesforce.writes()) == written


def test_audit_verify(config: Path) -> None:
    (row,) = asked(config, "audit", "verify")["rows"]
    assert row["ok"] is True
    assert row["events"] > 0


@pytest.mark.parametrize("words", [["aging", "--as-of", TODAY.isoformat()], ["matches"], ["quarantine"], ["sync"]])
def test_csv_and_tables_say_the_same(config: Path, words: list[str]) -> None:
    wanted = asked(config, *words)["rows"]
    said = otc(*words, "--format", "csv", config=config)
    found = list(csv.DictReader(io.StringIO(said.out)))
    assert (said.code, len(found), list(found[0])) == (0, len(wanted), list(wanted[0]))
    table = otc(*words, config=config)
    assert (table.code, table.err) == (0, "")
    assert table.out.strip()


def commands(group: Any, path: str = "otc") -> Iterator[tuple[str, Any]]:
    """Every command that does something by itself."""
    inside = getattr(group, "commands", {})
    if not inside or path == "otc quarantine":
        yield path, group
    for name, command in inside.items():
        yield from commands(command, f"{path} {name}")


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", ALL)
def test_every_command_takes_the_three_options(name: str) -> None:
    options = {option for parameter in ALL[name].params for option in parameter.opts}
    assert options >= {"--config", "--format", "--debug"}
    assert ALL[name].help


def test_the_commands_are_those_that_the_contract_has() -> None:
    assert {name.split()[1] for name in ALL} == {
        "demo", "init", "check", "run", "aging", "matches", "quarantine", "sync", "audit", "simulate", "new-connector",
        "serve", "ui", "explain", "metrics", "migrate", "tie-out", "fx", "behaviour",
    }  # fmt: skip


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    said = otc("run", "--debug", config=tmp_path / "nowhere.yaml")
    assert said.code == 2
    assert "Traceback" in said.err
    assert "nowhere.yaml" in said.err.splitlines()[-1]
