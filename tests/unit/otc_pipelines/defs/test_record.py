"""Events are kept as Dagster keeps them: its own storage reads ours, ours reads its, and the UI can follow a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage

from otc_pipelines.defs.home import opened, settled
from otc_pipelines.defs.record import EventRecord

_PLANNED = ("ASSET_CHECK_EVALUATION_PLANNED", "ASSET_MATERIALIZATION_PLANNED")


@dg.multi_asset(specs=[dg.AssetSpec("judged")], check_specs=[dg.AssetCheckSpec("positive", asset="judged")])
def judged() -> Any:
    yield dg.MaterializeResult(asset_key="judged", metadata={"rows": 3})
    yield dg.AssetCheckResult(asset_key="judged", check_name="positive", passed=False, metadata={"why": "-1"})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return settled(tmp_path / "home")


@pytest.fixture
def record(home: Path) -> Iterator[dg.DagsterInstance]:
    with opened(home) as found:
        assert isinstance(found.event_log_storage, EventRecord)
        yield found


@pytest.fixture
def plain(home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster as it comes, over the same folder."""
    other = home.parent / "plain"
    other.mkdir()
    (other / "dagster.yaml").write_text(
        yaml.safe_dump({"telemetry": {"enabled": False}, "storage": {"sqlite": {"base_dir": str(home)}}})
    )
    with dg.DagsterInstance.from_config(str(other)) as found:
        assert type(found.event_log_storage) is SqliteEventLogStorage
        yield found


def passed(record: dg.DagsterInstance) -> str:
    return dg.materialize([judged], instance=record).run_id


def seen(record: dg.DagsterInstance, run_id: str) -> list[tuple[str, str]]:
    """Everything that is asked of a record about a run, an asset and a check."""
    check = dg.AssetCheckKey(dg.AssetKey("judged"), "positive")
    said = [(str(e.timestamp), str(e.dagster_event_type)) for e in record.all_logs(run_id)]
    last = record.get_latest_materialization_event(dg.AssetKey("judged"))
    checked = record.event_log_storage.get_asset_check_execution_history(check, limit=9)
    return [*said, ("last", last.run_id if last else ""), *(("check", f"{c.run_id} {c.status}") for c in checked)]


def test_dagster_as_it_comes_reads_the_same_and_goes_on(record: dg.DagsterInstance, plain: dg.DagsterInstance) -> None:
    for writer, reader in ((record, plain), (plain, record), (record, plain)):
        run_id = passed(writer)
        found = seen(reader, run_id)
        assert found == seen(writer, run_id)
        assert ("last", run_id) in found
        assert len(found) > 10
    assert len(record.get_runs()) == 3


def test_a_run_s_file_holds_each_event_at_once(record: dg.DagsterInstance, home: Path) -> None:
    """The UI is told of what is new by that file; beside it nothing may wait to be written."""
    run_id = passed(record)
    folder = home / "history" / "runs"
    file = folder / f"{run_id}.db"
    before = file.read_bytes()
    record.report_engine_event("something happened", run_id=run_id, job_name="j")
    assert file.read_bytes() != before
    assert not list(folder.glob(f"{run_id}.db-*"))


def test_files_of_many_runs_are_not_all_kept_in_mind(record: dg.DagsterInstance, home: Path) -> None:
    runs = [passed(record) for _ in range(20)]
    storage = record.event_log_storage
    assert isinstance(storage, EventRecord)
    assert len(storage._engines) < len(runs)
    assert all(record.all_logs(run_id) for run_id in runs)


def test_what_is_handed_over_together_is_written_together_or_not_at_all(
    record: dg.DagsterInstance, plain: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = passed(record)
    events = [e for e in record.all_logs(run_id) if e.dagster_event and e.dagster_event.event_type_value in _PLANNED]
    assert len(events) == 2
    before = len(plain.all_logs(run_id))
    store = EventRecord.store_event
    stored = []

    def breaks(self: EventRecord, event: EventLogEntry) -> None:
        store(self, event)
        stored.append(event)
        if len(stored) == 2:
            raise OSError("no space left")

    monkeypatch.setattr(EventRecord, "store_event", breaks)
    with pytest.raises(OSError, match="no space"):
        record.event_log_storage.store_event_batch(events)
    assert len(plain.all_logs(run_id)) == before
    record.event_log_storage.store_event_batch(events)
    assert len(plain.all_logs(run_id)) == before + 2


def test_a_run_s_plan_is_handed_over_at_once(record: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    store = EventRecord.store_event_batch

    def seen_too(self: EventRecord, events: Sequence[EventLogEntry]) -> None:
        batches.append([e.dagster_event.event_type_value for e in events if e.dagster_event])
        store(self, events)

    monkeypatch.setattr(EventRecord, "store_event_batch", seen_too)
    passed(record)
    assert [sorted(b) for b in batches] == [sorted(_PLANNED)]


def test_nothing_stays_open_afterwards(home: Path) -> None:
    with opened(home) as found:
        passed(found)
        assert (home / "history" / "runs" / "index.db-wal").exists()
    assert not list((home / "history" / "runs").glob("*.db-*"))
