"""A file leaves the inbox after the commit of its rows and never before, whatever ends the process in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.house import ROOT, configure, rows

pytestmark = pytest.mark.xdist_group("files")
PARTIES = "party_id,name\nP1,Alder Works\n"
SCRIPT = """
import sys
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.settings import load
flow = Flow(load(sys.argv[1]))
prepare(flow)
for source in flow.instance.sources:
    report = extract(flow, source)
    print(report.status, report.rows_new, report.message)
"""


def house(folder: Path, **more: Any) -> Path:
    return configure(folder, [{"name": "legacy", "connector": "files", "path": "./drop", "settle_seconds": 0, **more}])


def extracted(config: Path, kill_at: str = "") -> tuple[int, str]:
    environment = {**os.environ, "OTC_KILL_AT": kill_at} if kill_at else os.environ.copy()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(config)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.strip()


def loaded(config: Path) -> int:
    return int(rows(config, "select count(*) as n from raw_files.parties")[0]["n"])


def left(config: Path) -> list[str]:
    return sorted(p.name for p in (config.parent / "drop").iterdir() if p.is_file())


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_killed_before_the_acknowledgement_it_is_made_up_for_without_a_second_load(tmp_path: Path, after: str) -> None:
    config = house(tmp_path, after=after)
    (tmp_path / "drop" / "parties.csv").write_text(PARTIES)
    assert extracted(config, "landing.before_commit")[0] == -signal.SIGKILL
    assert left(config) == ["parties.csv"], "nothing is committed, nothing is touched"
    assert extracted(config, "landing.before_acknowledge")[0] == -signal.SIGKILL
    assert (left(config), loaded(config)) == (["parties.csv"], 1)
    assert extracted(config) == (0, f"done 0 1 file {after}d")
    assert (left(config), loaded(config)) == ([], 1)
    assert (tmp_path / "drop" / "archive" / "parties.csv").exists() is (after == "archive")
    assert extracted(config) == (0, "done 0")
    assert rows(config, "select count(*) as n from ops.load") == [{"n": 1}]


def test_a_file_sent_again_is_archived_and_loaded_no_more(tmp_path: Path) -> None:
    config = house(tmp_path, after="archive")
    drop = tmp_path / "drop"
    for name in ("parties.csv", "parties.csv", "parties_again.csv"):
        (drop / name).write_text(PARTIES)
        code, said = extracted(config)
        assert code == 0
        assert "1 file archived" in said
    assert (left(config), loaded(config)) == ([], 1)
    assert "parties_again.csv has the content of parties.csv" in said
    kept = sorted((drop / "archive").iterdir())
    assert [p.name[:9] for p in kept] == ["parties.c", "parties.c", "parties_a"]
    assert {p.read_text() for p in kept} == {PARTIES}


def test_what_is_refused_stays_and_what_is_unfinished_waits_and_both_are_told(tmp_path: Path) -> None:
    config = house(tmp_path, after="delete")
    drop = tmp_path / "drop"
    (drop / "parties.csv").write_text(PARTIES)
    (drop / "documents.csv").write_bytes(b"")
    (drop / "receipts.csv.filepart").write_text("receipt_id\nR")
    code, said = extracted(config)
    assert code == 0
    assert left(config) == ["documents.csv", "receipts.csv.filepart"]
    assert "receipts.csv.filepart is still being written; left for the next run" in said
    assert "1 file deleted" in said
    assert [r["file"] for r in rows(config, "select file from ops.quarantine")] == ["documents.csv"]


def test_kept_is_the_default(tmp_path: Path) -> None:
    config = house(tmp_path)
    (tmp_path / "drop" / "parties.csv").write_text(PARTIES)
    assert extracted(config) == (0, "done 1")
    assert extracted(config) == (0, "done 0")
    assert left(config) == ["parties.csv"]
    assert not (tmp_path / "drop" / "archive").exists()
