"""What the terminal of whoever serves the UI shows of a run that failed: lines, and no stack."""

from __future__ import annotations

import dagster as dg
import pytest

from otc_pipelines.defs.failures import lines


def printed(capsys: pytest.CaptureFixture[str], error: Exception) -> list[str]:
    @dg.asset
    def broken() -> None:
        raise error

    job = dg.define_asset_job("go", config={"loggers": {"console": {}}})
    defs = dg.Definitions([broken], jobs=[job], loggers={"console": lines})
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("go").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    return capsys.readouterr().err.splitlines()


def test_a_refusal_is_its_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    step, run = printed(capsys, dg.Failure("source erp: folder ./drop is not there;\n create it"))
    assert step.endswith(": broken: source erp: folder ./drop is not there; create it")
    assert "ERROR" in step
    assert " go " in step
    assert run.endswith("Steps failed: ['broken'].")


def test_of_a_defect_no_more_is_said_than_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    step, _run = printed(capsys, ValueError("4111 1111 1111 1111"))
    assert step.endswith(": broken: it broke: ValueError; it is a defect")
