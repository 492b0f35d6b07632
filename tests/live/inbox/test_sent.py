"""Bank inbox and file drop on a real sshd and in a real object store: half-written, renamed, sent again, killed.

The oracle is always the same: every row of every finished file is in the warehouse once, and no file has left the inbox
whose rows are not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.settings import load
from tests.live.inbox.senders import InStore, OverSftp, Sender
from tests.live.s3 import SECRET, StoreServer, store
from tests.live.sshd import SftpServer, sshd
from tests.pipeline.house import ROOT, configure, rows

__all__ = ["sshd", "store"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("inbox")]
DIES_MOVING = """
import os, signal, sys
from connectors.kit.inbox import Inbox
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.settings import load
if len(sys.argv) > 2:
    moved = Inbox.archive
    def archive(self, file, digest):
        moved(self, file, digest)
        os.kill(os.getpid(), signal.SIGKILL)
    Inbox.archive = archive
flow = Flow(load(sys.argv[1]))
prepare(flow)
extract(flow, flow.instance.sources[0])
"""


def statement(day: int, *amounts: int) -> bytes:
    """One day of a bank account, closed."""
    opening, total = 1000 * day, sum(amounts)
    lines = "".join(f":61:26020{day}02{day:02}C{a},00NTRFRF{day}{n}//B{day}{n}\r\n" for n, a in enumerate(amounts))
    return (
        f":20:STARTUMS\r\n:25:12345678/0000012345\r\n:28C:{day}/1\r\n:60F:C26020{day}USD{opening},00\r\n{lines}"
        f":62F:C26020{day}USD{opening + total},00\r\n"
    ).encode()


def parties(*names: str) -> bytes:
    return ("party_id,name\n" + "".join(f"{n},Party {n}\n" for n in names)).encode()


@dataclass(frozen=True)
class Kind:
    """What one connector reads: a first file, another one, the first mended, a long one; and where the rows go."""

    table: str
    name: str
    other: str
    first: bytes
    second: bytes
    mended: bytes
    long: bytes
    counts: tuple[int, int, int]  # of rows: of the first, of both, of both with the mended one


LONG = 90
KINDS = {
    "files": Kind(
        table="parties",
        name="parties.csv",
        other="parties_2.csv",
        first=parties("A", "B"),
        second=parties("C"),
        mended=parties("A", "B", "D"),
        long=parties(*(f"L{n} of a long list" for n in range(LONG))),
        counts=(2, 3, 4),
    ),
    "bank_files": Kind(
        table="bank_lines",
        name="day1.sta",
        other="day2.sta",
        first=statement(1, 10, 20),
        second=statement(2, 30),
        mended=statement(3, 10, 20, 40),
        long=statement(1, *range(1, LONG + 1)),
        counts=(2, 3, 6),
    ),
}


class House:
    """An instance with one such source, and whoever sends to it."""

    def __init__(self, folder: Path, connector: str, sender: Sender, **more: Any) -> None:
        self.sender, self.kind = sender, KINDS[connector]
        self.config = configure(folder, [{"name": "inbox", "connector": connector, **sender.stated(**more)}])
        self._table = f"raw_{connector}.{self.kind.table}"

    def run(self) -> str:
        """Extract, in this process; return what it says."""
        flow = Flow(load(self.config))
        prepare(flow)
        report = extract(flow, flow.instance.sources[0])
        assert report.status == "done", report.message
        return report.message

    def dies(self, kill_at: str = "") -> None:
        """Extract in a process that dies at a point; without one, when it has moved its first file."""
        done = subprocess.run(
            [sys.executable, "-c", DIES_MOVING, str(self.config), *([] if kill_at else ["moving"])],
            cwd=ROOT,
            env={**os.environ, "OTC_KILL_AT": kill_at},
            check=False,
            timeout=120,
        )
        assert done.returncode == -signal.SIGKILL

    def count(self) -> int:
        """Rows that are there; each once."""
        found = rows(self.config, f'select count(*) as n, count(distinct "_key") as keys from {self._table}')[0]
        assert found["n"] == found["keys"]
        return int(found["n"])

    def waiting(self) -> list[str]:
        """What has not been archived."""
        return [name for name in self.sender.left() if not name.startswith("archive/")]

    def archived(self) -> int:
        """How many files have been archived."""
        return len(self.sender.left()) - len(self.waiting())


@pytest.fixture(params=["sftp", "store"])
def sender(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setenv("DROP_SECRET", SECRET)
    if request.param == "sftp":
        server: SftpServer = request.getfixturevalue("sshd")
        return OverSftp(server, tmp_path / "elsewhere")
    bucket: StoreServer = request.getfixturevalue("store")
    return InStore(bucket)


@pytest.mark.parametrize("connector", KINDS)
def test_a_file_that_is_still_being_written_is_read_when_it_is_whole(
    sender: Sender, connector: str, tmp_path: Path
) -> None:
    house = House(tmp_path / "house", connector, sender, after="archive", settle_seconds=1)
    kind = house.kind
    sender.put(kind.other, kind.second)
    over = threading.Event()
    with sender.busy(kind.name, kind.long) as more:  # a byte now and then: it would take minutes

        def write() -> None:
            while not over.wait(0.2):
                more()

        writer = threading.Thread(target=write)
        writer.start()
        said = house.run()
        over.set()
        writer.join()
        assert ("1 file archived" in said, house.count()) == (True, kind.counts[1] - kind.counts[0])
        if kind.name in sender.left():
            assert f"{kind.name} is still being written; left for the next run" in said
    assert "1 file archived" in house.run()
    assert (house.count(), house.waiting()) == (LONG + kind.counts[1] - kind.counts[0], [])


@pytest.mark.parametrize("connector", KINDS)
def test_a_file_under_a_name_for_the_meantime_waits_for_its_own(sender: Sender, connector: str, tmp_path: Path) -> None:
    house = House(tmp_path / "house", connector, sender, after="archive")
    kind = house.kind
    sender.put(f"{kind.name}.filepart", kind.first)
    assert house.run() == f"{kind.name}.filepart is still being written; left for the next run"
    assert house.waiting() == [f"{kind.name}.filepart"]
    sender.rename(f"{kind.name}.filepart", kind.name)
    assert house.run() == "1 file archived"
    assert (house.count(), house.waiting()) == (kind.counts[0], [])


@pytest.mark.parametrize("connector", KINDS)
def test_what_is_sent_again_is_taken_over_again_and_loaded_once(sender: Sender, connector: str, tmp_path: Path) -> None:
    house = House(tmp_path / "house", connector, sender, after="archive")
    kind = house.kind
    for name in (kind.name, kind.name, kind.other):
        sender.put(name, kind.first)
        said = house.run()
        assert "1 file archived" in said
        assert (house.count(), house.waiting()) == (kind.counts[0], [])
    assert f"{kind.other} has the content of {kind.name}, which was read; nothing is new" in said
    sender.put(kind.name, kind.mended)
    sender.put(kind.other, kind.second)
    assert house.run() == "2 files archived"
    assert (house.count(), house.waiting(), house.archived()) == (kind.counts[2], [], 5)


@pytest.mark.parametrize("connector", KINDS)
def test_whenever_it_is_killed_nothing_is_lost_and_nothing_is_double(
    sender: Sender, connector: str, tmp_path: Path
) -> None:
    house = House(tmp_path / "house", connector, sender, after="archive")
    kind = house.kind
    sender.put(kind.name, kind.first)
    sender.put(kind.other, kind.second)
    both = sorted([kind.name, kind.other])
    house.dies("landing.before_commit")
    assert house.waiting() == both, "nothing is committed, nothing is touched"
    house.dies("landing.before_acknowledge")
    assert (house.count(), house.waiting()) == (kind.counts[1], both), "committed, and not yet acknowledged"
    house.dies()
    assert (house.count(), len(house.waiting())) == (kind.counts[1], 1), "one is acknowledged"
    assert house.run() == "1 file archived"
    assert (house.count(), house.waiting(), house.archived()) == (kind.counts[1], [], 2)
    loads = rows(house.config, "select sum(rows_new) as n from ops.load where entity = :e", e=kind.table)
    assert int(loads[0]["n"]) == kind.counts[1]
