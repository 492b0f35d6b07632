"""What is written is read: by the product's own simulator, and by two small writers that know nothing of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bank.bank_files.simulator import BankEntry, write_camt053, write_mt940
from tests.unit.connectors.bank.bank_files.reader import Result, read

ACCOUNT = "DE89370400440532013000"
DAY = date(2026, 1, 2)
CENTS = st.integers(-10_000_000, 10_000_000).map(lambda n: Decimal(n).scaleb(-2))
DAYS = st.integers(-200, 200).map(lambda n: DAY + timedelta(days=n))
#: SWIFT's characters without those that begin a code of their own; XML takes the wider alphabet.
SWIFT_TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,+()' -", max_size=200)
ANY_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f\x85"), max_size=200)
REFERENCE = st.text("ABCDEF0123456789", max_size=16)
ENTRY = st.fixed_dictionaries(
    {"amount": CENTS, "value": DAYS, "shift": st.integers(-150, 150), "reference": REFERENCE, "reversal": st.booleans()}
)
Rows = list[dict[str, Any]]


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").split())


def _camt(rows: Rows, opening: Decimal) -> str:
    """An independent writer of camt.053.001.02, by ElementTree."""
    root = ElementTree.Element("Document", xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02")
    statement = ElementTree.SubElement(ElementTree.SubElement(root, "BkToCstmrStmt"), "Stmt")

    def put(parent: ElementTree.Element, path: str, text: str = "", **attributes: str) -> ElementTree.Element:
        for name in path.split("/"):
            parent = ElementTree.SubElement(parent, name)
        parent.text = text
        parent.attrib.update(attributes)
        return parent

    def money(parent: ElementTree.Element, amount: Decimal) -> None:
        put(parent, "Amt", str(abs(amount)), Ccy="EUR")
        put(parent, "CdtDbtInd", "CRDT" if amount >= 0 else "DBIT")

    put(statement, "Id", "S1")
    put(statement, "Acct/Id/IBAN", ACCOUNT)
    closing = opening + sum((r["amount"] for r in rows), Decimal(0))
    for code, amount in (("OPBD", opening), ("CLBD", closing)):
        element = put(statement, "Bal")
        put(element, "Tp/CdOrPrtry/Cd", code)
        money(element, amount)
        put(element, "Dt/Dt", DAY.isoformat())
    for row in rows:
        element = put(statement, "Ntry")
        money(element, row["amount"])
        put(element, "RvslInd", "true" if row["reversal"] else "false")
        put(element, "Sts", "BOOK")
        put(element, "BookgDt/Dt", (row["value"] + timedelta(days=row["shift"])).isoformat())
        put(element, "ValDt/DtTm", row["value"].isoformat() + "T00:00:00+01:00")
        put(element, "AcctSvcrRef", row["reference"])
        put(element, "BkTxCd")
        put(element, "NtryDtls/TxDtls/RmtInf/Ustrd", row["text"])
    return ElementTree.tostring(root, encoding="unicode")


def _mt940(rows: Rows, opening: Decimal) -> str:
    """An independent writer of MT940 with subfields as German banks use them."""

    def amount(value: Decimal) -> str:
        return f"{abs(value):.2f}".replace(".", ",")

    def balance(tag: str, value: Decimal) -> str:
        return f":{tag}:{'D' if value < 0 else 'C'}{DAY:%y%m%d}EUR{amount(value)}"

    lines = [":20:STARTUMS", f":25:{ACCOUNT}", ":28C:00001/001", balance("60F", opening)]
    for row in rows:
        value, money_in = row["value"], row["amount"] >= 0
        mark = {(True, False): "CR", (False, False): "DR", (True, True): "RD", (False, True): "RC"}[
            money_in, row["reversal"]
        ]
        booked = value + timedelta(days=row["shift"])
        lines.append(
            f":61:{value:%y%m%d}{booked:%m%d}{mark}{amount(row['amount'])}N166NONREF//{row['reference'] or 'NONREF'}"
        )
        pieces = [row["text"][i : i + 27] for i in range(0, min(len(row["text"]), 270), 27)]
        numbers = [*range(20, 30), *range(60, 64)]
        field = "166?00GUTSCHRIFT" + "".join(f"?{n}{p}" for n, p in zip(numbers, pieces, strict=False))
        lines.extend((":86:" if not i else "") + field[i : i + 65] for i in range(0, len(field), 65))
    lines.append(balance("62F", opening + sum((r["amount"] for r in rows), Decimal(0))))
    return "\r\n".join(lines) + "\r\n-\r\n"


def _holds(found: Result, rows: Rows, opening: Decimal) -> None:
    assert found.rejects == []
    statement = found.statements[0]
    total = sum((r["amount"] for r in rows), Decimal(0))
    assert Decimal(statement["opening_balance"]) == opening
    assert Decimal(statement["closing_balance"]) == opening + total
    assert Decimal(statement["entries_sum"]) == total
    assert (statement["entries"], statement["transactions"]) == (str(len(rows)), str(len(rows)))
    assert len({r["bank_line_id"] for r in found.lines}) == len(rows)
    for line, row in zip(found.lines, rows, strict=True):
        assert Decimal(line["amount"]) == row["amount"]
        assert line["value_date"] == row["value"].isoformat()
        assert line["booking_date"] == (row["value"] + timedelta(days=row["shift"])).isoformat()
        assert (line["bank_reference"] or "") == row["reference"]
        assert (line["is_reversal"] == "true") == row["reversal"]


@settings(deadline=None)
@given(st.lists(st.tuples(ENTRY, ANY_TEXT).map(lambda p: {**p[0], "text": p[1]}), max_size=8), CENTS)
def test_camt_roundtrip(rows: Rows, opening: Decimal) -> None:
    found = read(_camt(rows, opening))
    _holds(found, rows, opening)
    assert [(r["remittance_text"] or "") for r in found.lines] == [r["text"].strip() for r in rows]


@settings(deadline=None)
@given(st.lists(st.tuples(ENTRY, SWIFT_TEXT).map(lambda p: {**p[0], "text": p[1]}), max_size=8), CENTS)
def test_mt940_roundtrip(rows: Rows, opening: Decimal) -> None:
    found = read(_mt940(rows, opening))
    _holds(found, rows, opening)
    expected = [_squeezed(r["text"]) or "GUTSCHRIFT" for r in rows]
    assert [_squeezed(r["remittance_text"]) for r in found.lines] == expected


WORLD_ENTRY = st.builds(
    BankEntry,
    amount=CENTS,
    value_date=DAYS,
    booking_date=st.none(),
    bank_reference=REFERENCE,
    end_to_end_id=st.from_regex(r"\A(E2E-[0-9]{1,8})?\Z"),
    counterparty_name=st.sampled_from(["", "Alder Works Ltd", "Müller & Söhne <GmbH>"]),
    counterparty_account=st.sampled_from(["", "NL91ABNA0417164300", "0815471100"]),
    remittance_text=st.sampled_from(
        ["", "INV-7001", "Payment for INV-7001, INV-7002 and INV-7003: thank you", "x" * 300]
    ),
    structured_reference=st.sampled_from(["", "RF18539007547034", "210000000003139471430009017"]),
    is_reversal=st.booleans(),
    return_reason=st.sampled_from(["", "AC04"]),
    original_reference=st.sampled_from(["", "E2E-4711"]),
)


@settings(deadline=None)
@given(st.lists(WORLD_ENTRY, max_size=6), CENTS, st.sampled_from([write_camt053, write_mt940]))
def test_the_simulator_is_read_as_it_was_meant(
    tmp_path_factory: Any, entries: list[BankEntry], opening: Decimal, write: Any
) -> None:
    path: Path = tmp_path_factory.mktemp("bank") / "statement"
    closing = write(path, ACCOUNT, "EUR", 12, DAY, opening, entries)
    found = read(path.read_bytes())
    assert not list(path.parent.glob("*.part"))
    assert found.rejects == []
    assert Decimal(found.statements[0]["closing_balance"]) == closing
    for line, entry in zip(found.lines, entries, strict=True):
        came_back = bool(entry.return_reason) or entry.is_reversal
        assert Decimal(line["amount"]) == entry.amount
        assert line["value_date"] == entry.value_date.isoformat()
        assert (line["bank_reference"] or "") == entry.bank_reference
        assert (line["end_to_end_id"] or "") == (entry.original_reference or entry.end_to_end_id)
        assert (line["original_reference"] or "") == ((line["end_to_end_id"] or "") if came_back else "")
        assert (line["return_reason"] or "") == entry.return_reason
        assert (line["is_reversal"] == "true") == entry.is_reversal
        assert (line["counterparty_name"] or "") == entry.counterparty_name
        assert (line["counterparty_account"] or "") == entry.counterparty_account
        assert (line["structured_reference"] or "") == entry.structured_reference
        assert entry.remittance_text in (line["remittance_text"] or "")


def test_currencies_of_any_exponent(tmp_path: Path) -> None:
    for currency, amount in (("JPY", "1500"), ("KWD", "1.234"), ("EUR", "-0.01")):
        for write in (write_camt053, write_mt940):
            path = tmp_path / f"{currency}.{write.__name__}"
            write(
                path, "0815", currency, 1, DAY, Decimal(0), [BankEntry(Decimal(amount), DAY, bank_reference="R12345")]
            )
            line = read(path.read_bytes()).line
            assert (Decimal(line["amount"]), line["currency"], line["account"]) == (Decimal(amount), currency, "0815")
