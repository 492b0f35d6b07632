"""One step in one line, for a pass and for the demo alike."""

from __future__ import annotations

from otc_pipelines.cli.progress import line
from otc_pipelines.flow.context import StepReport


def test_a_line_says_what_came_what_is_new_and_what_was_set_aside() -> None:
    report = StepReport(
        "extract", "erp", rows_in=93_602, rows_new=93_596, quarantined=6, seconds=8.3, message="2 notes"
    )
    said = line(report).plain
    assert said.startswith("✓ extract    erp ")
    assert "93,602 in, 93,596 new" in said
    assert said.endswith("8.3 s  6 set aside; 2 notes")


def test_a_ledger_that_was_posted_is_not_called_nothing_new() -> None:
    assert "1,200 new" in line(StepReport("post", "ledger", rows_new=1200, seconds=16.4)).plain


def test_what_a_gate_counts_is_not_called_rows() -> None:
    said = line(StepReport("gate", "fct_tie_out", "warned", rows_in=4, message="1 of 4 failed")).plain
    assert said.startswith("! gate")
    assert "4 in" not in said
    assert said.endswith("1 of 4 failed")
