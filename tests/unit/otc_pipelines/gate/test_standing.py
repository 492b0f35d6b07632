"""Verdicts that are read back say what they said when they were made."""

from __future__ import annotations

from pathlib import Path

from otc_pipelines.audit import audited
from otc_pipelines.gate import BatchVerdict, CheckResult, GateReport, GuardedBatch, SuiteVerdict, standing
from otc_pipelines.gate.verdicts import store
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse

HELD, DIFFERS = CheckResult("The ledgers agree.", True), CheckResult("Each customer once.", False, "2")
BROKEN = CheckResult("Nothing is left out.", False, error="no such column")


def test_only_the_last_run_stands_and_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "otc.yaml").write_text("company: {name: Acme, base_currency: USD}\n")
    warehouse = Warehouse.of(load(tmp_path / "otc.yaml"))
    batch = GuardedBatch("crm", "account", "sync_crm__account", "crm_main", "h1")
    tie_out = SuiteVerdict("fct_tie_out", "block", "team:controllership", (HELD, DIFFERS, BROKEN), notes=("late",))
    guarded = SuiteVerdict("sync_crm__account", "block", "team:revenue-operations", (HELD,), batch, page="p.html")
    warns = SuiteVerdict("fct_outbound_exceptions", "warn", "team:receivables", (DIFFERS,))
    report = GateReport((tie_out, guarded, warns), (BatchVerdict(batch, (tie_out, guarded)),))
    with audited(warehouse) as tx:
        assert standing(tx) == []
        store(tx, GateReport((warns,)), "r1", "ann")
        store(tx, report, "r2", "ann")
        found = {v.suite: (run, v) for run, v in standing(tx)}
    assert set(found) == {v.suite for v in report.suites}, "the batch's own verdict is none of a suite"
    for made in report.suites:
        run, read = found[made.suite]
        assert (run, read.message, read.blocks, read.passed) == ("r2", made.message, made.blocks, made.passed)
        assert (read.owner, read.page, read.notes, read.failed) == (made.owner, made.page, made.notes, made.failed)
        where = (made.batch.target, made.batch.object_name, made.batch.batch_hash) if made.batch else None
        assert where == ((read.batch.target, read.batch.object_name, read.batch.batch_hash) if read.batch else None)
