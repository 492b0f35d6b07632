"""CSV, JSON Lines and Parquet: every row with its line, every bad one with its reason."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.erp.files.readers import csv_file
from connectors.erp.files.readers.csv_file import read_csv
from tests.unit.connectors.erp.files.drop import read

HEADER = "document_id,document_type,party_id,legal_entity,document_date,currency,amount,reference"


def row(key, amount="1.00", reference=""):
    return f"{key},invoice,P1,US,2026-01-05,USD,{amount},{reference}"


def write(folder, *lines, name="documents.csv", end="\n", encoding="utf-8"):
    (folder / name).write_bytes((end.join(lines) + end).encode(encoding))
    return folder


def test_rows_know_their_physical_line(tmp_path):
    quoted = row("A2", reference='"two\nlines"')
    found = read(write(tmp_path, HEADER, row("A1"), quoted, "", row("A3"), row("A4", "x")))
    assert found.places() == [("A1", 2), ("A2", 3), ("A3", 6)]
    assert found.rows["documents"][1]["reference"] == "two\nlines"
    assert found.reasons() == {(7, "amount 'x' is not a decimal")}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ragged_rows_are_set_aside_alone(tmp_path, end):
    found = read(write(tmp_path, HEADER, row("A1"), "A2,invoice", row("A3") + ",9", row("A4"), end=end))
    assert found.places() == [("A1", 2), ("A4", 5)]
    assert found.reasons() == {
        (3, "has 2 cells where the header has 8"),
        (4, "has 9 cells where the header has 8"),
    }
    assert found.rejects[0].row == {"line": "A2,invoice"}


def test_bytes_that_are_no_text_cost_their_row_only(tmp_path):
    text = "\n".join([HEADER, row("A1"), row("A2", reference="Müller"), row("A3")]).encode("latin-1")
    (tmp_path / "documents.csv").write_bytes(text)
    found = read(tmp_path)
    assert found.places() == [("A1", 2), ("A3", 4)]
    ((line, reason),) = found.reasons()
    assert line == 3
    assert reason.startswith("is not UTF-8 text: byte 0xfc at position")


def test_a_configured_encoding_is_read(tmp_path):
    write(tmp_path, HEADER, row("A1", reference="Müller €"), encoding="cp1252")
    assert read(tmp_path, formats={"encoding": "cp1252"}).rows["documents"][0]["reference"] == "Müller €"
    write(tmp_path, HEADER, row("A1", reference="Müller"), encoding="utf-16")
    assert read(tmp_path, formats={"encoding": "utf-16"}).rows["documents"][0]["reference"] == "Müller"


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    assert read(write(tmp_path, HEADER, row("A1"), encoding="utf-8-sig")).places() == [("A1", 2)]


def test_a_quote_that_is_never_closed_costs_its_row_only(tmp_path):
    found = read(
        write(tmp_path, HEADER, row("A1"), row("A2", reference='"5 inch'), *(row(f"B{i}") for i in range(500)))
    )
    assert len(found.rows["documents"]) == 501
    assert found.reasons() == {(3, "opens a quote that is never closed")}


def test_a_last_line_without_its_end_is_a_line(tmp_path):
    (tmp_path / "documents.csv").write_text(f"{HEADER}\n{row('A1')}\n{row('A2')}")
    assert read(tmp_path).places() == [("A1", 2), ("A2", 3)]


def test_a_half_written_last_row_is_set_aside(tmp_path):
    (tmp_path / "documents.csv").write_text(f"{HEADER}\n{row('A1')}\nA2,invoi")
    found = read(tmp_path)
    assert found.places() == [("A1", 2)]
    assert found.reasons() == {(3, "has 2 cells where the header has 8")}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "documents.csv is empty; a header is needed"),
        (b"a,b\n1,2\n", "documents.csv names no column of documents in its header (a, b); a header is needed"),
        (HEADER.replace(",", ";").encode() + b"\n", "names no column of documents"),
        (b"document_id,document_id\n1,2\n", "has the column 'document_id' twice in its header"),
        (b"document_id,\xff\n1,2\n", "has a header that cannot be read: is not UTF-8 text"),
        ("document_id\n1\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"document_id,amount\r1,2\r", "ends its lines with CR alone"),
    ],
)
def test_a_file_of_no_use_is_set_aside_whole_and_once(tmp_path, content, reason):
    (tmp_path / "documents.csv").write_bytes(content)
    (tmp_path / "parties.csv").write_text("party_id,name\nP1,Alder\n")
    found = read(tmp_path)
    (reject,) = found.rejects
    assert reason in reject.reason
    assert (reject.entity, reject.file, reject.line) == ("documents", "documents.csv", None)
    assert len(found.rows["parties"]) == 1
    assert read(tmp_path, found.cursors).items == []


def test_a_required_column_that_is_missing_rejects_every_row_by_name(tmp_path):
    found = read(write(tmp_path, "document_id,document_type", "A1,invoice", "A2,invoice"))
    assert [r.line for r in found.rejects] == [2, 3]
    assert all("amount is missing: there is no such column" in r.reason for r in found.rejects)


def test_absent_columns_are_told_from_empty_cells(tmp_path):
    found = read(write(tmp_path, HEADER, row("A1")))
    assert "due_date" in found.absent["documents"]
    assert "reference" not in found.absent["documents"]
    assert not found.absent["documents"] & {"recorded_at", "deleted"}
    assert found.rows["documents"][0]["reference"] is None


def test_unknown_columns_are_kept(tmp_path):
    found = read(write(tmp_path, HEADER + ",Colour,_file", row("A1") + ",red,mine"))
    assert json.loads(found.rows["documents"][0]["_extra"]) == {"Colour": "red", "_file (source)": "mine"}
    assert found.rows["documents"][0]["_file"] == "documents.csv"


CELL = st.text(st.sampled_from('ab,"\n\r é;'), max_size=6)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_table_that_python_writes_is_read_back(rows, end, quote_all):
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all or any("\r" in cell for cells in rows for cell in cells) else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(["x", "y", "z"])
    at = []
    for cells in rows:
        at.append(text.getvalue().count("\n") + 1)
        writer.writerow(cells)
    chunks = list(read_csv(io.BytesIO(text.getvalue().encode())))
    assert not [bad for chunk in chunks for bad in chunk.bad]
    found = [
        (line, [value or "" for value in cells.values()])
        for chunk in chunks
        for line, cells in zip(chunk.lines.to_pylist(), chunk.rows.to_pylist(), strict=True)
    ]
    assert found == [(line, cells) for line, cells in zip(at, rows, strict=True) if any(cells)]


@given(st.binary(max_size=120))
def test_no_bytes_make_the_reader_fail(noise):
    lines = list(read_csv(io.BytesIO(b"x,y\n1,2\n" + noise)))
    assert lines[0].rows.num_rows >= 0


def test_blocks_change_nothing(tmp_path, monkeypatch):
    lines = [row(f"A{i}", reference='"a\nb"' if i % 7 == 0 else "") for i in range(200)] + ["ragged", row("Z")]
    whole = read(write(tmp_path, HEADER, *lines))
    monkeypatch.setattr(csv_file, "_BLOCK", 500)
    cut = read(tmp_path)
    assert cut.rows == whole.rows
    assert cut.reasons() == whole.reasons()
    assert len(whole.rows["documents"]) == 201


def test_json_lines_keep_digits_and_tell_absent_from_null(tmp_path):
    base = {
        "document_type": "invoice",
        "party_id": "P",
        "legal_entity": "US",
        "document_date": "2026-01-05",
        "currency": "USD",
    }
    lines = [
        json.dumps({**base, "document_id": "A1", "amount": "1.10", "reference": None}),
        '{"document_id": "A2", "amount": 1234567890.10, "tags": {"a": 1}, ' + json.dumps(base)[1:],
        "",
        '{"document_id": "A3", "amount": 1, ' + json.dumps(base)[1:],
    ]
    found = read(write(tmp_path, *lines, name="documents_1.jsonl"))
    assert found.places() == [("A1", 1), ("A2", 2), ("A3", 4)]
    assert [r["amount"] for r in found.rows["documents"]] == [Decimal("1.1"), Decimal("1234567890.1"), Decimal(1)]
    assert json.loads(json.loads(found.rows["documents"][1]["_extra"])["tags"]) == {"a": "1"}
    assert [("reference" in i.absent) for i in found.items] == [False, True, True]


def test_bad_json_lines_are_set_aside_alone(tmp_path):
    lines = [
        '{"party_id": "P1", "name": "A"}',
        '{"party_id": "P2", "na',
        "[1]",
        '{"a": 1, "a": 2}',
        '{"party_id": NaN}',
        "\x00",
    ]
    found = read(write(tmp_path, *lines, name="parties.jsonl"))
    assert [r["party_id"] for r in found.rows["parties"]] == ["P1"]
    assert sorted(line for line, _ in found.reasons()) == [2, 3, 4, 5, 6]
    assert all(r.entity == "parties" for r in found.rejects)


def test_json_lines_whose_keys_keep_changing_are_all_read(tmp_path):
    lines = [json.dumps({"party_id": f"P{i}", "name": "x", **({"city": "y"} if i % 2 else {})}) for i in range(400)]
    found = read(write(tmp_path, *lines, name="parties.jsonl"))
    assert {r["_line"]: r["party_id"] for r in found.rows["parties"]} == {i + 1: f"P{i}" for i in range(400)}
    assert len(found.items) == 2


def typed_documents(amount):
    return pa.table(
        {
            "document_id": ["A1", "A2"],
            "document_type": pa.array(["invoice", "invoice"]).dictionary_encode(),
            "party_id": pa.array([7, 8], pa.int32()),
            "legal_entity": ["US", "US"],
            "document_date": pa.array([date(2026, 1, 5), date(2026, 1, 6)]),
            "due_date": pa.array([datetime(2026, 2, 5), None], pa.timestamp("ns")),  # noqa: DTZ001
            "currency": ["USD", "USD"],
            "amount": amount,
            "recorded_at": pa.array([datetime(2026, 1, 5, 10, tzinfo=UTC)] * 2, pa.timestamp("ns", tz="Europe/Berlin")),
            "deleted": [False, True],
        }
    )


def test_parquet_is_read_by_its_types(tmp_path):
    pq.write_table(
        typed_documents(pa.array([Decimal("100.50"), None], pa.decimal128(12, 2))), tmp_path / "documents.parquet"
    )
    found = read(tmp_path)
    first, second = found.rows["documents"]
    assert (first["amount"], first["party_id"], first["_line"]) == (Decimal("100.5"), "7", 1)
    assert (first["document_date"], first["due_date"]) == (date(2026, 1, 5), date(2026, 2, 5))
    assert first["recorded_at"] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert (second["deleted"], second["_line"]) == (True, 2)


def test_money_in_binary_floats_is_refused_unless_allowed(tmp_path):
    pq.write_table(typed_documents(pa.array([100.5, 0.1])), tmp_path / "documents.parquet")
    (reject,) = read(tmp_path).rejects
    assert "amount is a binary float, which does not hold cents exactly" in reject.reason
    allowed = read(tmp_path, formats={"floats": "allow"})
    assert [r["amount"] for r in allowed.rows["documents"]] == [Decimal("100.5"), Decimal("0.1")]


def test_a_parquet_file_that_is_not_whole_is_set_aside(tmp_path):
    pq.write_table(typed_documents(pa.array(["1", "2"])), tmp_path / "documents.parquet")
    whole = (tmp_path / "documents.parquet").read_bytes()
    (tmp_path / "documents.parquet").write_bytes(whole[:-20])
    (reject,) = read(tmp_path).rejects
    assert reject.reason == "documents.parquet is not a whole Parquet file"
