"""When things start, and who is told: schedules are off, sensors notice once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from otc_pipelines.defs.schedules.alerting import tell_of_verdicts
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse


def _evaluate(sensor: dg.SensorDefinition, context: dg.SensorEvaluationContext) -> list[Any]:
    return list(sensor(context))  # type: ignore[call-overload]


def test_schedules_are_off_and_keep_the_companys_time(defs: dg.Definitions) -> None:
    found = {s.name: s for s in defs.schedules or []}
    assert {n: s.cron_schedule for n, s in found.items()} == {
        "hourly_pull": "0 * * * *",
        "close_of_day": "55 23 * * *",
        "hourly_delivery": "30 * * * *",
    }
    for schedule in found.values():
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
        assert schedule.execution_timezone == "Europe/Berlin"


def test_jobs_hold_what_their_names_say(defs: dg.Definitions) -> None:
    def keys(name: str) -> set[str]:
        selected = defs.resolve_job_def(name).asset_layer.selected_asset_keys
        return {k.path[0] for k in selected}

    assert keys("pull") == {"raw", "ops"}
    assert keys("deliver") == {"sync"}
    assert keys("close_of_day") == {"close"}
    assert "raw" not in keys("build") and "sync" not in keys("build")
    assert keys("whole_way") == {"raw", "ops", "staging", "conformed", "marts", "outbound", "published", "sync"}
    assert keys("after_pull") == keys("whole_way") - {"raw"}


def test_a_new_file_starts_the_pull_of_its_source_once(defs: dg.Definitions, bank: Path) -> None:
    sensor = next(s for s in defs.sensors or [] if s.name == "new_file_bank")
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    context = dg.build_sensor_context()
    assert isinstance(_evaluate(sensor, context)[0], dg.SkipReason)

    (bank / "day.sta").write_text("a statement")
    [request] = _evaluate(sensor, context)
    assert {k.path[1] for k in request.asset_selection} == {"bank"}
    assert isinstance(_evaluate(sensor, context)[0], dg.SkipReason)

    (bank / "day.sta").write_text("a statement, and more")
    [again] = _evaluate(sensor, context)
    assert again.run_key != request.run_key


def test_a_failed_verdict_is_told_once(instance: Instance) -> None:
    def verdict(n: int, suite: str, severity: str, passed: bool) -> dict[str, Any]:
        return {
            "verdict_id": f"v{n}",
            "run_id": "r",
            "decided_at": datetime(2026, 1, n, tzinfo=UTC),
            "suite": suite,
            "target": None,
            "object": None,
            "batch_hash": "-",
            "severity": severity,
            "passed": passed,
            "checks": 4,
            "failed_checks": 0 if passed else 2,
            "details": "{}",
        }

    with Warehouse.of(instance).transaction() as tx:
        tx.insert(
            "ops.gate_verdict",
            [
                verdict(1, "fct_tie_out", "block", False),
                verdict(2, "fct_receipts", "block", True),
                verdict(3, "fct_outbound_exceptions", "warn", False),
            ],
        )
    context = dg.build_sensor_context()
    assert tell_of_verdicts(instance, context) == "3 new verdicts, 1 alerts"
    assert tell_of_verdicts(instance, context) == "0 new verdicts, 0 alerts"
    told = [json.loads(line) for line in (instance.path.parent / "alerts.jsonl").read_text().splitlines()]
    assert [(t["kind"], t["subject"]) for t in told] == [("gate_failed", "fct_tie_out")]
    assert "2 checks failed" in told[0]["message"]


def test_the_build_follows_a_pull_also_a_failed_one(defs: dg.Definitions) -> None:
    found = {s.name: s for s in defs.sensors or []}
    for name in ("build_after_pull", "build_after_failed_pull"):
        assert [t.job_name for t in found[name].targets] == ["build"]
        assert found[name].default_status is dg.DefaultSensorStatus.RUNNING
