"""MT940: fields, signs, decimals, dates, statement boundaries."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bank.bank_files.formats.mt940 import account_of, amount_of, date_of
from tests.unit.connectors.bank.bank_files.reader import mt940, read


@pytest.mark.parametrize(
    ("mark", "amount", "is_reversal"),
    [
        ("C", "3.68", "false"),
        ("D", "-3.68", "false"),
        ("RC", "-3.68", "true"),
        ("RD", "3.68", "true"),
        ("CR", "3.68", "false"),  # C and the third letter of EUR, not a reversal
        ("DR", "-3.68", "false"),
        ("RCR", "-3.68", "true"),
        ("DN", "-3.68", "false"),
        ("d", "-3.68", "false"),
    ],
)
def test_signs(mark: str, amount: str, is_reversal: str) -> None:
    line = read(mt940(f":61:2602040203{mark}3,68NTRFNONREF//ABC12345")).line
    assert (line["amount"], line["is_reversal"]) == (amount, is_reversal)
    assert line["bank_reference"] == "ABC12345"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3,68", "3.68"),
        ("3,6", "3.6"),
        ("300,", "300"),
        ("300", "300"),
        (",50", "0.50"),
        ("2145.23", "2145.23"),
        ("000000002145.00", "2145.00"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234", "1.234"),
        ("1.2.3", None),
        ("1,2,3", None),
        ("1.23,456", None),
        (",", None),
        ("", None),
    ],
)
def test_amounts(text: str, value: str | None) -> None:
    found = amount_of(text)
    assert (None if found is None else str(found)) == value


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (":61:110701CN50,00NZ10NONREF", ("50.00", "2011-07-01", None, "NZ10", None)),
        (
            ":61:2602040203C50,00 NTRFNONREF//2109025460313532",
            ("50.00", "2026-02-04", "2026-02-03", "NTRF", "2109025460313532"),
        ),
        (":61:100722D25,03NOV NONREF", ("-25.03", "2010-07-22", None, "NOV", None)),
        (":61:2011301130CN220000,00//19239782213", ("220000.00", "2020-11-30", "2020-11-30", None, "19239782213")),
        (
            ":61:2602040203C1,NTRFVERYLONGCUSTREF1\r\n//BANKREF999",
            ("1", "2026-02-04", "2026-02-03", "NTRF", "BANKREF999"),
        ),
        (":61:1811261126CR\r\n30,00N062NONREF", ("30.00", "2018-11-26", "2018-11-26", "N062", None)),
        (":61:1602300301DR6,00N024NONREF", ("-6.00", "2016-02-29", "2016-03-01", "N024", None)),
    ],
)
def test_entry_lines(line: str, expected: tuple[str | None, ...]) -> None:
    found = read(mt940(line)).line
    names = ("amount", "value_date", "booking_date", "transaction_code", "bank_reference")
    assert tuple(found[n] for n in names) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (":61:2613450203C3,68NTRFNONREF", "value date 261345 is none"),
        (":61:hello", "field 61 is not readable"),
        (":61:2602040203X3,68NTRF", "field 61 is not readable"),
        (":61:2602040203C1.2.3NTRF", "field 61 has the amount '1.2.3', which is none"),
        (":62F:C260203EUR11 27421,94", "balance 62F is not readable"),
        (":61:2602040203C3,685NTRFNONREF", "3.685 has more decimals than EUR"),
    ],
)
def test_what_is_unreadable_refuses_its_statement_alone(line: str, reason: str) -> None:
    good = mt940(":61:2602040203C5,00NTRFNONREF//ABC12345").replace("STARTUMS", "NEXT").replace("7/1", "8/1")
    found = read(mt940(line) + "-\r\n" + good)
    assert reason in found.reason
    assert [s["sequence_no"] for s in found.statements] == ["8/1"]
    assert found.line["amount"] == "5.00"


def test_closing_is_checked_statement_by_statement() -> None:
    first = mt940(":61:2602040203C5,00NTRFNONREF", ":62F:C260203EUR9,00")
    second = mt940(":61:2602040203D5,00NTRFNONREF", ":62F:D260203EUR5,00").replace("7/1", "8/1")
    found = read(first + "-\r\n" + second)
    assert "opening 0.00 + entries 5.00 = 5.00, closing is 9.00, difference 4.00 EUR" in found.reason
    assert found.rejects[0].line == 1
    assert [s["closing_balance"] for s in found.statements] == ["-5.00"]


def test_an_entry_date_is_in_the_year_that_is_nearest_to_the_value_date() -> None:
    line = read(mt940(":61:2601021231C5,00NTRFNONREF")).line
    assert (line["value_date"], line["booking_date"]) == ("2026-01-02", "2025-12-31")
    line = read(mt940(":61:2512310102C5,00NTRFNONREF")).line
    assert (line["value_date"], line["booking_date"]) == ("2025-12-31", "2026-01-02")


@settings(deadline=None)
@given(st.dates(date(1985, 1, 1), date(2075, 12, 31)), st.integers(-18000, 18000))
def test_the_century_is_the_one_nearest_to_the_statement(near: date, days: int) -> None:
    when = date.fromordinal(near.toordinal() + days)
    assert date_of(when.strftime("%y%m%d"), near) == when


def test_a_balance_has_a_fixed_century() -> None:
    assert date_of("991231") == date(1999, 12, 31)
    assert date_of("260203") == date(2026, 2, 3)
    assert date_of("261301") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NL10BUNQ2290325473 EUR", ("NL10BUNQ2290325473", "EUR")),
        ("NL54INGB0001234500EUR", ("NL54INGB0001234500", "EUR")),
        ("NL92 KNAB 0123 4567 89", ("NL92KNAB0123456789", "")),
        ("50880050/0194774600888", ("50880050/0194774600888", "")),
        ("UBRTHUHB/123456789150ABCDEF002/HUF", ("UBRTHUHB/123456789150ABCDEF002/HUF", "")),
        ("1234567890ABC", ("1234567890ABC", "")),
    ],
)
def test_accounts(text: str, expected: tuple[str, str]) -> None:
    assert account_of(text) == expected


def test_things_that_look_like_fields_are_text() -> None:
    found = read(mt940(":61:2602040203C5,00NTRFNONREF", ":86:am 2017-01-01 um 13", ":12:11 Uhr", ":62F:C260203EUR5,00"))
    assert found.line["remittance_text"] == "am 2017-01-01 um 13 :12:11 Uhr"
    found = read(mt940(":61:2602040203C5,00NTRFNONREF", ":86:paid", ":23E:PROPRIETARY", ":62F:C260203EUR5,00"))
    assert found.line["remittance_text"] == "paid"


def test_cover_texts_and_separators_are_passed_over() -> None:
    text = "This is an example\r\n-----\r\n\r\nABNANL2A\r\n940\r\nABNANL2A\r\n" + mt940(
        ":61:2602040203C5,00NTRFNONREF", ":86:rent", ":62F:C260203EUR5,00", "-XXX", "", "2. Next", ""
    )
    found = read(text)
    assert found.line["remittance_text"] == "rent"
    assert len(found.statements) == 1


def test_a_hyphen_alone_within_a_text_ends_nothing() -> None:
    found = read(
        mt940(":61:2602040203C5,00NTRFNONREF", ":86:rent", "-", ":61:2602040203C6,00NTRFNONREF", ":62F:C260203EUR11,00")
    )
    assert [r["amount"] for r in found.lines] == ["5.00", "6.00"]
    assert len(found.statements) == 1


def test_pages_and_the_balance_between_them() -> None:
    first = mt940(":61:2602040203C5,00NTRFNONREF", ":62M:C260203EUR5,00")
    second = first.replace("7/1", "7/2").replace(":60F:C260203EUR0,00", ":60M:C260203EUR5,00")
    second = second.replace(":62M:C260203EUR5,00", ":62F:C260203EUR10,00")
    found = read(first + "-\r\n" + second + "-\r\n")
    assert [s["sequence_no"] for s in found.statements] == ["7/1", "7/2"]
    assert len({r["bank_line_id"] for r in found.lines}) == 2
    assert [s["notes"] for s in found.statements] == [None, None]


def test_a_statement_without_a_closing_balance_loads() -> None:
    found = read(mt940(":61:2602040203C5,00NTRFNONREF"))
    assert found.statements[0]["closing_balance"] is None
    assert found.line["amount"] == "5.00"


def test_a_message_that_never_ends_is_half_written() -> None:
    whole = "{1:F01KNABNL2HAXXX0000000000}{2:I940KNABNL2HXXXXN3020}{4:\r\n" + mt940(":61:2602040203C5,00NTRFNONREF")
    assert "never ends: the file is half-written" in read(whole).reason
    assert read(whole + "-}").line["amount"] == "5.00"


def test_currencies_that_differ() -> None:
    flipped = mt940(":62F:C260203USD0,00")
    found = read(flipped)
    assert found.statements[0]["notes"] == "the opening balance is in EUR, the closing balance in USD"
    assert (
        "the opening balance is in EUR" in read(flipped.replace(":62F", ":61:2602040203C5,00NTRFNONREF\r\n:62F")).reason
    )


def test_an_account_that_is_not_stated_is_said_so() -> None:
    found = read(":61:2602040203C5,00NTRFNONREF\r\n")
    assert found.line["account"] == "unknown"
    assert found.line["currency"] is None
    assert "names no account" in found.statements[0]["notes"]


def test_the_amount_is_not_a_part_of_the_code() -> None:
    line = read(mt940(":61:100722C3,68NVZ NONREF")).line
    assert (line["amount"], line["transaction_code"]) == ("3.68", "NVZ")
