"""Suites as data: what is shipped is well-formed, and what is not is refused in one line that names it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from otc_pipelines.gate import GateError, load_suites
from otc_pipelines.gate.suites import expectations_dir


def test_what_is_shipped_is_well_formed() -> None:
    suites = load_suites()
    assert {s.table for s in suites} == {f.stem for f in expectations_dir().glob("*.json")}
    assert all(s.owner.startswith("team:") for s in suites)
    for suite in suites:
        expected = {suite.table} if suite.outbound else None
        assert suite.guards == expected
    assert {s.severity for s in suites if s.outbound} == {"block"}


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("gate.yml", "severity: block", "severity: shout", "severity"),
        ("gate.yml", "fct_tie_out:", "fct_tieout:", "fct_tie_out is not in gate.yml"),
        ("gate.yml", "suites:", "suites: [", "cannot be read"),
        ("gate.yml", "owner: team:controllership", "owner: someone", "owner"),
        ("fct_tie_out.json", '"name": "fct_tie_out"', '"name": "other"', "'other'"),
        ("fct_tie_out.json", '"kwargs"', '"arguments"', "kwargs"),
        ("fct_tie_out.json", "{", "", "cannot be read"),
    ],
)
def test_what_is_not_well_formed_is_refused(tmp_path: Path, file: str, old: str, new: str, told: str) -> None:
    folder = tmp_path / "expectations"
    shutil.copytree(expectations_dir(), folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(GateError) as caught:
        load_suites(folder)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_value_in_a_query_is_an_error() -> None:
    (aging,) = [s for s in load_suites() if s.table == "fct_ar_aging"]
    with pytest.raises(KeyError):
        aging.configured({})
    for expectation in aging.configured({"as_of": "current_date", "buckets": "(not_due)"}):
        assert "$" not in str(expectation)
