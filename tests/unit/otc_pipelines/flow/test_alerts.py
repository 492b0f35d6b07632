"""An alert is one line in the log, one JSON line in the file, and never carries what was redacted."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorError
from otc_pipelines.flow.alerts import alert
from otc_pipelines.settings import Instance, load


def _instance(folder: Path, alerts: str = "") -> Instance:
    (folder / "otc.yaml").write_text(f"company: {{name: Acme, base_currency: USD}}\n{alerts}")
    return load(folder / "otc.yaml")


def test_it_goes_to_the_log_and_to_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = _instance(tmp_path, "alerts: {file: told/alerts.jsonl}\n")
    with caplog.at_level(logging.ERROR):
        alert(instance, "run_failed", "pull 1234", "source bank:\n cannot be reached")
        alert(instance, "gate_failed", "fct_tie_out", "2 checks failed")
    told = [json.loads(line) for line in (tmp_path / "told" / "alerts.jsonl").read_text().splitlines()]
    assert [(t["kind"], t["subject"], t["message"]) for t in told] == [
        ("run_failed", "pull 1234", "source bank: cannot be reached"),
        ("gate_failed", "fct_tie_out", "2 checks failed"),
    ]
    assert [r.getMessage() for r in caplog.records] == [
        "run_failed: pull 1234: source bank: cannot be reached",
        "gate_failed: fct_tie_out: 2 checks failed",
    ]


def test_a_card_number_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    instance = _instance(tmp_path, "alerts: {file: alerts.jsonl}\n")
    alert(instance, "run_failed", "pull", "row 4111 1111 1111 1111 was refused")
    assert "4111 1111" not in (tmp_path / "alerts.jsonl").read_text() + caplog.text


def test_without_a_file_it_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alert(_instance(tmp_path), "run_failed", "pull", "failed")
    assert len(caplog.records) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["otc.yaml"]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").mkdir()
    with pytest.raises(ConnectorError, match=r"alerts\.file .* cannot be written"):
        alert(_instance(tmp_path, "alerts: {file: alerts.jsonl}\n"), "run_failed", "pull", "failed")
