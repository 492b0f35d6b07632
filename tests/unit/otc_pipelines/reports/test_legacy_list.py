"""A legacy list: other people's headers, dates and decimals; what is wrong with a line is said with its number."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import ConfigError
from otc_pipelines.reports.legacy_list import ListFormat, Slot, read_list

GERMAN = ListFormat({"party_id": "Kunde", "amount": "Offen", "due_date": "Fällig"}, "%d.%m.%Y", ",", ";", "cp1252")


def listed(folder: Path, text: str, form: ListFormat | None = None) -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode((form or ListFormat()).encoding))
    return path


def test_other_people_s_headers_dates_and_decimals(tmp_path: Path) -> None:
    text = "Kunde;currency;Fällig;Offen\nC1;EUR;31.01.2026;1.234,50\nC1;EUR;31.01.2026;10,00-\n"
    found = read_list(listed(tmp_path, text, GERMAN), GERMAN)
    assert found.problems == ()
    assert {s: [i.amount for i in items] for s, items in found.by_slot().items()} == {
        Slot("C1", "EUR", date(2026, 1, 31)): [Decimal("1234.50")],
        Slot("C1", "EUR", None): [Decimal("-10.00")],
    }


def test_bad_lines_are_told_with_their_numbers_and_the_others_are_read(tmp_path: Path) -> None:
    text = (
        "party_id,currency,due_date,amount\n,USD,2026-01-31,1\nC,US,2026-01-31,1\nC,USD,31/01/2026,1\n"
        'C,USD,2026-01-31,1O\nC,USD,2026-01-31,"1,000.00"\nC,USD,,7\n'
    )
    found = read_list(listed(tmp_path, text), ListFormat())
    assert [(n, why[:20]) for n, why in found.problems] == [
        (2, "names no customer"),
        (3, "'US' is not an ISO 4"),
        (4, "'31/01/2026' is not "),
        (5, "'1O' is not an amoun"),
        (6, "'1,000.00' is not an"),
    ]
    assert [i.amount for i in found.items] == [Decimal(7)]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"columns": {"customer": "x"}}, "--column 'customer' is not a column of the list"),
        ({"decimal": "'"}, "is not a decimal sign"),
        ({"delimiter": "||"}, "must be one character"),
    ],
)
def test_a_wrong_format_is_named(form: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ListFormat(**form)  # type: ignore[arg-type]


def test_a_file_without_the_column_or_without_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no column 'amount', its amount; it has: party_id, currency, Open"):
        read_list(listed(tmp_path, "party_id,currency,Open\n"), ListFormat())
    with pytest.raises(ConfigError, match="cannot be read"):
        read_list(tmp_path / "nowhere.csv", ListFormat())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]),
            st.sampled_from(["USD", "JPY"]),
            st.sampled_from([None, date(2026, 1, 31), date(2026, 2, 28)]),
            st.decimals(min_value=-9999, max_value=9999, places=2),
        ),
        max_size=20,
    )
)
def test_slots_sum_to_the_list(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[object, ...]]) -> None:
    text = "party_id,currency,due_date,amount\n" + "".join(f"{p},{c},{d or ''},{a}\n" for p, c, d, a in lines)
    found = read_list(listed(tmp_path_factory.mktemp("list"), text), ListFormat())
    slots = {s: sum(i.amount for i in items) for s, items in found.by_slot().items()}
    for currency in ("USD", "JPY"):
        total = sum((Decimal(str(a)) for _, c, _, a in lines if c == currency), Decimal(0))
        assert sum((v for s, v in slots.items() if s.currency == currency), Decimal(0)) == total
