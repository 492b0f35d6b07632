"""What people get wrong is named in one line, with the exit code that was promised; nothing is lost by it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from connectors.simulation.faults import Fault
from connectors.simulation.server import Answer, LoopbackServer
from otc_pipelines.audit import verify
from otc_pipelines.settings import load
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import ROOT, configure, otc, otc_process, rewritten, rows

pytestmark = pytest.mark.xdist_group("files")
SECRET = "OTC_TEST_SECRET"
PARTIES = "party_id,name\nP1,Alder Works\n"
COLUMNS = "document_id,document_type,party_id,legal_entity,document_date,currency,amount\n"
DOCUMENTS = COLUMNS + "D1,invoice,P1,US,2026-01-05,USD,10.00\n"


def fill(config: Path) -> Path:
    """Something to load."""
    (config.parent / "drop" / "parties.csv").write_text(PARTIES)
    (config.parent / "drop" / "documents.csv").write_text(DOCUMENTS)
    return config


def source(n: int, **changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda d: d["sources"][n].update(changes)


def missing(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda d: d["company"].pop(key)


CRM = {"name": "crm", "connector": "salesforce", "login_url": "https://example.invalid", "client_id": "x"}
WRONG_KEYS: dict[str, tuple[Callable[[dict[str, Any]], object], tuple[str, ...]]] = {
    "an unknown key": (lambda d: d.update(warehose="duckdb"), ("warehose", "allowed", "warehouse")),
    "an unknown key of a source": (source(0, pathh="./x"), ("legacy", "pathh", "allowed", "path")),
    "a missing key": (missing("base_currency"), ("company.base_currency", "missing")),
    "a missing key of a source": (lambda d: d["sources"][0].pop("path"), ("legacy", "path", "missing")),
    "a wrong type": (lambda d: d.update(aging={"edges": "thirty"}), ("aging.edges", "thirty")),
    "edges that fall": (lambda d: d.update(aging={"edges": [60, 30]}), ("edges", "[60, 30]", "ascending")),
    "a wrong currency": (lambda d: d["company"].update(base_currency="USDX"), ("base_currency", "USDX")),
    "a wrong time zone": (lambda d: d["company"].update(timezone="Mars"), ("timezone", "Mars", "UTC")),
    "a time that never comes": (
        lambda d: d.update(schedules={"pull": "99 * * * *"}),
        ("schedules.pull", "99 * * * *", "five fields"),
    ),
    "a time to the second": (lambda d: d.update(schedules={"delivery": "* * * * * *"}), ("schedules.delivery", "five")),
    "an unknown connector": (source(0, connector="sapp"), ("sapp", "files")),
    "an unknown source of a target": (
        lambda d: d.update(targets=[{"name": "t", "source": "nobody", "objects": ["x"]}]),
        ("nobody", "legacy", "bank"),
    ),
    "a target that cannot be written": (
        lambda d: d.update(targets=[{"name": "t", "source": "legacy", "objects": ["x"]}]),
        ("t", "files", "cannot be written"),
    ),
    "an unknown mode": (
        lambda d: d.update(targets=[{"name": "t", "source": "bank", "objects": ["x"], "mode": "yes"}]),
        ("mode", "dry_run", "deliver"),
    ),
    "a secret that is written out": (
        lambda d: d["sources"].append({**CRM, "client_secret": "hunter2"}),
        ("crm", "client_secret", "environment"),
    ),
    "a variable that is not set": (
        lambda d: d["sources"].append({**CRM, "client_secret": "${NOBODY_SET_THIS}"}),
        ("NOBODY_SET_THIS", "not set"),
    ),
    "two sources of one name": (source(1, name="legacy"), ("two sources", "legacy")),
}


@pytest.mark.parametrize(("change", "words"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_wrong_key_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: tuple[str, ...]
) -> None:
    config = rewritten(fill(configure(tmp_path)), change)
    said = otc("run", config=config)
    assert said.code == 2
    assert all(word in said.line for word in words), said.line
    assert "hunter2" not in said.line
    assert not list(tmp_path.rglob("*.duckdb")), "nothing was begun"


def test_no_configuration_or_one_that_cannot_be_read(tmp_path: Path) -> None:
    said = otc("run", config=tmp_path / "nowhere.yaml")
    assert (said.code, "nowhere.yaml" in said.line, "otc init" in said.line) == (2, True, True)
    broken = tmp_path / "broken.yaml"
    for content in (b"company: [unclosed", b"\xff\xfe\x00", b"just text"):
        broken.write_bytes(content)
        said = otc("run", config=broken)
        assert (said.code, "broken.yaml" in said.line) == (2, True)


def test_wrong_use_is_named(tmp_path: Path) -> None:
    config = configure(tmp_path)
    for words, named in (
        (("aging",), "--as-of"),
        (("aging", "--as-of", "2026-02-30"), "2026-02-30"),
        (("aging", "--as-of", "2026-01-01", "--group-by", "moon"), "moon"),
        (("aging", "--as-of", "2026-01-01", "--known-at", "noon"), "noon"),
        (("run", "--format", "xml"), "xml"),
        (("sync", "--target", "nobody"), "nobody"),
        (("sync", "--deliver"), "deliver"),
        (("jump",), "jump"),
        (("simulate", "nobody"), "nobody"),
    ):
        said = otc(*words, config=config)
        assert (said.code, named in said.line) == (2, True), (words, said)


def test_asked_before_anything_was_loaded(tmp_path: Path) -> None:
    config = configure(tmp_path)
    for words in (("aging", "--as-of", "2026-01-01"), ("matches",), ("quarantine",), ("audit", "verify")):
        said = otc(*words, config=config)
        assert (said.code, "otc run" in said.line) == (3, True)


# --- vendors


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[SalesforceSimulator]:
    with serve(tmp_path / "crm") as simulator:
        simulator.load({"Account": [{"Name": f"A{n}", "OTC_Customer_Key__c": f"P{n}"} for n in range(450)]})
        yield simulator


def reached(crm: SalesforceSimulator, name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "connector": "salesforce",
        "login_url": crm.url,
        "client_id": crm.client_id,
        "client_secret": f"${{{SECRET}}}",
        "ca_bundle": str(crm.ca_bundle),
        "allow_private": True,
        "first_wait_seconds": 0.01,
        "read_timeout_seconds": 5,
        **changes,
    }


def house_with(tmp_path: Path, *vendors: dict[str, Any]) -> Path:
    first = {"name": "legacy", "connector": "files", "path": "./drop"}
    return fill(configure(tmp_path / "house", [first, *vendors]))


def closed_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def extracted(config: Path) -> dict[str, Any]:
    """What each source's step comes to, with no other step taken."""
    from otc_pipelines.flow.context import Flow
    from otc_pipelines.flow.extract import extract, prepare

    flow = Flow(load(config))
    prepare(flow)
    return {s.name: extract(flow, s) for s in flow.instance.sources}


