"""Dagster loads the definitions without calling anybody, and says in one line what is wrong with a configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otc_pipelines.settings import Instance

_NO_NETWORK = """
import socket
tried = []
def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:
        tried.append(address)
    raise OSError("no network in here")
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *a, **k: tried.append(a) or refuse(socket.socket(), a)
"""


def _python(code: str, config: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OTC_CONFIG": str(config)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_definitions_load_without_network_and_telemetry(instance: Instance) -> None:
    code = f"{_NO_NETWORK}\nfrom otc_pipelines.definitions import defs\nprint(len(list(defs.jobs)), tried)"
    done = _python(code, instance.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "6 []"


@pytest.mark.slow
def test_definitions_load_while_the_warehouse_server_is_down_and_name_its_database(instance: Instance) -> None:
    config = instance.path.with_name("on_server.yaml")
    config.write_text(instance.path.read_text() + "warehouse: postgresql://otc@127.0.0.1:1/otc\n")
    code = """
from otc_pipelines.definitions import defs
kinds = [spec.kinds for spec in defs.resolve_all_asset_specs()]
models = [k for k in kinds if "dbt" in k]
print(len(models) > 20, all("postgres" in k for k in models), any("duckdb" in k for k in kinds))
"""
    done = _python(code, config)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True True False"


def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "otc.yaml"
    wrong.write_text("company: {name: Acme, base_currency: USD}\nwarehouze: duckdb\n")
    done = _python("import otc_pipelines.definitions", wrong)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("dagster") and "warehouze is not a known key; allowed here: company" in last


def test_the_definitions_module_is_short() -> None:
    import otc_pipelines.defs.house as house

    module = Path(str(house.__file__)).parents[1] / "definitions.py"
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 50
