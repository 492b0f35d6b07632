"""Every third-party camt.053, camt.054 and MT940 file in one inbox, in one whole pass, against an independent reader.

Asserted of the warehouse: what closes is there with its figures, what does not is set aside alone, and nothing comes
twice. What one file alone gives is asserted where its reader is.
"""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.audit import verify
from otc_pipelines.flow.run import RunReport
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import SHARED, configure, counts, grown, passed, rows, step

BANK = SHARED / "data" / "bank"
FORMATS = ("camt.053", "camt.054", "mt940")
DERIVED = "facts derived by an independent reader"
CLOSING = "statements whose balances close: ok/bad/not given"
pytestmark = [
    pytest.mark.skipif(not BANK.is_dir(), reason="the third-party bank files are not beside the project"),
    pytest.mark.xdist_group("files"),
]


class Facts:
    """What the independent reader found in one file."""

    def __init__(self, row: dict[str, str]) -> None:
        pairs = dict(part.split("=") for part in row[DERIVED].split(",") if "=" in part)
        self.name = row["file"].replace("/", "__")
        self.statements = int(pairs.get("n_stmt", 0))
        self.entries = Decimal(pairs.get("n", 0))
        self.sum = Decimal(pairs.get("sum", 0))
        self.closing, self.open, self.unstated = (int(n) for n in (row[CLOSING] or "0/0/0").split("/"))

    @property
    def good(self) -> int:
        """Statements that must load."""
        return self.closing + self.unstated


def facts() -> list[Facts]:
    with (BANK / "FACTS.tsv").open(encoding="utf-8", newline="") as file:
        return [Facts(row) for row in csv.DictReader(file, delimiter="\t") if row["file"].startswith(FORMATS)]


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> tuple[Path, RunReport]:
    config = prepared(configure(tmp_path_factory.mktemp("bank")))
    for one in facts():
        shutil.copy(BANK / one.name.replace("__", "/", 1), config.parent / "bank" / one.name)
    return config, passed(config)


def landed(config: Path, what: str = "bank_statements") -> dict[str, list[dict[str, Any]]]:
    """The rows of each file."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(config, f"select * from raw_bank_files.{what}"):
        found[str(row["_file"])].append(row)
    return found


def set_aside(config: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(config, "select * from ops.quarantine where entity = 'bank_statements'"):
        found[str(row["file"])].append(row)
    return found


def test_the_pass_did_everything(inbox: tuple[Path, RunReport]) -> None:
    config, report = inbox
    assert report.code == 0, report.error
    aside = rows(config, "select count(*) as n from ops.quarantine")
    assert aside == [{"n": step(report, "extract", "bank").quarantined}]
    assert step(report, "match").status == "done"
    assert verify(Warehouse.of(load(config))).ok


def test_what_closes_is_there_with_its_figures(inbox: tuple[Path, RunReport]) -> None:
    config, _ = inbox
    found = landed(config)
    compared = 0
    for one in facts():
        mine = found.get(one.name, [])
        assert len(mine) <= one.good, one.name
        if len(mine) == one.good and not one.open:
            assert sum((r["entries_sum"] for r in mine), Decimal(0)) == one.sum, one.name
            assert sum(r["entries"] for r in mine) == one.entries, one.name
            compared += 1
    assert compared > 80
    # A statement that several files carry is there once: those that are missing from a file are another's.
    total = sum(one.good for one in facts())
    distinct = rows(config, "select count(distinct statement_id) as n from raw_bank_files.bank_statements")[0]["n"]
    assert total * 3 // 4 < distinct <= total


def test_what_does_not_close_is_set_aside_alone_with_the_difference(inbox: tuple[Path, RunReport]) -> None:
    config, _ = inbox
    aside, found = set_aside(config), landed(config)
    beside = 0
    for one in facts():
        mine = aside.get(one.name, [])
        if not one.statements:
            assert len(mine) == 1, one.name
            assert not found.get(one.name), one.name
        else:
            assert len(mine) == one.open, one.name
            beside += bool(one.open and found.get(one.name))
        assert all(r["reason"] for r in mine)
        assert one.statements == 0 or all(r["line"] and r["row_key"] for r in mine)
    assert beside >= 3, "there are files that have both kinds"
    reasons = [r["reason"] for one in facts() if one.open for r in aside[one.name]]
    assert sum("difference" in reason for reason in reasons) > len(reasons) * 0.8


def test_a_line_is_set_aside_only_where_its_file_names_no_currency(inbox: tuple[Path, RunReport]) -> None:
    config, _ = inbox
    found = rows(
        config, "select file, reason from ops.quarantine where source_system = 'bank' and entity = 'bank_lines'"
    )
    assert {r["reason"] for r in found} <= {"currency is missing"}
    for row in found:
        content = (config.parent / "bank" / row["file"]).read_text(encoding="utf-8", errors="replace")
        assert ":60" not in content, "a balance would have named it"


def test_a_line_that_several_files_report_is_one_line(inbox: tuple[Path, RunReport]) -> None:
    """The same entry in an account's statement and in its notification, or in two extracts, counts once."""
    config, _ = inbox
    several = """select bank_line_id, count(distinct amount) as amounts from raw_bank_files.bank_lines
        group by bank_line_id having count(distinct _file) > 1"""
    repeated = rows(config, several)
    assert len(repeated) > 5
    assert {r["amounts"] for r in repeated} == {1}
    once = """select count(*) as n, sum(amount) as amount from (
        select bank_line_id, min(amount) as amount from raw_bank_files.bank_lines group by bank_line_id) as t"""
    assert rows(config, "select count(*) as n, sum(amount) as amount from marts.fct_bank_lines") == rows(config, once)
    orphans = """select count(*) as n from raw_bank_files.bank_lines where statement_id not in (
        select statement_id from raw_bank_files.bank_statements)"""
    assert rows(config, orphans) == [{"n": 0}]


def test_again_and_under_another_name_nothing_is_added(inbox: tuple[Path, RunReport]) -> None:
    config, _ = inbox
    before = counts(config)
    folder = config.parent / "bank"
    for one in facts()[::10]:
        shutil.copy(folder / one.name, folder / f"resent_{one.name}")
    report = passed(config)
    assert report.code == 0, report.error
    after = counts(config)
    assert set(grown(before, after)) <= {'ops."cursor"'}  # under which names a content lies
    assert step(report, "extract", "bank").rows_new == 0
    assert passed(config).code == 0
    assert grown(after, counts(config)) == {}
