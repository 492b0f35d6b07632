"""15. No card verification value anywhere, no full card number past the landing step, logs included."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit import redact
from connectors.kit.contract import Settings
from otc_pipelines.landing import land, prepare
from otc_pipelines.warehouse import EmbeddedWarehouse
from tests.invariants.world import THOROUGH
from tests.unit.otc_pipelines.landing.fake import connector, rows

WORDS = st.text(alphabet="abc XYZ,:/äß", max_size=12)


def with_check_digit(digits: str) -> str:
    """Luhn, by the book: every second digit from the right is doubled, its digits added."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A number that a card of a large scheme could have."""
    prefix, size = draw(st.sampled_from([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3528", 16)]))
    body = draw(st.text(alphabet="0123456789", min_size=size - 1 - len(prefix), max_size=size - 1 - len(prefix)))
    return with_check_digit(prefix + body)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A card number, and a text that has it in groups of four or in one."""
    card = draw(cards())
    between = draw(st.sampled_from(["", " ", "-", "."]))
    shown = between.join(card[i : i + 4] for i in range(0, len(card), 4))
    return card, f"{draw(WORDS)} {shown} {draw(WORDS)}"


def check_text(case):
    card, text = case
    left = re.sub("[^0-9*]", "", redact.redact_text(text))
    assert card not in left
    assert card[-4:] in left  # enough stays to tell which card it was


@THOROUGH
@given(written())
def test_no_text_keeps_a_card_number(case):
    check_text(case)


@THOROUGH
@given(st.sampled_from(["cvv", "CVC2", "card verification code", "security code"]), st.integers(100, 9999))
def test_no_text_keeps_a_verification_value(word, value):
    assert str(value) not in redact.redact_text(f"{word}: {value}")


CARD = with_check_digit("411111111111111")


def check_landed(folder: Path) -> None:
    """Every byte of the warehouse, and every line of the log, after a row came that has a card in each column."""
    heard: list[str] = []

    class Ears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    ears, root = Ears(), logging.getLogger()
    root.addHandler(ears)
    try:
        warehouse = EmbeddedWarehouse(folder / "warehouse.duckdb", wait=5)
        row = {"thing_id": "A", "amount": "1", "limit": f"card {CARD}", "owner": CARD, "odd": f"x {CARD}"}
        bad = {"thing_id": "B", "amount": f"{CARD}x", "limit": CARD}
        land(warehouse, connector([rows(row, file="f.csv"), rows(bad, file="g.csv")]), "src", Settings())
    finally:
        root.removeHandler(ears)
    for path in folder.rglob("*"):
        if path.is_file():
            assert CARD.encode() not in path.read_bytes(), path.name
    assert not any(CARD in line for line in heard)


def test_nothing_that_landed_keeps_it(tmp_path: Path):
    check_landed(tmp_path)


def test_a_number_that_is_taken_for_another_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redact, "_passes_luhn", lambda digits: False)
    with pytest.raises(AssertionError):
        check_text((CARD, f"paid by {CARD}"))


def test_a_landing_that_does_not_look_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prepare, "redact_table", lambda table: (table, 0))
    with pytest.raises(AssertionError):
        check_landed(tmp_path)
