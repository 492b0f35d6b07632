"""Card numbers and verification values never survive; references that merely look long do."""

from __future__ import annotations

import io
import logging

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, iso11649, luhn
from stdnum.ch import esr

from connectors.kit.redact import RedactingFilter, redact_table, redact_text

#: Test numbers that the schemes and their processors publish.
PUBLISHED = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "36227206271667",
    "6200000000000005",
    "6759649826438453",
]


def starred(number):
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


@pytest.mark.parametrize("number", PUBLISHED)
@pytest.mark.parametrize("separator", ["", " ", "-", ".", "\n", "\r\n", "\u00a0", " - "])
def test_every_scheme_with_every_separator(number, separator):
    spread = separator.join(number[i : i + 4] for i in range(0, len(number), 4))
    assert redact_text(f"paid by {spread} thanks") == f"paid by {starred(number)} thanks"


@given(st.sampled_from(PUBLISHED), st.sampled_from([["", " "], ["", "", "-", "\n"], ["", "."]]), st.data())
def test_any_way_of_splitting_is_seen(number, separators, data):
    gaps = data.draw(st.lists(st.sampled_from(separators), min_size=18, max_size=18))
    text = "".join(digit + gap for digit, gap in zip(number, gaps, strict=False)).rstrip(" -.\n")
    assert starred(number) in redact_text(f"card {text}, thanks")


@pytest.mark.parametrize(
    ("spread", "starred"),
    [("4111111111\n1-1-1111", "411111******1111"), ("6759649826\n4-3-8453", "675964******8453")],
)
def test_an_end_that_is_spread_like_a_day_of_no_books_is_no_day(spread, starred):
    assert redact_text(f"card {spread}, thanks") == f"card {starred}, thanks"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn
        "1234567812345670",  # Luhn holds, no scheme
        "41111111111111111111",  # 20 digits
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "RF18539007547034",
        "RF18 5390 0754 7034",
        "21 00000 00003 13947 14300 09017",
        "210000000003139471430009017",
        "eb6305c9-1f7f-49de-aed0-16487c27b42d",
        "30.01.2026 28.02.2026 31.03.2026",
        "2026-01-05 2026-02-04",
        "3600.00 1200.00 5400.00",
        "INV-2024-000123 INV-2024-000124",
        "CVG 123 Cincinnati",
        "",
    ],
)
def test_what_is_no_card_number_stays(text):
    assert redact_text(text) == text


@given(st.from_regex(r"\A[0-9]{18}\Z"))
def test_a_valid_iban_is_left_alone(account):
    number = iban.calc_check_digits(f"DE00{account}")
    text = f"DE{number}{account}"
    assert iban.is_valid(text)
    assert redact_text(text) == text
    assert redact_text(iban.format(text)) == iban.format(text)


@given(st.from_regex(r"\A[0-9]{26}\Z"))
def test_a_qr_reference_is_left_alone(body):
    reference = body + esr.calc_check_digit(body)
    spread = " ".join([reference[:2], *(reference[i : i + 5] for i in range(2, 27, 5))])
    assert redact_text(reference) == reference
    assert redact_text(spread) == spread


@given(st.from_regex(r"\A[0-9]{13,19}\Z"))
def test_only_what_passes_luhn_is_touched(digits):
    if redact_text(digits) != digits:
        assert luhn.is_valid(digits)


def test_a_creditor_reference_that_checks_is_left_alone():
    text = "RF712348231"
    assert iso11649.is_valid(text)
    assert redact_text(f"{text} 4111 1111 1111 1111") == f"{text} 411111******1111"


def test_a_number_after_an_iban_or_among_other_digits_is_still_found():
    assert redact_text("DE89 3704 0044 0532 0130 00 4111 1111 1111 1111").endswith("00 411111******1111")
    assert redact_text("order 77 4111111111111111 2026-01-05") == "order 77 411111******1111 2026-01-05"
    assert redact_text("4111111111111111;5555555555554444") == "411111******1111;555555******4444"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111111111111111 cvv 123", "411111******1111 cvv ***"),
        ("CVC: 1234", "CVC: ****"),
        ("cvv2=123", "cvv2=***"),
        ("security code 123", "security code ***"),
        ("Card Verification Value: 987", "Card Verification Value: ***"),
        ('{"cvv": "123"}', '{"cvv": "***"}'),
        ("cvv 12345", "cvv 12345"),
    ],
)
def test_card_verification_values_are_removed(text, expected):
    assert redact_text(text) == expected


@given(st.text(max_size=40))
def test_redacting_twice_changes_nothing(text):
    once = redact_text(text)
    assert redact_text(once) == once


def test_a_table_is_redacted_in_every_text_column_and_counted():
    rows = pa.table(
        {
            "amount": ["12.00", "1.00", None],
            "text": ["4111 1111 1111 1111", None, "none here, cvv 123"],
            "cvv": ["123", None, ""],
            "wide": pa.array(["5555555555554444"] * 3, pa.large_string()),
            "_line": pa.array([4111111111111111, 2, 3], pa.int64()),
        }
    )
    clean, removed = redact_table(rows)
    assert clean.schema == rows.schema
    assert clean.to_pydict() == {
        "amount": ["12.00", "1.00", None],
        "text": ["411111******1111", None, "none here, cvv ***"],
        "cvv": ["***", None, ""],
        "wide": ["555555******4444"] * 3,
        "_line": [4111111111111111, 2, 3],
    }
    assert removed == 6


def test_a_clean_table_comes_back_as_it_was():
    rows = pa.table(
        {"a": ["x", None], "b": pa.array([], pa.string()).cast(pa.string()).take(pa.array([None, None], pa.int64()))}
    )
    clean, removed = redact_table(rows)
    assert clean is rows
    assert removed == 0


@given(st.lists(st.one_of(st.none(), st.sampled_from(PUBLISHED), st.text(max_size=30)), max_size=8))
def test_table_and_text_agree(values):
    clean, _ = redact_table(pa.table({"t": pa.array(values, pa.string())}))
    assert clean.column("t").to_pylist() == [None if v is None else redact_text(v) for v in values]


def test_logs_are_redacted_arguments_and_tracebacks_too():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("redaction")
    logger.addHandler(handler)
    logger.warning("paid by %s", "4111 1111 1111 1111")
    try:
        raise ValueError("bad card 5555555555554444")
    except ValueError:
        logger.exception("failed")
    written = stream.getvalue()
    assert "411111******1111" in written
    assert "5555555555554444" not in written
    assert "4111 1111" not in written
