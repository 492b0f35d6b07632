"""Landing from a real SFTP server and a real object store: committed, then archived or deleted there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.settings import load
from tests.live.inbox.places import in_store, over_sftp
from tests.live.postgres import free_port
from tests.live.s3 import SECRET, StoreServer, store
from tests.live.sshd import SftpServer, sshd
from tests.pipeline.house import rows

__all__ = ["sshd", "store"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("inbox")]
PARTIES = "party_id,name\nP1,Alder Works\n"


def house(folder: Path, source: dict[str, Any]) -> Path:
    document = {
        "company": {"name": "Acme", "base_currency": "USD"},
        "data_dir": "./data",
        "sources": [{"name": "drop", "connector": "files", **source}],
    }
    (folder / "otc.yaml").write_text(yaml.safe_dump(document))
    return folder / "otc.yaml"


def landed(config: Path) -> Any:
    flow = Flow(load(config))
    prepare(flow)
    return extract(flow, flow.instance.sources[0])


def count(config: Path) -> int:
    return int(rows(config, "select count(*) as n from raw_files.parties")[0]["n"])


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_over_sftp(sshd: SftpServer, tmp_path: Path, after: str) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "parties.csv").write_text(PARTIES)
    config = house(tmp_path, over_sftp(sshd, drop, after=after))
    assert landed(config).message == f"1 file {after}d"
    assert [p.name for p in drop.iterdir() if p.is_file()] == []
    assert ((drop / "archive" / "parties.csv").exists(), count(config)) == (after == "archive", 1)


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_in_an_object_store(store: StoreServer, tmp_path: Path, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROP_SECRET", SECRET)
    bucket = store.bucket()
    store.put(bucket, "in/parties.csv", PARTIES.encode())
    config = house(tmp_path, in_store(store, bucket, after=after, secret_access_key="${DROP_SECRET}"))
    assert landed(config).message == f"1 file {after}d"
    assert store.keys(bucket) == (["in/archive/parties.csv"] if after == "archive" else [])
    assert count(config) == 1
    store.put(bucket, "in/parties.csv", PARTIES.encode())
    again = landed(config)
    assert (again.rows_new, again.message) == (0, f"1 file {after}d")


def test_codes_are_as_promised(sshd: SftpServer, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (tmp_path / "none_known").write_text("")
    changes: dict[int, list[Callable[[], dict[str, Any]]]] = {
        2: [
            lambda: over_sftp(sshd, drop, private_key_path=str(sshd.stranger)),
            lambda: over_sftp(sshd, drop, known_hosts_path=str(tmp_path / "none_known")),
        ],
        3: [lambda: over_sftp(sshd, drop, path=f"sftp://me@127.0.0.1:{free_port()}/in", attempts=1)],
    }
    for code, stated in changes.items():
        for change in stated:
            step = landed(house(tmp_path, change()))
            assert (step.status, step.code) == ("failed", code), step.message
            assert len(step.message.splitlines()) == 1