def one_line(step: Any) -> str:
    assert step.status == "failed"
    assert len(step.message.splitlines()) == 1
    assert "Traceback" not in step.message
    return str(step.message)


def test_each_vendor_that_fails_is_named_and_stops_no_other(
    tmp_path: Path, crm: SalesforceSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, crm.client_secret)
    monkeypatch.setenv("OTC_TEST_WRONG", "sesame-open")
    with LoopbackServer(lambda request: Answer(200, b"<!DOCTYPE html><p>Sign in"), tmp_path / "page") as page:
        config = house_with(
            tmp_path,
            reached(crm, "unreachable", login_url=f"https://127.0.0.1:{closed_port()}"),
            reached(crm, "wrong_secret", client_secret="${OTC_TEST_WRONG}"),
            reached(crm, "a_page", login_url=page.url, ca_bundle=str(page.ca_bundle)),
            reached(crm, "good"),
        )
        found = extracted(config)
    assert (found["unreachable"].code, found["wrong_secret"].code, found["a_page"].code) == (3, 2, 3)
    for name in ("unreachable", "wrong_secret", "a_page"):
        assert name in one_line(found[name])
        assert "sesame" not in found[name].message
    assert "html" in found["a_page"].message.lower()
    assert (found["legacy"].status, found["legacy"].rows_new) == ("done", 2)
    assert (found["good"].status, found["good"].rows_new) == ("done", 450)
    counted = rows(config, "select source_system, count(*) as n from raw_salesforce.accounts group by 1")
    assert counted == [{"source_system": "good", "n": 450}]
    assert {r["source_system"] for r in rows(config, "select source_system from ops.cursor")} == {"legacy", "good"}


def test_a_vendor_that_answers_html_in_mid_page_moves_no_cursor(
    tmp_path: Path, crm: SalesforceSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, crm.client_secret)
    config = house_with(tmp_path, reached(crm, "sf"))
    crm.faults.add(Fault("html", path=r"/query", times=1000))
    found = extracted(config)
    assert found["sf"].code == 3
    assert "html" in one_line(found["sf"]).lower()
    assert rows(config, "select * from ops.cursor where source_system = 'sf'") == []
    crm.faults.clear()
    assert extracted(config)["sf"].rows_new == 450


