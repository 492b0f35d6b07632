"""One table read as an entity in several ways: further readings, keys of several columns, rows told by other rows."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.erp.files.filters import parse_filter
from connectors.erp.files.settings import FilesSettings
from tests.unit.connectors.erp.files.drop import read

HEADER = ("company", "no", "customer", "on", "amount", "cleared_by")
ITEMS = [
    ("A", "1", "K1", "2026-01-01", "100.00", "2"),
    ("A", "2", "K1", "2026-01-05", "-100.00", "2"),
    ("B", "1", "K2", "2026-01-01", "50.00", "2"),  # its partner has a number that only company A uses
    ("B", "3", "K2", "2026-01-02", "-7.00", ""),
    ("", "4", "K2", "2026-01-02", "9.00", ""),
]
DOCUMENT = {
    "document_id": ["company", "no"],
    "party_id": "customer",
    "legal_entity": "company",
    "document_date": "on",
}
HERE = "(company, cleared_by) in (select company, no where amount < 0)"
MAPPED = {
    "files": dict.fromkeys(("documents", "documents#credits", "allocations"), "items*"),
    "columns": {
        "documents": DOCUMENT,
        "documents#credits": DOCUMENT,
        "allocations": {
            "allocation_id": ["company", "no"],
            "source_id": ["company", "cleared_by"],
            "document_id": ["company", "no"],
        },
    },
    "constants": {
        "documents": {"document_type": "invoice", "currency": "EUR"},
        "documents#credits": {"document_type": "credit_memo", "currency": "EUR"},
        "allocations": {"source_type": "credit_memo"},
    },
    "sign": {"documents#credits": "absolute"},
    "filters": {
        "documents": "amount > 0",
        "documents#credits": "amount < 0",
        "allocations": f"amount > 0 and {HERE}",
    },
}


def as_csv(folder):
    with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *ITEMS])


def as_jsonl(folder):
    lines = (json.dumps(dict(zip(HEADER, item, strict=True))) for item in ITEMS)
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def as_parquet(folder):
    columns = {name: [item[i] for item in ITEMS] for i, name in enumerate(HEADER)}
    pq.write_table(pa.table(columns), folder / "items.parquet")


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
def test_one_table_gives_documents_of_two_kinds_and_what_settles_what(tmp_path, write):
    write(tmp_path)
    found = read(tmp_path, **MAPPED)
    assert {(r["document_id"], r["document_type"], r["amount"]) for r in found.rows["documents"]} == {
        ("A/1", "invoice", Decimal(100)),
        ("A/2", "credit_memo", Decimal(100)),
        ("B/1", "invoice", Decimal(50)),
        ("B/3", "credit_memo", Decimal(7)),
    }
    assert [(r["allocation_id"], r["source_id"], r["amount"]) for r in found.rows["allocations"]] == [
        ("A/1", "A/2", Decimal(100))
    ]
    (reject,) = found.rejects  # a key with an empty part is no key
    assert reject.entity == "documents"
    assert "document_id" in reject.reason


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no in (select cleared_by)", [1]),
        ("no not in (select cleared_by)", [0, 2, 3, 4]),
        ("no in (select cleared_by where company = 'B') and amount < 0", [1]),
        ("cleared_by not in (select no)", [3, 4]),
        ("(company, no) in (select company, cleared_by)", [1]),
        ("(company, cleared_by) not in (select company, no) or amount = 9", [2, 3, 4]),
        ("(no in (select cleared_by))", [1]),
    ],
)
def test_a_row_can_be_told_by_other_rows(text, kept):
    table = pa.table({name: [item[i] for item in ITEMS] for i, name in enumerate(HEADER)})
    picks = parse_filter(text)
    for selected in picks.selected:
        for start in range(table.num_rows):
            selected.learn(table.slice(start, 1).combine_chunks())
    assert [i for i, hit in enumerate(picks.mask(table).to_pylist()) if hit] == kept


keys = st.lists(st.tuples(st.sampled_from(["", "a", "b", " a "]), st.sampled_from(["", "1", "2"])), max_size=8)


@given(keys)
def test_membership_is_that_of_sets(pairs):
    table = pa.table(
        {"x": pa.array([p[0] for p in pairs], pa.string()), "y": pa.array([p[1] for p in pairs], pa.string())}
    )
    picks = parse_filter("(x, y) in (select x, y where y = '1')")
    for selected in picks.selected:
        selected.learn(table)
    chosen = {(x.strip(), y) for x, y in pairs if y == "1" and x.strip()}
    assert picks.mask(table).to_pylist() == [(x.strip(), y) in chosen for x, y in pairs]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("(a, b) in (1)", "select is wanted"),
        ("(a, b) = (1)", "in is wanted"),
        ("(a, b) in (select a)", "2 columns are compared with 1"),
        ("a in (select b where)", "a column is wanted"),
        ("a in (select b where b in (select c))", "one level is allowed"),
        ("a in (select b", "\\) is wanted"),
    ],
)
def test_what_is_no_selection_says_where(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        parse_filter(text)


def test_a_reading_without_files_and_one_of_no_entity_are_refused():
    for options, said in (
        ({"columns": {"documents#credits": {"amount": "x"}}}, "files does not name"),
        ({"files": {"invoices#credits": "*"}}, "'invoices' is not an entity"),
        ({"files": {"documents#a": "*"}, "columns": {"documents#a": {"colour": "x"}}}, "is not a column of documents"),
    ):
        with pytest.raises(ValidationError, match=said):
            FilesSettings.model_validate({"path": ".", **options})


def test_a_column_that_a_selection_needs_and_the_file_lacks_sets_it_aside(tmp_path):
    as_csv(tmp_path)
    filters = {**MAPPED["filters"], "allocations": "no in (select partner)"}
    (reject,) = read(tmp_path, **{**MAPPED, "filters": filters}).rejects
    assert "has no column 'partner', which filters.allocations asks for" in reject.reason
