"""Row-level validation: what is good is typed, what is not is named, and nothing is lost in between."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.contract import ARROW_TYPES, Batch, Entity, Field, FieldType
from connectors.kit.receivables import DOCUMENTS, FX_RATES, RECEIVABLES
from connectors.kit.validation import key_text, validate
from connectors.kit.validation.columns import MAX_TEXT

GOOD = {
    "document_id": "A1",
    "document_type": "invoice",
    "party_id": "P1",
    "legal_entity": "US",
    "document_date": "2026-01-05",
    "currency": "USD",
    "amount": "100.00",
}


def table(*rows, **types):
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({n: pa.array([r.get(n) for r in rows], types.get(n, pa.string())) for n in names})


def one(**changes):
    result = validate(Batch(DOCUMENTS, table({**GOOD, **changes})))
    assert result.good.num_rows + len(result.rejects) == 1
    return result


def reason(**changes):
    result = one(**changes)
    assert result.rejects, f"{changes} was accepted"
    return result.rejects[0].reason


def value(name, **changes):
    result = one(**changes)
    assert not result.rejects, result.rejects[0].reason
    return result.good.column(name).to_pylist()[0]


def test_a_good_row_is_typed_as_declared():
    good = one(recorded_at="2026-01-05T10:00:00+02:00", fx_rate="1.25", deleted="no", colour="red").good
    for field in DOCUMENTS.fields:
        assert good.schema.field(field.name).type == ARROW_TYPES[field.type], field.name
    row = good.to_pylist()[0]
    assert row["amount"] == Decimal("100.0000")
    assert row["document_date"] == date(2026, 1, 5)
    assert row["recorded_at"] == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert row["deleted"] is False
    assert json.loads(row["_extra"]) == {"colour": "red"}
    assert row["due_date"] is None


@pytest.mark.parametrize("entity", RECEIVABLES, ids=lambda e: e.name)
def test_an_empty_batch_of_any_entity_has_the_whole_schema(entity):
    result = validate(Batch(entity, pa.table({c.name: pa.array([], pa.string()) for c in entity.columns})))
    assert result.good.column_names == [*(f.name for f in entity.fields), "_file", "_line", "_extra"]
    assert result.rejects == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": "twelve"}, "amount 'twelve' is not a decimal"),
        ({"amount": "1e5"}, "amount '1e5' is not a decimal"),
        ({"amount": "NaN"}, "amount 'NaN' is not a decimal"),
        ({"amount": "1,000.00"}, "amount '1,000.00' is not a decimal"),
        ({"amount": "."}, "amount '.' is not a decimal"),
        ({"amount": "123456789012345"}, "does not fit: 14 digits before the point"),
        ({"base_amount": "0.00001"}, "does not fit"),
        ({"amount": "10.005"}, "amount '10.005' has more decimals than its currency allows"),
        ({"amount": "10.5", "currency": "JPY"}, "amount '10.5' has more decimals than its currency allows"),
        ({"amount": "-5"}, "amount '-5' is negative; a value of 0 or more is allowed"),
        ({"currency": "ZZZ"}, "currency 'ZZZ' is not an ISO 4217 code"),
        ({"currency": "usd"}, "currency 'usd' is not an ISO 4217 code"),
        ({"document_date": "2026-13-45"}, "document_date '2026-13-45' is not a day of the calendar"),
        ({"document_date": "2026-02-30"}, "is not a day of the calendar"),
        ({"document_date": "20260105"}, "is not a date; YYYY-MM-DD is allowed"),
        ({"recorded_at": "2026-01-05T10:00:00"}, "recorded_at '2026-01-05T10:00:00' has no offset"),
        ({"recorded_at": "2026-02-30T10:00:00Z"}, "is not a day of the calendar"),
        ({"recorded_at": "2026-01-05T25:00:00Z"}, "is not a timestamp"),
        ({"recorded_at": "yesterday"}, "is not a timestamp"),
        ({"deleted": "perhaps"}, "deleted 'perhaps' is not a boolean: true, false, 1, 0, yes or no are allowed"),
        ({"document_type": "RV"}, "document_type 'RV' is not one of invoice, credit_memo"),
        ({"party_id": None}, "party_id is missing"),
        ({"party_id": "  "}, "party_id is missing"),
        ({"document_id": "A\x001"}, "document_id contains a NUL byte"),
        ({"amount": "1\x00"}, "is not a decimal"),
        ({"colour": "a\x00"}, "colour contains a NUL byte"),
        ({"reference": "x" * (MAX_TEXT + 1)}, f"reference has {MAX_TEXT + 1} characters; {MAX_TEXT} are allowed"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(changes, expected):
    assert expected in reason(**changes)


@pytest.mark.parametrize(
    ("name", "text", "typed"),
    [
        ("amount", " 100.5000000 ", Decimal("100.5")),
        ("amount", "+.5", Decimal("0.5")),
        ("amount", "99999999999999.99", Decimal("99999999999999.99")),
        ("tax_amount", "-0.5", Decimal("-0.5")),
        ("fx_rate", "0.05128205128205128", Decimal("0.0512820513")),
        ("fx_rate", "0.00000000005", Decimal("0.0000000001")),
        ("deleted", "YES", True),
        ("deleted", "0", False),
        ("recorded_at", "2026-01-05 10:00:00,1234567 +0200", datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC)),
        ("recorded_at", "2026-01-05T10:00z", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("recorded_at", "2024-02-29T23:59:59-05", datetime(2024, 3, 1, 4, 59, 59, tzinfo=UTC)),
        ("payment_terms", "", None),
    ],
)
def test_values_as_people_write_them(name, text, typed):
    assert value(name, **{name: text}) == typed


def test_the_largest_amount_beside_a_currency_without_decimals_stops_nothing():
    large = {**GOOD, "document_id": "large", "amount": "99999999999999.99"}
    yen = {**GOOD, "document_id": "yen", "currency": "JPY", "amount": "5"}
    result = validate(Batch(DOCUMENTS, table(large, yen, {**large, "document_id": "much", "currency": "JPY"})))
    assert result.good.column("document_id").to_pylist() == ["large", "yen"]
    assert [(r.row["document_id"], r.reason) for r in result.rejects] == [
        ("much", "amount '99999999999999.99' has more decimals than its currency allows")
    ]


def test_the_currency_decides_about_decimals_but_not_of_an_amount_in_another():
    assert value("amount", amount="1.234", currency="KWD") == Decimal("1.234")
    assert value("amount", amount="100.0000", currency="JPY") == Decimal(100)
    assert value("base_amount", base_amount="1.55", currency="JPY", amount="100") == Decimal("1.55")


def test_an_amount_takes_the_currency_column_of_its_own_name():
    entity = Entity(
        "lines",
        ("id",),
        (
            Field("id", required=True),
            Field("currency", FieldType.CURRENCY),
            Field("instructed_amount", FieldType.DECIMAL),
            Field("instructed_currency", FieldType.CURRENCY),
            Field("score", FieldType.DECIMAL),
        ),
    )
    row = {"id": "1", "currency": "USD", "instructed_amount": "1.5", "instructed_currency": "JPY", "score": "0.8512"}
    rejects = validate(Batch(entity, table(row))).rejects
    assert [r.reason for r in rejects] == ["instructed_amount '1.5' has more decimals than its currency allows"]


def test_several_reasons_are_joined_and_the_row_is_kept_whole():
    rows = table({**GOOD, "amount": "x", "currency": "Q", "_file": "d.csv", "note": "n", "due_date": None}, GOOD)
    result = validate(Batch(DOCUMENTS, rows.append_column("_line", pa.array([7, 8], pa.int64()))))
    (reject,) = result.rejects
    assert reject.reason == "currency 'Q' is not an ISO 4217 code, such as USD; amount 'x' is not a decimal"
    assert (reject.entity, reject.file, reject.line, reject.key) == ("documents", "d.csv", 7, "A1")
    assert reject.row == {**GOOD, "amount": "x", "currency": "Q", "note": "n"}
    assert result.good.column("_line").to_pylist() == [8]


def test_a_tombstone_needs_its_key_alone():
    result = validate(Batch(DOCUMENTS, table({"document_id": "A1", "deleted": "true"}, {"deleted": "true"})))
    assert result.good.column("document_id").to_pylist() == ["A1"]
    assert [r.reason for r in result.rejects] == ["document_id is missing"]


def test_a_required_column_that_is_not_there_rejects_every_row_by_name():
    rows = pa.table({n: pa.array([v, v]) for n, v in GOOD.items() if n != "amount"})
    result = validate(Batch(DOCUMENTS, rows))
    assert [r.reason for r in result.rejects] == ["amount is missing: there is no such column"] * 2


def test_duplicates_are_not_judged_here():
    assert validate(Batch(DOCUMENTS, table(GOOD, GOOD))).good.num_rows == 2


def test_an_optional_part_of_a_key_may_be_missing():
    row = {"from_currency": "USD", "to_currency": "EUR", "date": "2026-01-05", "rate": "0.9"}
    result = validate(Batch(FX_RATES, table(row)))
    assert result.good.num_rows == 1
    assert key_text(result.good, FX_RATES).to_pylist() == ["USD|EUR|2026-01-05|"]


def test_a_personal_value_is_not_repeated_in_a_reason():
    entity = Entity("people", ("id",), (Field("id"), Field("born", FieldType.DATE, personal=True)))
    (reject,) = validate(Batch(entity, table({"id": "1", "born": "12/31/1970"}))).rejects
    assert reject.reason == "born is not a date; YYYY-MM-DD is allowed"


def test_a_card_number_is_not_repeated_in_a_reason():
    assert "411111******1111" in reason(amount="4111 1111 1111 1111")


def test_a_float_column_is_refused():
    with pytest.raises(TypeError, match=r"documents\.amount is double"):
        validate(Batch(DOCUMENTS, pa.table({"document_id": ["1"], "amount": [1.1]})))


def test_chunked_tables_are_judged_as_one():
    whole = pa.concat_tables([table(GOOD), table({**GOOD, "amount": "x"}), table(GOOD)])
    result = validate(Batch(DOCUMENTS, whole))
    assert (result.good.num_rows, len(result.rejects)) == (2, 1)


@given(st.lists(st.dictionaries(st.sampled_from(["b", "a", 'q"', "é"]), st.text(max_size=8)), min_size=1, max_size=6))
def test_unknown_columns_survive_as_json(rows):
    rows = [{k: v.replace("\x00", "") for k, v in row.items()} for row in rows]
    result = validate(Batch(DOCUMENTS, table(*({**GOOD, **row} for row in rows))))
    kept = [json.loads(text) if text else {} for text in result.good.column("_extra").to_pylist()]
    assert kept == [{k: v for k, v in row.items() if v} for row in rows]


@given(st.one_of(st.text("0123456789.+-e ", max_size=24), st.decimals(allow_nan=False, allow_infinity=False).map(str)))
def test_decimals_agree_with_python(text):
    entity = Entity("t", ("v",), (Field("v", FieldType.DECIMAL),))
    result = validate(Batch(entity, table({"v": text})))
    try:
        expected = Decimal(text.strip()) if "e" not in text.lower() else None
    except InvalidOperation:
        expected = None
    if result.rejects:
        fits = expected is not None and expected.as_tuple().exponent >= -4 and abs(expected) < 10**14
        assert not fits or len(text.strip()) > 18, text
    elif text.strip():
        assert result.good.column("v").to_pylist() == [expected]


@given(st.one_of(st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]\Z"), st.dates().map(str)))
def test_dates_agree_with_python(text):
    entity = Entity("t", ("v",), (Field("v", FieldType.DATE),))
    try:
        expected = [date.fromisoformat(text)]
    except ValueError:
        expected = []
    assert validate(Batch(entity, table({"v": text}))).good.column("v").to_pylist() == expected


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: 1900 < moment.year < 2200))
def test_timestamps_agree_with_python(moment):
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return
    entity = Entity("t", ("v",), (Field("v", FieldType.TIMESTAMP),))
    typed = validate(Batch(entity, table({"v": moment.isoformat()}))).good.column("v").to_pylist()
    assert typed == [moment.astimezone(UTC)]
