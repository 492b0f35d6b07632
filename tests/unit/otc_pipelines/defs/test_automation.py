"""When things start, and who is told: schedules are off, sensors notice once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from otc_pipelines.defs.schedules.alerting import tell_of_gates
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse


def _evaluate(sensor: dg.SensorDefinition, context: dg.SensorEvaluationContext) -> list[Any]:
    return list(sensor(context))  # type: ignore[call-overload]


def test_schedules_are_off_and_keep_the_companys_time(defs: dg.Definitions) -> None:
    found = {s.name: s for s in defs.schedules or []}
    assert {n: s.cron_schedule for n, s in found.items()} == {
        "scheduled_pull": "0 * * * *",
        "close_of_day": "55 23 * * *",
        "scheduled_delivery": "30 6-20 * * 1-5",
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


def _verdict(run: int, suite: str, severity: str, failed: list[str]) -> dict[str, Any]:
    return {
        "verdict_id": f"v{run}{suite}",
        "run_id": f"r{run}",
        "decided_at": datetime(2026, 1, run, tzinfo=UTC),
        "suite": suite,
        "target": None,
        "object": None,
        "batch_hash": "-",
        "severity": severity,
        "passed": not failed,
        "checks": 4,
        "failed_checks": len(failed),
        "details": json.dumps(
            {
                "owner": "team:controllership",
                "notes": [],
                "page": "",
                "failed": [{"check": what, "found": "3", "error": ""} for what in failed],
            }
        ),
    }


def test_a_gate_is_told_once_while_it_blocks_and_says_what_did_not_hold(instance: Instance) -> None:
    def judged(run: int, *failed: str) -> str:
        with Warehouse.of(instance).transaction() as tx:
            tx.insert(
                "ops.gate_verdict",
                [
                    _verdict(run, "fct_tie_out", "block", list(failed)),
                    _verdict(run, "fct_receipts", "block", []),
                    _verdict(run, "fct_outbound_exceptions", "warn", ["Nothing is held back."]),
                ],
            )
        return tell_of_gates(instance)

    def told() -> list[tuple[str, str, str, str]]:
        path = instance.path.parent / "alerts.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [(t["kind"], t["subject"], t["message"], t["run_id"]) for t in lines]

    differs = ("The ledgers agree.", "No account is left out.")
    one = ("gate_failed", "fct_tie_out", "2 of 4 failed: The ledgers agree. (3 found), and 1 more", "r1")
    assert judged(1, *differs) == "1 of 3 verdicts block, 1 told"
    assert tell_of_gates(instance) == "1 of 3 verdicts block, 0 told"
    assert judged(2, *differs) == "1 of 3 verdicts block, 0 told", "another run, the same thing"
    assert told() == [one]
    assert judged(3) == "0 of 3 verdicts block, 0 told"
    assert judged(4, "The ledgers agree.") == "1 of 3 verdicts block, 1 told", "it was over, and came back"
    assert [t[3] for t in told()] == ["r1", "r4"]


def test_the_build_follows_a_pull_also_a_failed_one(defs: dg.Definitions) -> None:
    found = {s.name: s for s in defs.sensors or []}
    for name in ("build_after_pull", "build_after_failed_pull"):
        assert [t.job_name for t in found[name].targets] == ["build"]
        assert found[name].default_status is dg.DefaultSensorStatus.RUNNING