def test_a_next_page_at_another_host_is_refused_and_that_host_hears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        LoopbackServer(lambda request: Answer(200, b"{}"), tmp_path / "other", tls=False) as other,
        serve(tmp_path / "crm", page_rows=200) as crm,
    ):
        monkeypatch.setenv(SECRET, crm.client_secret)
        crm.load({"Account": [{"Name": f"A{n}"} for n in range(450)]})
        crm.faults.add(Fault("foreign_next", path=r"/query", url=f"{other.url}/services/data/v66.0/query/next"))
        config = house_with(tmp_path, reached(crm, "sf"))
        found = extracted(config)
        assert found["sf"].code == 3
        assert "127.0.0.1" in one_line(found["sf"])
        assert other.log() == [], "not even a request without a credential"
        assert found["legacy"].rows_new == 2
        assert extracted(config)["sf"].rows_new == 450


def test_the_gravest_is_the_exit_code_and_the_rest_is_done(
    tmp_path: Path, crm: SalesforceSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, crm.client_secret)
    config = house_with(tmp_path, reached(crm, "sf", login_url=f"https://127.0.0.1:{closed_port()}"))
    done = otc_process("run", "--format", "json", config=config)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "sf" in done.stderr and "Traceback" not in done.stderr
    said = otc("aging", "--as-of", "2026-03-01", "--format", "csv", config=config)
    assert said.code == 0
    assert "Alder Works" in said.out and "10.00" in said.out


# --- the warehouse


@pytest.fixture
def house(tmp_path: Path, prepared: Prepared) -> Path:
    return fill(prepared(configure(tmp_path / "house")))


HOLDER = """
import sys, time
from pathlib import Path
from otc_pipelines.warehouse import EmbeddedWarehouse
with EmbeddedWarehouse(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.readline()
"""
STRANGER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def holding(script: str, path: Path) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        yield holder.pid
        holder.communicate("\n", timeout=30)


@pytest.mark.parametrize("script", [HOLDER, STRANGER], ids=["another-pass", "another-program"])
def test_a_locked_warehouse_is_waited_for_and_then_named(
    house: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("OTC_LOCK_WAIT", "0.3")
    warehouse = EmbeddedWarehouse(load(house).data_dir / "warehouse.duckdb")
    with holding(script, warehouse.path) as pid:
        said = otc("run", config=house)
        assert said.code == 3
        assert "in use by" in said.line
        assert str(pid) in said.line
    with warehouse.reading() as tx:
        assert tx.scalar("select count(*) from raw_files.documents") == 0
        assert tx.scalar("select count(*) from ops.cursor") == 0


def test_a_damaged_warehouse_is_named(house: Path) -> None:
    path = EmbeddedWarehouse(load(house).data_dir / "warehouse.duckdb").path
    path.write_bytes(b"this is no database" * 1000)
    said = otc("run", config=house)
    assert (said.code, path.name in said.line) == (3, True)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """``/proc`` takes no new folder, not even from root."""
    config = fill(configure(tmp_path))
    rewritten(config, lambda d: d.update(data_dir="/proc/otc-data"))
    said = otc("run", config=config)
    assert (said.code, "/proc/otc-data" in said.line, "cannot be written" in said.line) == (3, True, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(house: Path) -> None:
    folder = load(house).data_dir
    folder.chmod(0o500)
    try:
        said = otc("run", config=house)
    finally:
        folder.chmod(0o700)
    assert (said.code, "cannot be written" in said.line) == (3, True)


def test_a_full_disk_is_named_and_what_was_there_stays(house: Path) -> None:
    """No file may grow beyond what the warehouse has now: what a full disk is to it."""
    big = "\n".join(f"D{n},invoice,P1,US,2026-01-05,USD,{n}.00" for n in range(2, 40_000))
    (house.parent / "drop" / "documents_big.csv").write_text(COLUMNS + big + "\n")
    warehouse = EmbeddedWarehouse(load(house).data_dir / "warehouse.duckdb")
    blocks = warehouse.path.stat().st_size // 512 + 8
    words = [sys.executable, "-c", "from otc_pipelines.cli import main; main()", "run", "--config", str(house)]
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 3, (done.stdout[-500:], done.stderr[-500:])
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    with warehouse.reading() as tx:
        loaded = tx.scalar("select count(*) from raw_files.documents")
        streams = tx.scalar("select count(*) from ops.cursor where source_system = 'legacy'")
        assert loaded in (0, 1), "a chunk is there whole, or not at all"
        assert bool(streams) == bool(loaded)
    again = extracted(house)
    assert again["legacy"].status == "done"
    assert rows(house, "select count(*) as n from raw_files.documents") == [{"n": 39_999}]
    assert verify(warehouse).ok


def test_a_folder_of_a_source_that_is_gone_is_named_and_stops_no_other(house: Path) -> None:
    shutil.rmtree(house.parent / "bank")
    found = extracted(house)
    assert found["bank"].code in (2, 3)
    assert "bank" in one_line(found["bank"])
    assert found["legacy"].rows_new == 2
