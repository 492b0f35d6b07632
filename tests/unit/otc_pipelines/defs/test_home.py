"""What Dagster is told about itself, and what a code location that ended left going on."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from connectors.kit.errors import ConfigError, FatalError
from otc_pipelines.defs.home import LOCATION, STORAGE, end_orphans, located, opened, settled


def test_settings_are_written_once_and_put_right_again(tmp_path: Path) -> None:
    home = settled(tmp_path / "home")
    first = (home / "dagster.yaml").read_text()
    assert "storage" not in yaml.safe_load(first)
    assert not (home / "workspace.yaml").exists()
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}")
    settled(home)
    assert (home / "dagster.yaml").read_text() == first


def test_the_address_of_the_code_location_is_kept_under_its_name(tmp_path: Path) -> None:
    home = settled(tmp_path, ("code", 4000))
    (found,) = yaml.safe_load((home / "workspace.yaml").read_text())["load_from"]
    assert found == {"grpc_server": {"host": "code", "port": 4000, "location_name": LOCATION}}


def test_the_records_password_is_named_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    monkeypatch.setenv(STORAGE, "postgresql+psycopg2://dagster:hunter2@db/dagster")
    text = (settled(tmp_path) / "dagster.yaml").read_text()
    assert yaml.safe_load(text)["storage"] == {"postgres": {"postgres_url": {"env": STORAGE}}}
    assert "hunter2" not in text


@pytest.mark.parametrize("url", ["postgresql://dagster:hunter2@db/dagster", "sqlite:///x", "hunter2"])
def test_a_url_that_would_not_work_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(STORAGE, url)
    with pytest.raises(ConfigError, match=r"must begin with postgresql\+psycopg2") as refused:
        settled(tmp_path)
    assert "hunter2" not in str(refused.value)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE, "postgresql+psycopg2://x:x@db/x")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"otc-pipelines\[deploy\]"):
        settled(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FatalError, match="cannot be written"):
        settled(tmp_path / "file" / "home")


def test_runs_that_nobody_executes_any_more_are_ended_and_no_others() -> None:
    @dg.job
    def nothing() -> None: ...

    with dg.DagsterInstance.ephemeral() as record:
        by_status = {
            status: record.create_run_for_job(nothing, status=status).run_id
            for status in (
                dg.DagsterRunStatus.STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.SUCCESS,
            )
        }
        assert end_orphans(record) == 2
        now = {was: record.get_run_by_id(run_id).status for was, run_id in by_status.items()}  # type: ignore[union-attr]
    failed = dg.DagsterRunStatus.FAILURE
    assert now == {
        dg.DagsterRunStatus.STARTED: failed,
        dg.DagsterRunStatus.STARTING: failed,
        dg.DagsterRunStatus.NOT_STARTED: dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.SUCCESS: dg.DagsterRunStatus.SUCCESS,
    }


def test_a_run_of_this_process_is_the_code_locations(tmp_path: Path) -> None:
    """The UI's timeline goes by the location that a run names."""

    @dg.asset
    def nothing() -> None:
        pass

    job = dg.Definitions([nothing], jobs=[dg.define_asset_job("go")]).resolve_job_def("go")
    with opened(settled(tmp_path)) as record:
        run_id = job.execute_in_process(instance=record).run_id
        located(record, run_id)
        (found,) = record.get_runs()
        assert found.remote_job_origin is not None
        assert (found.remote_job_origin.location_name, found.job_name) == (LOCATION, "go")
        assert found.tags[".dagster/repository"] == f"__repository__@{LOCATION}"
        assert found.status is dg.DagsterRunStatus.SUCCESS
        assert record.get_runs_count(dg.RunsFilter(tags={".dagster/repository": f"__repository__@{LOCATION}"})) == 1
        located(record, "a run that is not there")
