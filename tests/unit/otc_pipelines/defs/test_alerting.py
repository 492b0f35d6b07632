"""What Dagster's record says of a run becomes alerts that name the step or the check, and why; once while it lasts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from otc_pipelines.defs.gate import REFUSED
from otc_pipelines.defs.schedules.alerting import alert_sensors, tell_of_run
from otc_pipelines.flow.occurrences import of_verdict
from otc_pipelines.settings import Instance, load
from otc_pipelines.warehouse import Warehouse

QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def house(tmp_path: Path) -> Instance:
    (tmp_path / "bank").mkdir()
    (tmp_path / "otc.yaml").write_text(
        "company: {name: Acme, base_currency: USD}\nalerts: {file: alerts.jsonl}\n"
        "sources: [{name: bank, connector: bank_files, path: ./bank, expect_every: 1d}]\n"
    )
    return load(tmp_path / "otc.yaml")


@pytest.fixture
def recorded() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Ran:
    """Runs a step, and lets the sensors look at what became of it."""

    def __init__(self, house: Instance, recorded: dg.DagsterInstance) -> None:
        self.house, self.recorded = house, recorded
        self.sensors = {s.name: s for s in alert_sensors(house)}

    def __call__(self, work: Callable[[], Any], **check: Any) -> int:
        specs = [dg.AssetCheckSpec("gate", asset="sync_crm__account", blocking=True)] if check else []

        @dg.asset(name="sync_crm__account", check_specs=specs)
        def step() -> Any:
            work()
            yield dg.Output(None)
            if check:
                yield dg.AssetCheckResult(check_name="gate", **check)

        result = dg.materialize([step], instance=self.recorded, raise_on_error=False, run_config=QUIET)
        context = dg.build_run_status_sensor_context(
            "alert_failed_run",
            dagster_instance=self.recorded,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_success_event() if result.success else result.get_run_failure_event(),
        )
        if not result.success:
            return tell_of_run(self.house, context)
        self.sensors["alert_over"](context)  # type: ignore[operator]
        return 0

    def told(self) -> list[dict[str, str]]:
        path = self.house.path.parent / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def ran(house: Instance, recorded: dg.DagsterInstance) -> Ran:
    return Ran(house, recorded)


def fails(problem: Exception) -> Callable[[], None]:
    def work() -> None:
        raise problem

    return work


def test_a_failed_step_says_why_and_where_to_look(ran: Ran) -> None:
    assert ran(fails(dg.Failure("source bank: 127.0.0.1 cannot be reached", allow_retries=False))) == 1
    (told,) = ran.told()
    assert (told["kind"], told["subject"]) == ("run_failed", "sync_crm__account")
    assert told["message"] == "source bank: 127.0.0.1 cannot be reached"
    assert told["where"] == f"/runs/{told['run_id']} in `otc ui`"


def test_a_defect_says_no_more_than_what_it_was(ran: Ran) -> None:
    ran(fails(ValueError("row of Alder Works, DE89370400440532013000")))
    (told,) = ran.told()
    assert told["message"] == "it broke: ValueError; it is a defect"


def test_it_is_told_once_until_the_step_goes_well_again(ran: Ran) -> None:
    bad, well = fails(dg.Failure("down", allow_retries=False)), lambda: None
    assert [ran(bad), ran(bad), ran(well), ran(bad)] == [1, 0, 0, 1]


def test_a_failed_check_names_itself_and_why(ran: Ran) -> None:
    said = "1 of 4 failed: Each customer once. (2 found)"
    assert ran(lambda: None, passed=False, description=said) == 1
    (told,) = ran.told()
    assert (told["kind"], told["subject"]) == ("run_failed", "check gate of sync_crm__account")
    assert told["message"] == said
    assert ran(lambda: None, passed=True) == 0
    assert ran(lambda: None, passed=False, description=said) == 1, "it was over"


def test_a_gate_is_told_as_its_verdict_is_and_not_twice(ran: Ran) -> None:
    metadata = {REFUSED: dg.MetadataValue.json(["crm/account", "other_crm/account"])}
    assert ran(lambda: None, passed=False, description="1 of 4 failed: x", metadata=metadata) == 2
    assert [(t["kind"], t["subject"], t["message"]) for t in ran.told()] == [
        ("gate_failed", f"sync_crm__account for {target}/account", "1 of 4 failed: x")
        for target in ("crm", "other_crm")
    ]
    journal = json.loads((ran.house.data_dir / "alerts" / "journal.json").read_text())
    assert of_verdict("sync_crm__account", "crm", "account", "x", "r").key in journal["lasting"]


def test_a_run_that_died_outside_of_its_steps_is_told_by_its_job(house: Instance, recorded: dg.DagsterInstance) -> None:
    @dg.op
    def nothing() -> None:
        return None

    @dg.job
    def pull() -> None:
        nothing()

    run = recorded.create_run_for_job(pull)
    recorded.report_run_failed(run, "the process of the run ended with code 137")
    died = recorded.get_run_by_id(run.run_id)
    (event,) = recorded.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    assert died is not None and event.event_log_entry.dagster_event is not None
    context = dg.build_run_status_sensor_context(
        "x", dagster_instance=recorded, dagster_run=died, dagster_event=event.event_log_entry.dagster_event
    )
    assert tell_of_run(house, context) == 1
    (told,) = [json.loads(line) for line in (house.path.parent / "alerts.jsonl").read_text().splitlines()]
    assert (told["subject"], told["message"]) == ("job pull", "the process of the run ended with code 137")


def test_a_silent_source_is_told_once_until_it_is_heard(house: Instance) -> None:
    (sensor,) = (s for s in alert_sensors(house) if s.name == "alert_silent_source")

    def look() -> str:
        evaluated: Any = sensor(dg.build_sensor_context())  # type: ignore[operator]
        return str(evaluated.skip_message)

    warehouse = Warehouse.of(house)
    with warehouse.transaction() as tx:
        tx.execute("update ops.schema_version set applied_at = applied_at - interval '2 days'")
    assert [look(), look()] == ["1 sources are silent, 1 told", "1 sources are silent, 0 told"]
    (told,) = [json.loads(line) for line in (house.path.parent / "alerts.jsonl").read_text().splitlines()]
    assert (told["kind"], told["subject"]) == ("silent_source", "bank")
    assert told["message"] == "nothing has come yet, 2 days after the beginning; expect_every is 1d"
    with warehouse.transaction() as tx:
        tx.execute("update ops.schema_version set applied_at = applied_at + interval '2 days'")
    assert look() == "0 sources are silent, 0 told"


def test_silence_is_looked_for_only_where_somebody_waits(house: Instance) -> None:
    names = ["alert_failed_run", "alert_over", "alert_failed_gate"]
    assert [s.name for s in alert_sensors(house)] == [*names, "alert_silent_source"]
    nobody = house.model_copy(update={"sources": ()})
    assert [s.name for s in alert_sensors(nobody)] == names
    for sensor in alert_sensors(house):
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
