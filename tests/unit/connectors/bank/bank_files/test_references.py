"""Structured references are kept only where their check digits are right; known valid ones from their standards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.ch import esr

from connectors.bank.bank_files import references

RF = "RF18539007547034"  # the example of ISO 11649's own check
QRR = "210000000003139471430009017"  # the example of the Swiss QR-bill guidelines


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (RF, RF),
        ("RF18 5390 0754 7034", RF),
        ("rf18539007547034", RF),
        ("RF19539007547034", None),
        (QRR, QRR),
        ("21 00000 00003 13947 14300 09017", QRR),
        (QRR[:-1] + "8", None),
        ("+++010/8068/17183+++", "010806817183"),
        ("+++010/8068/17184+++", None),
        ("000000000000000000000000000", None),
        ("INV-4711", "INV-4711"),
    ],
)
def test_validated(text: str, valid: str | None) -> None:
    assert references.validated(text) == valid


@settings(deadline=None)
@given(st.text("0123456789", min_size=26, max_size=26).filter(lambda s: s.strip("0")))
def test_mod10_recursive_agrees_with_another_reader(digits: str) -> None:
    full = digits + esr.calc_check_digit(digits)
    assert references.is_mod10_recursive(full)
    wrong = digits + str((int(full[-1]) + 1) % 10)
    assert not references.is_mod10_recursive(wrong)


def test_found_in_free_text() -> None:
    text = f"Zahlung {RF[:4]} {RF[4:8]} {RF[8:12]} {RF[12:]} und {QRR} und +++010/8068/17183+++, nicht RF19539007547034"
    assert references.found_in(text).split("\n") == [RF, QRR, "010806817183"]
    assert references.found_in("RFQ 12345 for 123456789012345678901234568 pieces") == ""
    assert references.found_in("") == ""


@pytest.mark.parametrize("word", ["NONREF", "notprovided", " NOTPROVIDED ", "", "Not Provided"])
def test_placeholders_are_no_references(word: str) -> None:
    assert references.given(word) == ""


def test_a_reference_stays_as_it_is() -> None:
    assert references.given(" E2E-1 ") == "E2E-1"
