"""The whole way through Dagster does what a plain one does; a failing source stops no other, delivery guards itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from otc_pipelines.defs.home import dagster_instance
from otc_pipelines.defs.house import build_defs
from otc_pipelines.defs.publish import CLOSE, PUBLISHED
from otc_pipelines.defs.whole_way import run_whole_way
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import manifest
from otc_pipelines.flow.run import Pass, RunReport, run_pass
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse.publish import published

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dagster")]

_DROP: Mapping[str, str] = {
    "parties.csv": "party_id,name,currency,legal_entity\nC1,Gadget AG,USD,US\nC2,Widget Ltd,USD,US\n",
    "documents.csv": (
        "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
        "INV-1,invoice,C1,US,2026-01-05,2026-02-04,USD,100.00\n"
        "INV-2,invoice,C2,US,2026-01-20,2026-02-19,USD,250.50\n"
        "INV-3,invoice,C2,US,2026-01-21,2026-02-20,USD,lots\n"
    ),
    "receipts.csv": ("receipt_id,legal_entity,receipt_date,currency,amount,party_id\nR-1,US,2026-02-01,USD,40.00,C1\n"),
    "allocations.csv": (
        "allocation_id,source_type,source_id,document_id,amount,allocation_date\n"
        "A-1,receipt,R-1,INV-1,40.00,2026-02-01\n"
    ),
    "gl_balances.csv": "legal_entity,gl_account,currency,date,balance\nUS,1200,USD,2026-02-28,310.50\n",
}
_SOURCES = "  - {name: legacy, connector: files, path: ./drop}\n  - {name: bank, connector: bank_files, path: ./bank}\n"
_CRM = (
    '  - {name: crm_main, connector: salesforce, login_url: "https://localhost:9", allow_private: true, attempts: 1,\n'
    '     first_wait_seconds: 0, client_id: someone, client_secret: "${CRM_SECRET}"}\n'
    "targets:\n"
    "  - {name: crm, source: crm_main, objects: [account_ar_status], mode: deliver}\n"
)


def _instance(folder: Path, more: str = "") -> Instance:
    (folder / "drop").mkdir(parents=True)
    (folder / "bank").mkdir()
    for name, text in _DROP.items():
        (folder / "drop" / name).write_text(text)
    (folder / ".env").write_text("CRM_SECRET=not-a-real-one\n")
    (folder / "otc.yaml").write_text(
        "company: {name: Acme, base_currency: USD}\n"
        'legal_entities: {US: {base_currency: USD, ar_account: "1200"}}\n'
        f"sources:\n{_SOURCES}{more}"
    )
    return load(folder / "otc.yaml")


@pytest.fixture(scope="module")
def went(tmp_path_factory: pytest.TempPathFactory) -> tuple[Instance, RunReport]:
    instance = _instance(tmp_path_factory.mktemp("dagster") / "whole")
    return instance, run_whole_way(instance.path)


_CHECKED = dg.DagsterEventType.ASSET_CHECK_EVALUATION


def _open(instance: Instance) -> list[tuple[str, str]]:
    with published(Flow(instance).warehouse) as tx:
        rows = tx.rows("select item_id, open_amount from marts.fct_open_items order by item_id")
    return [(r["item_id"], f"{r['open_amount']:.2f}") for r in rows]


def test_the_rows_go_the_whole_way(went: tuple[Instance, RunReport]) -> None:
    instance, report = went
    assert report.code == 0, report.error
    assert _open(instance) == [("INV-1", "60.00"), ("INV-2", "250.50")]
    assert report.facts["rows_in"] == 8
    assert report.facts["quarantine"]["open"] == 1
    assert report.facts["tie_out"]["status"] == "tied"


def test_it_reports_what_a_plain_pass_reports(went: tuple[Instance, RunReport], tmp_path: Path) -> None:
    _, report = went
    plain = run_pass(Flow(_instance(tmp_path / "plain")))

    def told(found: RunReport, *steps: str) -> list[tuple[Any, ...]]:
        return sorted(
            (s.step, s.name, s.status, s.rows_in, s.rows_new, s.quarantined, s.message, s.code)
            for s in found.steps
            if s.step in steps
        )

    steps = ("extract", "post", "match", "publish", "gate", "deliver")
    assert told(report, *steps) == told(plain, *steps)
    assert {k: v for k, v in report.facts.items() if k != "deliveries"} == {
        k: v for k, v in plain.facts.items() if k != "deliveries"
    }


def test_what_would_be_the_same_is_not_made_again(
    went: tuple[Instance, RunReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = went
    for drawing in ("aging_chart", "match_chart"):
        monkeypatch.delattr(f"otc_pipelines.defs.publish.marts.{drawing}")
    shutil.copytree(first.path.parent, tmp_path / "again")
    instance = load(tmp_path / "again" / "otc.yaml")
    report = run_whole_way(instance.path)
    assert report.code == 0, report.error
    said = {s.name: s.message for s in report.steps if s.step == "transform"}
    assert said == {n: f"{'marts' if 'marts' in n else 'views'} are current" for n in said} and "marts" in said
    assert [s.message for s in report.steps if s.step == "publish"] == ["marts are current in bi.duckdb"]
    gates = [{s.name: (s.status, s.rows_in) for s in r.steps if s.step == "gate"} for r in (before, report)]
    assert gates[0] == gates[1] and all(s.facts["standing"] for s in report.steps if s.step == "gate")
    assert _open(instance) == [("INV-1", "60.00"), ("INV-2", "250.50")]
    with dagster_instance(instance) as recorded:
        view = recorded.get_latest_materialization_event(dg.AssetKey(["conformed", "int_receipts__current"]))
        table = recorded.get_latest_materialization_event(dg.AssetKey(["marts", "fct_receipts"]))
        copies = [r.asset_materialization for r in recorded.fetch_materializations(PUBLISHED, limit=3).records]
        told = [
            {
                (e.asset_key.to_user_string(), e.check_name): e.passed
                for record in recorded.get_records_for_run(run.run_id, of_type=_CHECKED).records
                for e in [record.event_log_entry.asset_check_evaluation]
                if e is not None
            }
            for run in recorded.get_runs()
        ]
    assert [_metadata(e)["built"].value for e in (view, table)] == [False, False]
    looks = [{name: c.metadata[name].value for name in ("aging", "match rate", "tables")} for c in copies if c]
    assert len(looks) == 2 and looks[0] == looks[1]
    assert told[0] == told[1] and len(told[0]) > 50, "each check says again what it said"


def test_the_run_can_be_seen_later(went: tuple[Instance, RunReport]) -> None:
    instance, _ = went
    with dagster_instance(instance) as recorded:
        [run] = recorded.get_runs()
        assert (run.job_name, run.status) == ("whole_way", dg.DagsterRunStatus.SUCCESS)
        event = recorded.get_latest_materialization_event(dg.AssetKey(["raw", "legacy", "documents"]))
        pictured = recorded.get_latest_materialization_event(dg.AssetKey(["published", "marts"]))
        assert not recorded.telemetry_enabled
    metadata = _metadata(event)
    assert {k: metadata[k].value for k in ("rows_in", "rows_new", "quarantined")} == {
        "rows_in": 3,
        "rows_new": 2,
        "quarantined": 1,
    }
    assert "INV-1" in metadata["preview"].value
    assert "lots" in metadata["quarantine reasons"].value
    assert str(_metadata(pictured)["aging"].value).startswith("![Receivables by days late](data:image/png;base64,")


def test_no_preview_shows_a_person(went: tuple[Instance, RunReport]) -> None:
    instance, _ = went
    with dagster_instance(instance) as recorded:
        event = recorded.get_latest_materialization_event(dg.AssetKey(["raw", "legacy", "parties"]))
    preview = str(_metadata(event)["preview"].value)
    assert "C1" in preview
    assert "Gadget" not in preview


def _metadata(event: Any) -> Mapping[str, Any]:
    assert event is not None and event.asset_materialization is not None
    found: Mapping[str, Any] = event.asset_materialization.metadata
    return found


def test_a_day_is_closed_alone_and_not_by_the_way(went: tuple[Instance, RunReport]) -> None:
    """Who materializes everything at noon has not closed the day."""
    instance, _ = went
    flow = Flow(instance)
    job = build_defs(instance, current=Pass(flow), manifest=manifest(flow)).resolve_implicit_global_asset_job_def()
    configured = [dg.AssetKey(["ops", name]) for name in ("legal_entity", "bank_account")]
    closed = instance.data_dir / "close"
    among_others = job.execute_in_process(asset_selection=[CLOSE, *configured])
    assert among_others.success
    assert not among_others.asset_materializations_for_node("close__aging")
    assert not closed.exists()
    assert job.execute_in_process(asset_selection=[CLOSE]).success
    assert [p.suffix for p in closed.iterdir()] == [".parquet"]


def test_a_source_that_fails_stops_no_other_and_delivery_guards_itself(tmp_path: Path) -> None:
    """Nothing listens where the CRM should be: its source fails, the files go on, and what would be written is not."""
    instance = _instance(tmp_path / "failing", _CRM)
    report = run_whole_way(instance.path)
    assert report.code == 3
    failed = [s for s in report.steps if s.step == "extract" and s.status == "failed"]
    assert [s.name for s in failed] == ["crm_main"]
    assert "\n" not in report.error and "crm_main" in report.error
    assert _open(instance) == [("INV-1", "60.00"), ("INV-2", "250.50")]
    with dagster_instance(instance) as recorded:
        jobs = [(r.job_name, r.status) for r in recorded.get_runs()]
        assert jobs == [
            ("after_pull", dg.DagsterRunStatus.SUCCESS),
            ("whole_way", dg.DagsterRunStatus.FAILURE),
        ]
    _delivery_alone_refuses(instance)


def _delivery_alone_refuses(instance: Instance) -> None:
    flow = Flow(instance)
    with flow.warehouse.transaction() as tx:
        tx.execute("delete from ops.gate_verdict")
    current = Pass(flow)
    defs = build_defs(instance, current=current, manifest=manifest(flow))
    result = defs.resolve_job_def("deliver").execute_in_process(raise_on_error=False)
    assert not result.success
    [failure] = [e.step_failure_data for e in result.all_events if e.is_step_failure]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == "no gate has judged exactly these rows; run the gates first"
    assert [(s.step, s.status, s.code) for s in current.report.steps] == [("deliver", "failed", 1)]
