"""What a verdict says in one line, and what is left of the library's trail."""

from __future__ import annotations

from otc_pipelines.gate.docs import localised
from otc_pipelines.gate.model import CheckResult, SuiteVerdict


def _verdict(*passed: bool) -> SuiteVerdict:
    checks = tuple(CheckResult(f"Check {n}.", good) for n, good in enumerate(passed, 1))
    return SuiteVerdict("fct_x", "block", "team:receivables", checks)


def test_one_line_says_how_many_more_there_are() -> None:
    assert _verdict(True).message == "1 check passed"
    assert _verdict(True, True).message == "2 checks passed"
    assert _verdict(True, False).message == "1 of 2 failed: Check 2."
    assert _verdict(False, True, False, False).message == "3 of 4 failed: Check 1., and 2 more"


def test_the_trail_says_each_thing_once_and_nothing_empty() -> None:
    page = (
        "<html><head><title>x</title></head><body><ol>"
        '<li class="breadcrumb-item"><a href="../index.html">Home</a></li>'
        '<li class="breadcrumb-item active">Validations / fct_x / fct_x / __none__ / 2026-11-25T09:04:34Z</li>'
        "</ol></body></html>"
    )
    told = localised(page, "../")
    assert "Validations / fct_x / 2026-11-25T09:04:34Z" in told
    assert "__none__" not in told
    assert ">Home</a>" in told
