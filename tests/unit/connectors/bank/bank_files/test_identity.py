"""Twins stay two, a file sent again adds none, the order of entries changes no id."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bank.bank_files import identity
from tests.unit.connectors.bank.bank_files.reader import Result, balance, camt, entry, mt940, read

AMOUNTS = st.integers(1, 4).map(lambda n: f"{n}.00")
REFERENCES = st.sampled_from(["REF00001", "REF00002", "", "1"])
ENTRIES = st.lists(st.tuples(AMOUNTS, REFERENCES, st.sampled_from(["CRDT", "DBIT"])), min_size=1, max_size=12)


def _message(rows: list[tuple[str, str, str]], header: str = "<ElctrncSeqNb>7</ElctrncSeqNb>") -> str:
    total = sum((Decimal(a) if i == "CRDT" else -Decimal(a) for a, _, i in rows), Decimal(0))
    closing = balance("CLBD", str(abs(total)), "DBIT" if total < 0 else "CRDT")
    body = "".join(entry(a, indicator=i, reference=r) for a, r, i in rows)
    return camt(body, balance("OPBD", "0.00") + closing, header=header)


def _ids(result: Result) -> set[str]:
    assert not result.rejects
    ids = [r["bank_line_id"] for r in result.lines]
    assert len(set(ids)) == len(ids)
    return set(ids)


@settings(deadline=None)
@given(ENTRIES, st.randoms(use_true_random=False))
def test_twins_stay_apart_and_order_changes_no_id(rows: list[tuple[str, str, str]], rng: random.Random) -> None:
    first = read(_message(rows))
    assert len(_ids(first)) == len(rows)
    shuffled = rows[:]
    rng.shuffle(shuffled)
    again = read(_message(shuffled))
    assert _ids(again) == _ids(first)
    assert again.statements[0]["statement_id"] == first.statements[0]["statement_id"]

    def by_id(result: Result) -> Counter[tuple[str, str]]:
        return Counter((r["bank_line_id"], r["amount"]) for r in result.lines)

    assert by_id(again) == by_id(first)


@settings(deadline=None)
@given(ENTRIES)
def test_the_same_statement_in_another_file_has_the_same_ids(rows: list[tuple[str, str, str]]) -> None:
    first = read(_message(rows))
    other = read(_message(rows).replace("<MsgId>M<", "<MsgId>ANOTHER<").replace("><", ">\n  <").replace("S1<", "X9<"))
    assert _ids(other) == _ids(first)
    assert [s["statement_id"] for s in other.statements] == [s["statement_id"] for s in first.statements]


def test_an_entry_that_is_reported_again_by_a_later_export_is_the_same_line() -> None:
    noon = read(_message([("1.00", "REF00001", "CRDT"), ("2.00", "", "CRDT")]))
    evening = read(_message([("1.00", "REF00001", "CRDT"), ("2.00", "", "CRDT"), ("3.00", "REF00003", "CRDT")]))
    assert _ids(noon) < _ids(evening)


def test_an_entry_in_a_statement_and_in_a_notification_is_one_line() -> None:
    details = "<TxDtls><Refs><AcctSvcrRef>TX987654</AcctSvcrRef></Refs></TxDtls>"
    statement = read(camt(entry("1.00", details)))
    notification = read(camt(entry("1.00", details), kind="054"))
    assert _ids(statement) == _ids(notification)


def test_payments_of_one_day_and_amount_without_a_reference_stay_apart_by_their_statement() -> None:
    monday = read(mt940(":61:260203C5,00NTRFNONREF", ":62F:C260203EUR5,00"))
    tuesday = read(
        mt940(":61:260203C5,00NTRFNONREF", ":62F:C260204EUR10,00", opening="C260204EUR5,00").replace("7/1", "8/1")
    )
    assert _ids(monday).isdisjoint(_ids(tuesday))


def test_a_trailing_zero_is_not_another_amount() -> None:
    assert _ids(read(camt(entry("18.15")))) == _ids(read(camt(entry("18.1500"))))


def test_a_statement_that_a_file_holds_twice_counts_once() -> None:
    one = mt940(":61:260203C5,00NTRFNONREF", ":86:rent", ":62F:C260203EUR5,00")
    found = read(one + "-\r\n" + one)
    assert len(found.statements) == len(found.lines) == 1
    found = read(one + "-\r\n" + one.replace("STARTUMS", "OTHER"))
    assert len(found.lines) == 1
    assert found.statements[0]["notes"] is None
    assert "holds this statement twice" in found.statements[1]["notes"]


def test_two_statements_with_one_header_and_other_content_are_two() -> None:
    one = mt940(":61:260203C5,00NTRFNONREF", ":86:rent", ":62F:C260203EUR5,00")
    other = mt940(":61:260203C5,00NTRFNONREF", ":86:light", ":62F:C260203EUR5,00")
    found = read(one + "-\r\n" + other)
    assert len(found.statements) == 2
    assert len(_ids(found)) == 2


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_occurrences_count_equals_before(values: list[int]) -> None:
    expected = [values[:i].count(v) for i, v in enumerate(values)]
    assert identity.occurrences(np.array(values, dtype=np.uint64)).tolist() == expected


def test_ids_are_sha256_and_change_with_each_part() -> None:
    parts = ("ACC", "REF12345", Decimal("1.00"), date(2026, 2, 3).isoformat(), "header")
    base = identity.line_key(*parts)
    assert len(base) == 64
    assert identity.line_id(base, 0) == base != identity.line_id(base, 1)
    for position, other in enumerate(("ACD", "REF12346", Decimal("1.01"), "2026-02-04")):
        changed = list(parts)
        changed[position] = other
        assert identity.line_key(*changed) != base
    assert identity.line_key(*parts[:4], "another header") == base  # a reference of the bank's own needs no header
    assert identity.line_key("ACC", "nota", *parts[2:4], "a") != identity.line_key("ACC", "nota", *parts[2:4], "b")
