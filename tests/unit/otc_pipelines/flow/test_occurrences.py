"""What is worth an alert, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.errors import ConfigError, FatalError
from otc_pipelines.flow import occurrences
from otc_pipelines.flow.alerts import Occurrence
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.occurrences import judged, of_steps, of_verdict, told
from otc_pipelines.flow.run import RunReport
from otc_pipelines.settings import Source, load

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
BEGUN = NOW - timedelta(days=30)


def source(expect_every: str | None, name: str = "bank") -> Source:
    return Source(name=name, connector="bank_files", expect_every=expect_every)


@pytest.mark.parametrize(
    ("said", "span"), [("90m", timedelta(minutes=90)), ("26h", timedelta(hours=26)), ("3d", timedelta(days=3))]
)
def test_expect_every_is_a_span(said: str, span: timedelta) -> None:
    assert source(said).longest_silence == span


@pytest.mark.parametrize("said", ["soon", "0d", "3", "d", "3w", "-1h", "1.5h"])
def test_anything_else_is_named(tmp_path: Path, said: str) -> None:
    text = "company: {name: Acme, base_currency: USD}\nsources:\n"
    (tmp_path / "otc.yaml").write_text(
        f"{text}  - {{name: b, connector: bank_files, path: b, expect_every: '{said}'}}\n"
    )
    with pytest.raises(ConfigError, match="expect_every"):
        load(tmp_path / "otc.yaml")


@pytest.mark.parametrize(("hours", "is_silent"), [(0, False), (24, False), (25, True), (24 * 40, True)])
def test_a_source_is_silent_after_its_time(hours: int, is_silent: bool) -> None:
    silent, heard = judged([source("1d")], {"bank": NOW - timedelta(hours=hours)}, BEGUN, NOW)
    assert [(o.kind, o.subject) for o in silent] == ([("silent_source", "bank")] if is_silent else [])
    assert heard == ([] if is_silent else ["silent_source||bank"])


def test_it_says_since_when_and_what_was_expected() -> None:
    (found,), _ = judged([source("1d")], {"bank": NOW - timedelta(hours=50)}, BEGUN, NOW)
    assert found.message == "nothing new for 2 days, since 2026-01-03 08:00 UTC; expect_every is 1d"


def test_a_source_that_never_brought_anything_is_silent_since_the_beginning() -> None:
    (found,), _ = judged([source("1d")], {}, BEGUN, NOW)
    assert found.message == "nothing has come yet, 30 days after the beginning; expect_every is 1d"
    assert judged([source("1d")], {}, NOW - timedelta(hours=3), NOW) == ([], ["silent_source||bank"])
    assert judged([source("1d")], {}, None, NOW) == ([], [])


def test_nobody_waits_for_a_source_without_expect_every() -> None:
    assert judged([source(None)], {}, BEGUN, NOW) == ([], [])


def test_steps_that_failed_are_told_and_those_that_went_well_are_over() -> None:
    steps = [
        StepReport("extract", "bank", "failed", message="source bank: cannot be reached", code=3),
        StepReport("extract", "erp"),
        StepReport("gate", "fct_tie_out", "failed", message="1 of 4 failed", code=1, facts={"suite": "fct_tie_out"}),
        StepReport("gate", "crm/account", "done", facts={"suite": "sync"}),
        StepReport("deliver", "crm/account", "skipped", message="a gate that guards it failed", code=1),
    ]
    failed, over = of_steps(steps, "r1")
    assert [(o.kind, o.subject, o.run_id) for o in failed] == [
        ("run_failed", "extract bank", "r1"),
        ("gate_failed", "fct_tie_out", "r1"),
    ]
    assert over == ["run_failed|otc run|extract erp", "gate_failed||sync for crm/account"]


def test_a_step_of_one_name_that_went_well_once_and_failed_once_is_not_over() -> None:
    steps = [StepReport("model", "dbt"), StepReport("model", "dbt", "failed", message="x", code=1)]
    failed, over = of_steps(steps, "r1")
    assert (len(failed), over) == (1, [])


def test_the_sensor_and_the_command_name_a_verdict_alike() -> None:
    step = StepReport("gate", "crm/account", "failed", message="x", code=1, facts={"suite": "sync"})
    (by_command,), _ = of_steps([step], "r1")
    assert by_command.key == of_verdict("sync", "crm", "account", "y", "r2").key


class Told:
    """What would be told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.occurred: list[Occurrence] = []
        self.cleared: list[str] = []
        monkeypatch.setattr(occurrences, "tell", self)

    def __call__(self, _instance: Any, occurred: list[Occurrence], cleared: Any = ()) -> int:
        self.occurred += occurred
        self.cleared += cleared
        return len(occurred)


def test_a_pass_that_an_error_ended_is_told_of_and_the_error_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Told(monkeypatch)
    (tmp_path / "otc.yaml").write_text("company: {name: Acme, base_currency: USD}\n")
    flow = Flow(load(tmp_path / "otc.yaml"))
    with pytest.raises(FatalError), told(flow):
        raise FatalError("warehouse.duckdb is in use by 4711")
    assert [(o.subject, o.message) for o in heard.occurred] == [
        ("the whole pass", "warehouse.duckdb is in use by 4711")
    ]
    with pytest.raises(ZeroDivisionError), told(flow):
        raise ZeroDivisionError
    assert heard.occurred[-1].message == "it broke: ZeroDivisionError"
    with told(flow) as reports:
        reports.append(RunReport([StepReport("extract", "bank")]))
    assert heard.cleared == ["run_failed|otc run|extract bank", "run_failed|otc run|the whole pass"]
