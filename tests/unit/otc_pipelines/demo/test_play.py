"""The demo's exit code is that of its pass, and says when the outcome is not what the company knows."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from otc_pipelines.demo import play as room
from otc_pipelines.demo.start import DemoOptions
from otc_pipelines.demo.summary import TieOut
from tests.unit.otc_pipelines.demo.test_show import GOOD


@dataclass
class Done:
    """A pass that did nothing."""

    code: int = 0


@pytest.mark.parametrize(("code", "ledger", "wanted"), [(0, 1500, 0), (0, 1501, 1), (3, 1500, 3)])
def test_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, ledger: int, wanted: int) -> None:
    ties = [TieOut("US", "1200", "JPY", Decimal(ledger), Decimal(1500), Decimal(1500))]

    def shown(*_: Any) -> Any:
        return replace(GOOD, ties=ties)

    monkeypatch.setattr(room, "show", shown)
    options = DemoOptions(tmp_path, 2, customers=12, invoices=60, months=4, as_of=date(2026, 4, 30))
    seen: list[Path] = []

    def run(config: Path) -> Done:
        seen.append(config)
        assert config.is_file()
        return Done(code)

    text = io.StringIO()
    assert room.play(options, run, Console(file=text))[1] == wanted
    assert seen == [tmp_path / "otc.yaml"]
    assert "60 invoices" in text.getvalue()
