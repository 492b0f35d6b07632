"""The demo's instance: its configuration is valid and keeps no secret, and nobody's folder is overwritten."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from connectors.kit.errors import ConfigError
from otc_pipelines.demo.start import SECRET, DemoOptions, running
from otc_pipelines.settings import load


def options(folder: Path, seed: int = 3) -> DemoOptions:
    return DemoOptions(folder, seed, customers=20, invoices=80, months=5, as_of=date(2026, 4, 30))


def test_configuration_is_valid_and_names_running_vendors(tmp_path: Path) -> None:
    with running(options(tmp_path / "demo")) as demo:
        instance = load(demo.config_path)
        assert [s.connector for s in instance.sources] == ["files", "bank_files", "salesforce"]
        for source in instance.sources:
            settings = instance.settings_of(source)
            for result in instance.connector_of(source).check(settings):
                assert result.ok, result
        assert instance.base_currency("DE") == "EUR"
        assert set(instance.bank_accounts) == {line.account for line in demo.world.bank_lines}
        assert demo.salesforce.records("Account")


def test_secret_stands_in_the_environment_only_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "before")
    with running(options(tmp_path)) as demo:
        assert os.environ[SECRET] == demo.salesforce.client_secret
        assert demo.salesforce.client_secret not in demo.config_path.read_text()
    assert os.environ[SECRET] == "before"


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"), running(options(tmp_path)):
        pass
    (tmp_path / "otc.yaml").write_text("company: {name: Real}")
    with pytest.raises(ConfigError, match="not empty"), running(options(tmp_path)):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["otc.yaml", "thesis.txt"]


def test_earlier_demo_is_replaced(tmp_path: Path) -> None:
    with running(options(tmp_path)) as demo:
        first = demo.world
    (tmp_path / "data").mkdir()
    (tmp_path / "notes.txt").write_text("kept")
    with running(options(tmp_path, seed=4)) as demo:
        assert demo.world.history != first.history
        assert {p.name for p in (tmp_path / "drop").iterdir()} == {p.name for p in demo.drop.files}
    assert not (tmp_path / "data").exists()
    assert (tmp_path / "notes.txt").read_text() == "kept"


def test_too_small_a_company_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too small"), running(DemoOptions(tmp_path, customers=1)):
        pass


def test_days_go_by(tmp_path: Path) -> None:
    with running(options(tmp_path)) as demo:
        later = demo.advance(5)
        assert later.world.as_of == date(2026, 5, 5)
        assert later.drop.files
        assert later.statements.files
        assert all(p.exists() for p in (*demo.drop.files, *later.drop.files, *later.statements.files))
