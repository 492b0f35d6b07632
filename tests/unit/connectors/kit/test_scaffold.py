"""The scaffolder: what it writes is whole and clean, and its contract case goes from red to green when filled in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from connectors.kit.contract import Role
from connectors.kit.errors import ConfigError
from connectors.kit.scaffold import scaffold

ROOT = Path(__file__).resolve().parents[4]
FILLED = """
    def fill(self):
        for i in range(3):
            self._put(f"P{i}", 30 - i)

    def keys(self):
        return {"parties": self._vendor.keys("parties")}

    def add(self):
        return {("parties", self._put("added", 0))}

    def change(self):
        return {("parties", self._put("P1", 0, name="Cedar"))}

    def add_ties(self, count):
        self.ties = getattr(self, "ties", 0) + 1
        return "parties", {self._put(f"tie {self.ties} {i}", 10) for i in range(count)}

    def add_late(self):
        return "parties", self._put("late", 32)

    def spoil(self):
        for kind in ("html", "truncate", "unavailable"):
            self._vendor.faults.add(Fault(kind, times=99))
            yield kind
            self._vendor.faults.clear()

    def unusable(self):
        options = self.settings.model_dump()
        yield "token", type(self.settings).model_validate({**options, "token": "wrong"}), ConfigError
        yield "host", type(self.settings).model_validate({**options, "url": "https://127.0.0.1:9"}), RetriableError

    def _put(self, key, minutes, name="Alder"):
        at = BEGIN - timedelta(minutes=minutes)
        return self._vendor.put("parties", {"party_id": key, "name": name, "recorded_at": at.isoformat()})

"""
IMPORTS = """
from datetime import UTC, datetime, timedelta
from connectors.kit.errors import ConfigError, RetriableError
from connectors.simulation.faults import Fault

BEGIN = datetime.now(UTC).replace(microsecond=0)
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout without the connectors there are, so that only the new one is tried."""
    ignored = shutil.ignore_patterns("__pycache__", "erp", "crm", "bank", "payments", "messaging")
    shutil.copytree(ROOT / "connectors", tmp_path / "connectors", ignore=ignored)
    shutil.copytree(
        ROOT / "tests" / "contract", tmp_path / "tests" / "contract", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / "__init__.py").touch()
    for kind in ("cases", "channels"):
        for case in (tmp_path / "tests" / "contract" / kind).glob("[!_]*.py"):
            case.unlink()
    return tmp_path


def suite(checkout):
    command = [sys.executable, "-m", "pytest", "tests/contract", "-p", "no:cacheprovider", "-rN"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("role", list(Role))
def test_what_it_writes_is_whole_and_clean(checkout, role):
    written = scaffold(role.value, "acme_one", checkout)
    assert all(path.is_file() for path in written)
    names = {str(path.relative_to(checkout)) for path in written}
    assert {
        f"connectors/{role.value}/acme_one/{part}.py"
        for part in ("connector", "settings", "client", "source", "simulator")
    } <= names
    assert f"connectors/{role.value}/acme_one/README.md" in names
    assert "tests/contract/cases/acme_one.py" in names
    ruff = [sys.executable, "-m", "ruff"]
    code = [f"connectors/{role.value}", "tests/contract/cases"]
    for arguments in (["check", *code], ["format", "--check", *code]):
        run = subprocess.run([*ruff, *arguments], cwd=checkout, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("role", list(Role))
def test_every_entity_has_a_staging_twin_whose_columns_are_described(checkout, role):
    scaffold(role.value, "acme_one", checkout)
    folder = checkout / "dbt_project" / "models" / "staging" / "acme_one"
    (source,) = yaml.safe_load((folder / "_acme_one__sources.yml").read_text())["sources"]
    assert source["schema"] == "raw_acme_one"
    models = {path.stem for path in folder.glob("*.sql")}
    assert len(models) == len(source["tables"])
    for model in models:
        (described,) = yaml.safe_load((folder / f"{model}.yml").read_text())["models"]
        assert described["name"] == model
        assert described["description"]
        assert all(column["description"] for column in described["columns"])


@pytest.mark.slow
def test_the_contract_case_goes_from_red_to_green(checkout):
    scaffold("erp", "acme_one", checkout)
    red = suite(checkout)
    assert red.returncode == 1, red.stdout + red.stderr
    assert "no world here says which rows there are" in red.stdout
    case = checkout / "tests" / "contract" / "cases" / "acme_one.py"
    text = case.read_text()
    text = text.replace("from tests.contract.case", IMPORTS + "from tests.contract.case")
    text = text.replace("    def __init__", FILLED + "    def __init__")
    text = text.replace(
        "yield AcmeOneWorld(vendor)", "world = AcmeOneWorld(vendor)\n        world.fill()\n        yield world"
    )
    case.write_text(text)
    green = suite(checkout)
    assert green.returncode == 0, green.stdout + green.stderr


def test_what_is_in_the_way_is_named_and_nothing_is_written(checkout):
    before = set(checkout.rglob("*"))
    with pytest.raises(ConfigError, match="role 'shop' is not one of: erp, crm, bank, payments, messaging"):
        scaffold("shop", "acme", checkout)
    for name in ("Acme", "1acme", "acme-erp", "class", ""):
        with pytest.raises(ConfigError, match="cannot be a connector's"):
            scaffold("erp", name, checkout)
    with pytest.raises(ConfigError, match="is no checkout of the project"):
        scaffold("erp", "acme", checkout / "tests")
    assert set(checkout.rglob("*")) == before
    scaffold("erp", "acme", checkout)
    with pytest.raises(ConfigError, match="connectors/erp/acme is there already"):
        scaffold("bank", "acme", checkout)
