"""A finance system calls nobody: the whole way imports and runs with every outgoing connection refused and counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import socket, sys
seen = []
real = socket.socket.connect
def connect(self, address):
    near = ("127.", "::1", "localhost")
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(near):
        seen.append(address)
        raise OSError("refused by the test")
    return real(self, address)
socket.socket.connect = connect
lookup = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host not in (None, "localhost", "127.0.0.1", "::1", socket.gethostname()):
        seen.append((host,))
        raise socket.gaierror("refused by the test")
    return lookup(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
from otc_pipelines.cli import main
try:
    main(["--help"] if len(sys.argv) < 2 else sys.argv[1:])
except SystemExit as leaving:
    code = leaving.code
import atexit, time
time.sleep(1)
print("CALLED", seen)
sys.exit(code)
"""

CONFIG = """
company: {name: Acme, base_currency: USD, timezone: UTC}
data_dir: ./data
warehouse: duckdb
sources:
  - {name: legacy, connector: files, path: ./drop}
"""


def test_a_whole_pass_reaches_for_no_other_machine(tmp_path: Path) -> None:
    (tmp_path / "otc.yaml").write_text(CONFIG)
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "parties.csv").write_text("party_id,name\nP1,Alder Works\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "run"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CALLED []" in done.stdout
