"""Other people's exports by mapping alone: renames, constants, codes, signs, filters, ways of writing."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.erp.files.connector import CONNECTOR
from connectors.erp.files.filters import parse_filter
from connectors.erp.files.settings import FilesSettings
from tests.unit.connectors.erp.files.drop import read

ROOT = Path(__file__).resolve().parents[5]
DATA = ROOT.parent / "shared" / "data" / "ibm_late_payment"
EXPORT = ("Belegart", "Nr", "Kunde", "Datum", "Betrag", "Text")
MAPPED = {
    "files": {"documents": "*.csv"},
    "columns": {
        "documents": {
            "document_id": "Nr",
            "document_type": "Belegart",
            "party_id": "Kunde",
            "document_date": "Datum",
            "amount": "Betrag",
        }
    },
    "constants": {"documents": {"currency": "EUR", "legal_entity": "DE"}},
    "values": {"documents": {"document_type": {"RV": "invoice", "RG": "credit_memo"}}},
    "sign": {"documents": "absolute"},
    "filters": {"documents": "Belegart in ('RV', 'RG', 'XX')"},
    "formats": {"date": "%d.%m.%Y", "decimal": ",", "thousands": ".", "delimiter": ";"},
}


def export(folder, *rows):
    with (folder / "export.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(EXPORT)
        writer.writerows(rows)
    return folder


def test_an_export_is_read_by_mapping_alone(tmp_path):
    rows = (
        ("RV", "1", "K1", "05.01.2026", "1.234,50", "a"),
        ("RG", "2", "K1", "06.01.2026", "-10,00", ""),
        ("DZ", "3", "K1", "07.01.2026", "5,00", ""),
        ("RV", "4", "K1", "07.01.2026", "10,00-", ""),
    )
    found = read(export(tmp_path, *rows), **MAPPED)
    assert [
        (r["document_id"], r["document_type"], r["amount"], r["document_date"]) for r in found.rows["documents"]
    ] == [
        ("1", "invoice", Decimal("1234.5"), date(2026, 1, 5)),
        ("2", "credit_memo", Decimal(10), date(2026, 1, 6)),
        ("4", "invoice", Decimal(10), date(2026, 1, 7)),
    ]
    assert found.rows["documents"][0]["currency"] == "EUR"
    assert json.loads(found.rows["documents"][0]["_extra"]) == {"Text": "a"}
    assert found.rejects == []


def test_what_is_not_written_as_configured_is_named_with_the_pattern(tmp_path):
    rows = (
        ("RV", "1", "K1", "2026-01-05", "1.5", ""),
        ("XX", "2", "K1", "31.02.2026", "1,50", ""),
        ("RV", "3", "K1", "05.01.2026", "1,50", ""),
    )
    found = read(export(tmp_path, *rows), **MAPPED)
    assert found.places() == [("3", 4)]
    first, second = sorted(found.rejects, key=lambda r: r.line)
    assert first.reason == (
        "document_date '2026-01-05' is not a date written %d.%m.%Y; "
        "amount '1.5' is not a number with decimal sign ',' and thousands sign '.'"
    )
    assert (first.key, first.line, first.row["Nr"]) == ("1", 2, "1")
    assert second.reason == "document_date '31.02.2026' is not a date written %d.%m.%Y"


def test_a_code_without_a_translation_is_kept_and_judged(tmp_path):
    found = read(export(tmp_path, ("XX", "1", "K1", "05.01.2026", "1,00", "")), **MAPPED)
    assert "document_type 'XX' is not one of invoice" in found.rejects[0].reason


def test_a_constant_fills_an_absent_column_only(tmp_path):
    (tmp_path / "parties.csv").write_text("party_id,name,country\nP1,Alder,\nP2,Birch,DE\n")
    found = read(tmp_path, constants={"parties": {"country": "US", "currency": "USD"}})
    assert [(r["country"], r["currency"]) for r in found.rows["parties"]] == [(None, "USD"), ("DE", "USD")]
    assert "currency" not in found.absent["parties"]


def test_a_column_can_be_told_not_to_be_ours(tmp_path):
    (tmp_path / "parties.csv").write_text("party_id,name,country\nP1,Alder,old code 7\n")
    found = read(tmp_path, columns={"parties": {"country": None}})
    assert found.rows["parties"][0]["country"] is None
    assert json.loads(found.rows["parties"][0]["_extra"]) == {"country (source)": "old code 7"}


def test_a_filter_on_a_column_that_is_not_there_sets_the_file_aside(tmp_path):
    (tmp_path / "parties.csv").write_text("party_id,name\nP1,Alder\n")
    (reject,) = read(tmp_path, filters={"parties": "kind = 'C'"}).rejects
    assert "has no column 'kind', which filters.parties asks for; it has party_id, name" in reject.reason


def test_local_times_take_the_configured_zone_and_ambiguous_ones_are_set_aside(tmp_path):
    times = ["2026-07-01 10:00:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-07-01T10:00:00+00:00"]
    (tmp_path / "parties.csv").write_text(
        "party_id,name,recorded_at\n" + "".join(f"P{i},x,{t}\n" for i, t in enumerate(times))
    )
    found = read(tmp_path, formats={"timezone": "Europe/Berlin"})
    assert [r["recorded_at"] for r in found.rows["parties"]] == [
        datetime(2026, 7, 1, 8, tzinfo=UTC),
        datetime(2026, 7, 1, 10, tzinfo=UTC),
    ]
    assert {r.line for r in found.rejects} == {3, 4}
    assert all("has no offset" in r.reason for r in found.rejects)
    (tmp_path / "parties.csv").write_text("party_id,name,recorded_at\nP1,x,01/07/2026 10:00\nP2,x,soon\n")
    found = read(tmp_path, formats={"timezone": "Europe/Berlin", "timestamp": "%d/%m/%Y %H:%M"})
    assert found.rows["parties"][0]["recorded_at"] == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert found.rejects[0].reason == "recorded_at 'soon' is not a timestamp written %d/%m/%Y %H:%M"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"colums": {}}, "Extra inputs are not permitted"),
        ({"files": {"invoices": "*"}}, "'invoices' is not an entity; there are: parties, "),
        (
            {"columns": {"documents": {"number": "Nr"}}},
            "'number' is not a column of documents; there are: document_id, ",
        ),
        ({"filters": {"documents": "type ~ 'x'"}}, "cannot be read at \"~ 'x'\""),
        ({"sign": {"documents": "none"}}, "Input should be 'absolute'"),
        ({"formats": {"encoding": "utf-9"}}, "'utf-9' is not a known encoding"),
        ({"formats": {"timezone": "Mars/Olympus"}}, "'Mars/Olympus' is not a time zone"),
        ({"formats": {"decimal": ",", "thousands": ","}}, "they must differ"),
    ],
)
def test_wrong_settings_name_the_value_and_what_is_allowed(option, said):
    with pytest.raises(ValidationError) as caught:
        FilesSettings.model_validate({"path": "x", **option})
    assert said in str(caught.value)


TABLE = pa.table(
    {
        "type": pa.array(["RV", None, "DZ", "RV"]),
        "Amount": pa.array(["10.0", "9", "x", "-1"]),
        "Paid on": pa.array(["", "2026-01-05", None, "2026-02-01"]),
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("type = 'RV'", [0, 3]),
        ("type != 'RV'", [1, 2]),
        ("type <> 'RV' and type is not null", [2]),
        ("type in ('RV','DZ')", [0, 2, 3]),
        ("type not in ('RV')", [1, 2]),
        ("type IS NULL", [1]),
        ("Amount > 9", [0]),
        ("Amount >= 9 OR type = 'DZ'", [0, 1, 2]),
        ("Amount = 10", [0]),
        ("Amount != 10", [1, 2, 3]),
        ("type = 'DZ' or type = 'RV' and Amount < 0", [2, 3]),
        ("(type = 'DZ' or type = 'RV') and Amount < 0", [3]),
        ('"Paid on" is not null', [1, 3]),
        ("`Paid on` < '2026-02-01' and `Paid on` is not null", [1]),
    ],
)
def test_filters_mean_what_they_say(text, rows):
    mask = parse_filter(text).mask(TABLE)
    assert [i for i, hit in enumerate(mask.to_pylist()) if hit] == rows


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type",
        "type =",
        "type = RV",
        "type = 'a' and",
        "(type = 'a'",
        "type = 'a' type",
        "1 = 1",
        "type is",
        "import os",
        "type in ()",
    ],
)
def test_what_is_no_filter_says_where(text):
    with pytest.raises(ValueError, match="filter"):
        parse_filter(text)


@given(st.text(max_size=30))
def test_no_text_makes_the_parser_fail_otherwise(text):
    try:
        parse_filter(text)
    except ValueError as error:
        assert "filter" in str(error)


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="third-party data is not beside the project")


def example():
    options = yaml.safe_load((ROOT / "docs" / "examples" / "single_table_export.yaml").read_text())
    assert options.pop("connector") == CONNECTOR.name
    options.pop("name")
    options.pop("path")
    return options


def originals(name):
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@needs_data
@pytest.mark.parametrize(
    ("name", "count"), [("WA_Fn-UseC_-Accounts-Receivable.csv", 2466), ("variant_with_missing.csv", 2586)]
)
def test_real_invoices_of_one_table_give_four_entities(name, count):
    found = read(DATA, **{**example(), "files": dict.fromkeys(example()["files"], name)})
    assert found.rejects == []
    rows = originals(name)
    assert len(rows) == count
    by_key = {r["invoiceNumber"]: r for r in rows}
    assert [r["document_id"] for r in found.rows["documents"]] == [r["invoiceNumber"] for r in rows]
    for r in found.rows["documents"]:
        source = by_key[r["document_id"]]
        assert r["amount"] == Decimal(source["InvoiceAmount"])
        month, day, year = map(int, source["DueDate"].split("/"))
        assert r["due_date"] == date(year, month, day)
        assert (r["currency"], r["document_type"], r["party_id"]) == ("USD", "invoice", source["customerID"])
    for entity in ("receipts", "allocations"):
        assert sum(r["amount"] for r in found.rows[entity]) == sum(Decimal(r["InvoiceAmount"]) for r in rows)
        assert len(found.rows[entity]) == count
    assert {(r["party_id"], r["name"], r["_extra"]) for r in found.rows["parties"]} == {
        (r["customerID"], r["customerID"], None) for r in rows
    }


@needs_data
def test_real_invoices_that_were_damaged_load_what_is_good(tmp_path):
    rows = originals("variant_with_missing.csv")
    damage = {"InvoiceAmount": ["", "n/a", "12.345"], "InvoiceDate": ["13/32/2013", ""], "invoiceNumber": [""]}
    chosen = random.Random(7).sample(range(len(rows)), 60)
    hurt = {}
    for order, index in enumerate(chosen):
        column = list(damage)[order % 3]
        rows[index][column] = damage[column][order % len(damage[column])]
        hurt[index + 2] = column
    with (tmp_path / "hurt.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    found = read(tmp_path, **example())
    rejected = [r for r in found.rejects if r.entity == "documents"]
    assert {r.line for r in rejected} == set(hurt)
    names = {"InvoiceAmount": "amount", "InvoiceDate": "document_date", "invoiceNumber": "document_id"}
    assert all(names[hurt[r.line]] in r.reason for r in rejected)
    assert len(found.rows["documents"]) == len(rows) - 60
