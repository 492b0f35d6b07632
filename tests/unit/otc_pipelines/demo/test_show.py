"""The closing summary says what is wrong as plainly as what is right."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.simulation.world.truth import MatchScore
from otc_pipelines.demo.show import closing
from otc_pipelines.demo.summary import Summary, TieOut

GOOD = Summary(
    came_in=[{"source_system": "erp", "entity": "documents", "rows_in": 12000, "rows_new": 11996, "quarantined": 4}],
    quarantined=[
        {"source_system": "erp", "entity": "documents", "reason": "no amount", "rows": 4, "file": "d.csv", "line": 7}
    ],
    expected_bad=4,
    ties=[TieOut("US", "1200", "JPY", Decimal("1500.0000"), Decimal("1500"), Decimal("1500"))],
    matches=MatchScore(pending=10, meant=9, meant_applied=6, usable=8, usable_applied=6, applied=9, right=9, wrong=()),
    by_rule=[{"outcome": "applied", "rule": "reference", "lines": 6}],
    gates=[
        {
            "suite": "tie_out",
            "target": None,
            "object": None,
            "severity": "error",
            "passed": True,
            "checks": 4,
            "failed_checks": 0,
        }
    ],
    delivered=[{"target": "crm", "object": "account_ar_status", "status": "delivered", "rows": 1900, "reason": None}],
    writes=10,
)


def printed(numbers: Summary) -> str:
    text = io.StringIO()
    console = Console(file=text, width=160, no_color=True)
    console.print(closing(numbers, Path("demo/otc.yaml"), "2026-04-30", 12.4))
    return text.getvalue()


def test_all_of_it_is_there() -> None:
    text = printed(GOOD)
    for words in ("12,000", "11,996", "d.csv:7", "no amount", "1,500", "ties", "75.0 %", "100.0 %", "passed", "1,900"):
        assert words in text, words
    assert "1,500.00" not in text  # yen have no decimals
    for command in ("aging --config demo/otc.yaml --as-of 2026-04-30", "matches --config demo/otc.yaml", "ui --config"):
        assert f"otc {command}" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ties": [TieOut("US", "1200", "USD", Decimal(1), Decimal(2), Decimal(1))]}, "differs"),
        ({"ties": [TieOut("US", "1200", "USD", Decimal(1), None, Decimal(1))]}, "none"),
        ({"matches": MatchScore(1, 1, 0, 1, 0, 2, 1, (("a", "r", "d"),))}, "50.0 %"),
        ({"matches": MatchScore(0, 0, 0, 0, 0, 0, 0, ())}, "none"),
        ({"gates": [{**GOOD.gates[0], "passed": False, "failed_checks": 1}]}, "failed (error)"),
        ({"gates": []}, "nothing was judged"),
        ({"delivered": []}, "nothing was delivered"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], words: str) -> None:
    assert words in printed(replace(GOOD, **change))
