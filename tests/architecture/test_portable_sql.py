"""What a model may not write, because two databases answer it differently; docs/add-a-mart.md says what instead.

A live test compares every row on both databases; this one needs none, and says which word it was.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql")) + sorted(
    p
    for p in (PROJECT / "macros").rglob("*.sql")
    if "portable" not in p.parts and p.name not in ("text.sql", "money.sql")
)
_CALLS = {
    "functions of dates that differ": "date_diff datediff date_trunc date_part strftime strptime to_char epoch age",
    "arrays and regular expressions": "unnest string_split str_split regexp_matches regexp_extract",
    "functions that one of the two does not know": "any_value arg_max arg_min list_agg try_cast ifnull avg now",
}
DIFFERENT = {
    "a cast by ::": r"::",
    "a quotient: binary floating point on one, a cut decimal on the other": r"(?<![/*])/(?![/*])",
    "upper case or blanks as a locale has them": r"\b(?:upper|lower|initcap|trim|btrim|ilike)\b",
    "a day that is not the pass's": r"\bcurrent_(?:date|timestamp|time)\b",
    "words that one of the two does not know": r"\b(?:qualify|exclude)\b|\bgroup\s+by\s+all\b",
    "operators that one of the two does not know": r"\bsimilar\s+to\b|\s~\s",
    **{why: rf"\b(?:{'|'.join(names.split())})\s*\(" for why, names in _CALLS.items()},
}


def written(text: str) -> str:
    """The SQL of a file: no comments, no literals, nothing that Jinja does."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", " ", text)
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", " ", text).lower()


def found(text: str) -> list[str]:
    """What of it is not the same everywhere."""
    sql = written(text)
    return [f"{why}: {hit[0].strip()}" for why, pattern in DIFFERENT.items() for hit in re.finditer(pattern, sql)]


@pytest.mark.parametrize(
    "sql",
    [
        "select a::date", "select a / b", "select avg(a)", "select upper(a)", "where day > current_date",
        "qualify nth = 1", "group by all", "select date_trunc(x, y)", "select unnest(a)", "where a ~ b",
    ],
)  # fmt: skip
def test_what_differs_is_found(sql: str) -> None:
    assert len(found(sql)) == 1


def test_what_is_said_of_it_is_not_taken_for_it() -> None:
    assert found("-- never a / b\nselect '::' as \"upper\", {{ money('avg(x)') }} as a /* no */ from t") == []


def test_models_write_nothing_that_two_databases_answer_differently() -> None:
    assert len(MODELS) > 100
    wrong = {str(p.relative_to(PROJECT)): found(p.read_text(encoding="utf-8")) for p in MODELS}
    assert {name: said for name, said in wrong.items() if said} == {}


def test_every_name_fits_into_postgresql() -> None:
    """dbt makes a relation of a unit test's name; a name of more than 63 characters is refused there."""
    named = re.compile(r"^\s+- (?:name:|\{name:) *([a-z0-9_]+)", re.MULTILINE)
    names = [n for path in (PROJECT / "models").rglob("*.yml") for n in named.findall(path.read_text(encoding="utf-8"))]
    assert len(names) > 500
    assert [n for n in names if len(n) > 63] == []
