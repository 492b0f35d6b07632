"""camt: signs, balances, batches, parties, references, returns; and what does not close or fit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.connectors.bank.bank_files.reader import balance, camt, entry, read


def tx(amount: str = "", *, more: str = "", indicator: str = "", currency: str = "EUR") -> str:
    money = f'<Amt Ccy="{currency}">{amount}</Amt>' if amount else ""
    sign = f"<CdtDbtInd>{indicator}</CdtDbtInd>" if indicator else ""
    return f"<TxDtls>{money}{sign}{more}</TxDtls>"


@pytest.mark.parametrize("reversal", ["", "<RvslInd>false</RvslInd>", "<RvslInd>true</RvslInd>"])
@pytest.mark.parametrize(("indicator", "amount"), [("CRDT", "5.00"), ("DBIT", "-5.00")])
def test_the_sign_is_the_indicators_alone(indicator: str, amount: str, reversal: str) -> None:
    line = read(camt(entry("5.00", indicator=indicator, more=reversal))).line
    assert line["amount"] == amount
    assert line["is_reversal"] == ("true" if "true" in reversal else "false")


def test_a_statement_that_closes_loads_with_all_that_it_states() -> None:
    balances = balance("OPBD", "10.00") + balance("CLBD", "7.50")
    header = "<ElctrncSeqNb>44</ElctrncSeqNb>"
    found = read(camt(entry("5.00") + entry("7.50", indicator="DBIT"), balances, header=header))
    assert found.rejects == []
    statement = found.statements[0]
    assert statement["statement_id"].startswith("DE89370400440532013000/44/2026-02-03/")
    assert {k: v for k, v in statement.items() if k not in ("statement_id", "_file", "_line")} == {
        "account": "DE89370400440532013000",
        "currency": "EUR",
        "format": "camt.053",
        "sequence_no": "44",
        "from_date": "2026-02-03",
        "to_date": "2026-02-03",
        "opening_balance": "10.00",
        "closing_balance": "7.50",
        "entries_sum": "-2.50",
        "entries": "2",
        "transactions": "2",
        "notes": None,
    }
    assert [(r["entry_no"], r["amount"], r["booking_date"], r["value_date"], r["status"]) for r in found.lines] == [
        ("1", "5.00", "2026-02-03", "2026-02-04", "booked"),
        ("2", "-7.50", "2026-02-03", "2026-02-04", "booked"),
    ]


def test_a_statement_that_does_not_close_is_refused_alone_with_the_difference() -> None:
    good = camt(entry("5.00"), balance("OPBD", "0") + balance("CLBD", "5.00"))
    bad = camt(entry("6.00", reference="BAD12345"), balance("OPBD", "1.00") + balance("CLBD", "9.00"))
    inner = bad[bad.index("<Stmt>") : bad.index("</BkTo")].replace("<Id>S1", "<Id>S2")
    found = read(good.replace("</Stmt>", "</Stmt>" + inner), name="two.xml")
    assert [s["closing_balance"] for s in found.statements] == ["5.00"]
    assert [r["amount"] for r in found.lines] == ["5.00"]
    refused = found.rejects[0]
    assert refused.entity == "bank_statements"
    assert refused.reason == (
        "the statement does not close: opening 1.00 + entries 6.00 = 7.00, closing is 9.00, difference 2.00 EUR"
    )
    assert refused.file == "two.xml"
    assert refused.line == 1
    assert refused.key.startswith("DE89370400440532013000/S2/")
    assert refused.row["entries_sum"] == "6.00"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (entry("12..34"), "amount '12..34' is not an unsigned decimal"),
        (entry("-5.00"), "amount '-5.00' is not an unsigned decimal"),
        (entry("1e3"), "amount '1e3' is not an unsigned decimal"),
        (entry("٥"), "is not an unsigned decimal"),
        (entry("5.00").replace("CRDT", "PLUS"), "CdtDbtInd 'PLUS' is neither CRDT nor DBIT"),
        (entry("5.00").replace('<Amt Ccy="EUR">5.00</Amt>', ""), "an entry without an amount"),
        (entry("5.00").replace("2026-02-04", "2026-02-30"), "ValDt '2026-02-30' is not a date"),
        (entry("1.23456"), "1.23456 has more decimals than EUR"),
        (entry("5.00").replace('Ccy="EUR"', 'Ccy="USD"'), "an entry in USD on an account in EUR"),
    ],
)
def test_an_unreadable_entry_refuses_its_statement(entries: str, reason: str) -> None:
    found = read(camt(entries + entry("1.00")))
    assert reason in found.reason
    assert found.lines == []


def test_decimals_of_the_currency() -> None:
    assert read(camt(entry("18.15000"))).line["amount"] == "18.15000"
    yen = camt(entry("500")).replace("EUR", "JPY")
    assert read(yen).line["amount"] == "500"
    assert "500.5 has more decimals than JPY" in read(yen.replace(">500<", ">500.5<")).reason
    assert read(camt(entry("1.234")).replace("EUR", "KWD")).line["amount"] == "1.234"


def test_a_batch_expands_to_its_payments() -> None:
    details = tx("3.00", more="<Refs><EndToEndId>A</EndToEndId></Refs>") + tx("2.00", indicator="CRDT")
    found = read(camt(entry("5.00", details)))
    assert [(r["amount"], r["entry_no"], r["transaction_no"]) for r in found.lines] == [
        ("3.00", "1", "1"),
        ("2.00", "1", "2"),
    ]
    assert found.lines[0]["end_to_end_id"] == "A"
    assert (found.statements[0]["entries"], found.statements[0]["transactions"]) == ("1", "2")


def test_charges_explain_a_batch() -> None:
    charged = "<Chrgs><TtlChrgsAndTaxAmt Ccy='EUR'>1.00</TtlChrgsAndTaxAmt></Chrgs>"
    found = read(camt(entry("99.00", tx("60.00", more=charged) + tx("40.00"))))
    assert [(r["amount"], r["charges"], r["instructed_amount"]) for r in found.lines] == [
        ("59.00", "1.00", "60.00"),
        ("40.00", None, None),
    ]
    assert found.statements[0]["notes"] is None
    records = "<Chrgs><Rcrd><Amt Ccy='EUR'>1.50</Amt></Rcrd><Rcrd><Amt Ccy='EUR'>0.50</Amt></Rcrd></Chrgs>"
    on_entry = entry("98.00", tx("60.00") + tx("40.00")).replace("<NtryDtls>", records + "<NtryDtls>")
    found = read(camt(on_entry))
    assert [(r["amount"], r["charges"]) for r in found.lines] == [("58.00", "2.00"), ("40.00", None)]


def test_a_batch_that_its_payments_do_not_explain_stays_one_line_and_is_noted() -> None:
    one = tx("3.00", more="<RmtInf><Ustrd>INV-1</Ustrd></RmtInf>")
    two = tx("1.00", more="<RmtInf><Ustrd>INV-2</Ustrd></RmtInf>")
    found = read(camt(entry("5.00", one + two)))
    assert found.line["amount"] == "5.00"
    assert found.line["remittance_text"] == "INV-1 | INV-2"
    assert "its 2 payments 4.00, difference 1.00; kept as one line" in found.statements[0]["notes"]
    assert found.statements[0]["transactions"] == "2"


def test_payments_in_another_currency_share_the_entry_at_their_own_rate() -> None:
    found = read(camt(entry("100.00", "".join(tx(a, currency="USD") for a in ("40", "40", "40")))))
    assert [r["amount"] for r in found.lines] == ["33.33", "33.33", "33.34"]
    assert {(r["instructed_amount"], r["instructed_currency"]) for r in found.lines} == {("40", "USD")}
    counter = (
        "<AmtDtls><TxAmt><Amt Ccy='USD'>40</Amt></TxAmt><CntrValAmt><Amt Ccy='EUR'>25.00</Amt></CntrValAmt></AmtDtls>"
    )
    found = read(camt(entry("50.00", tx(more=counter) * 2)))
    assert [r["amount"] for r in found.lines] == ["25.00", "25.00"]


def test_the_other_side_is_the_debtor_of_money_in_and_the_creditor_of_money_out() -> None:
    parties = (
        "<RltdPties><Dbtr><Pty><Nm>Payer</Nm></Pty></Dbtr>"
        "<DbtrAcct><Id><IBAN>NL91 ABNA 0417 1643 00</IBAN></Id></DbtrAcct>"
        "<Cdtr><Nm>Payee</Nm></Cdtr><CdtrAcct><Id><Othr><Id>0815</Id></Othr></Id></CdtrAcct></RltdPties>"
        "<RltdAgts><DbtrAgt><FinInstnId><BICFI>ABNANL2A</BICFI></FinInstnId></DbtrAgt></RltdAgts>"
    )
    names = ("counterparty_name", "counterparty_account", "counterparty_bank")
    money_in = read(camt(entry("1.00", tx(more=parties)))).line
    assert [money_in[n] for n in names] == ["Payer", "NL91ABNA0417164300", "ABNANL2A"]
    money_out = read(camt(entry("1.00", tx(more=parties), indicator="DBIT"))).line
    assert [money_out[n] for n in names] == ["Payee", "0815", None]
    # A reversed credit takes money out, and its payer is still the payer.
    reversed_ = read(camt(entry("1.00", tx(more=parties), indicator="DBIT", more="<RvslInd>true</RvslInd>"))).line
    assert reversed_["counterparty_name"] == "Payer"


def test_remittance_and_references() -> None:
    more = (
        "<Refs><EndToEndId>NOTPROVIDED</EndToEndId><UETR>d0826d0f-a005-5e3b-b3dc-54da4ac7f0d0</UETR>"
        "<MndtId>MD-1</MndtId></Refs>"
        "<RmtInf><Ustrd>first</Ustrd><Ustrd>second</Ustrd>"
        "<Strd><RfrdDocInf><Nb>INV-1</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18 5390 0754 7034</Ref></CdtrRefInf></Strd>"
        "<Strd><RfrdDocInf><Nb>INV-2</Nb></RfrdDocInf><AddtlRmtInf>third</AddtlRmtInf></Strd></RmtInf>"
    )
    line = read(camt(entry("1.00", tx(more=more)))).line
    assert line["end_to_end_id"] is None
    assert line["uetr"] == "d0826d0f-a005-5e3b-b3dc-54da4ac7f0d0"
    assert line["mandate_id"] == "MD-1"
    assert line["remittance_text"] == "first second third"
    assert line["referred_document"] == "INV-1\nINV-2"
    assert line["structured_reference"] == "RF18539007547034"


def test_a_wrong_check_digit_makes_a_reference_text() -> None:
    more = "<RmtInf><Strd><CdtrRefInf><Ref>210000000003139471430009018</Ref></CdtrRefInf></Strd></RmtInf>"
    found = read(camt(entry("1.00", tx(more=more))))
    assert found.line["structured_reference"] is None
    assert found.line["remittance_text"] == "210000000003139471430009018"
    assert "fails its check digit" in found.statements[0]["notes"]


def test_text_that_is_cut_at_140_goes_on_without_a_space() -> None:
    text = "x" * 138 + " INVOICE-4711"
    more = f"<RmtInf><Ustrd>{text[:140]}</Ustrd><Ustrd>{text[140:]}</Ustrd></RmtInf>"
    assert read(camt(entry("1.00", tx(more=more)))).line["remittance_text"] == text


def test_a_return_names_its_reason_and_the_payment_that_came_back() -> None:
    more = "<Refs><EndToEndId>E2E-1</EndToEndId></Refs><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    line = read(camt(entry("1.00", tx(more=more)))).line
    assert (line["return_reason"], line["original_reference"]) == ("AC04", "E2E-1")
    plain = read(camt(entry("1.00", tx(more="<Refs><EndToEndId>E2E-1</EndToEndId></Refs>")))).line
    assert (plain["return_reason"], plain["original_reference"]) == (None, None)


def test_codes_and_status() -> None:
    domain = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
    assert read(camt(entry("1.00").replace("<BkTxCd/>", domain))).line["transaction_code"] == "PMNT-RCDT-ESCT"
    own = "<BkTxCd><Prtry><Cd>NTRF+166</Cd><Issr>DK</Issr></Prtry></BkTxCd>"
    assert read(camt(entry("1.00").replace("<BkTxCd/>", own))).line["transaction_code"] == "NTRF+166"
    pending = entry("1.00").replace("<Sts>BOOK</Sts>", "<Sts><Cd>PDNG</Cd></Sts>")
    found = read(camt(entry("5.00") + pending, balance("OPBD", "0") + balance("CLBD", "5.00")))
    assert [r["status"] for r in found.lines] == ["booked", "pending"]  # what is pending is in no balance
    assert found.statements[0]["entries_sum"] == "6.00"


def test_comments_within_a_value_are_nothing() -> None:
    assert read(camt(entry("1<!-- no -->5.00"))).line["amount"] == "15.00"


def test_a_previous_closing_stands_in_for_the_opening() -> None:
    found = read(camt(entry("5.00"), balance("PRCD", "1.00") + balance("CLBD", "7.00")))
    assert "difference 1.00" in found.reason
    found = read(camt(entry("5.00"), balance("PRCD", "9.00") + balance("OPBD", "2.00") + balance("CLBD", "7.00")))
    assert found.rejects == []


def test_gaps_within_a_file_are_noted_and_do_not_stop_it() -> None:
    def statement(number: int, opening: str, closing: str, reference: str) -> str:
        body = camt(
            entry("5.00", reference=reference),
            balance("OPBD", opening) + balance("CLBD", closing),
            header=f"<ElctrncSeqNb>{number}</ElctrncSeqNb>",
        )
        return body[body.index("<Stmt>") : body.index("</BkTo")].replace("<Id>S1", f"<Id>S{number}")

    whole = camt("")
    inner = statement(4, "0.00", "5.00", "AAA00001") + statement(7, "6.00", "11.00", "AAA00002")
    found = read(whole[: whole.index("<Stmt>")] + inner + whole[whole.index("</BkTo") :])
    assert len(found.statements) == 2
    assert found.statements[1]["notes"].split("\n") == [
        "opening 6.00 is not the previous closing 5.00, difference 1.00",
        "statement 7 follows 4: 5 to 6 is missing",
    ]


def test_a_large_batch_is_the_same_as_a_small_one() -> None:
    filler = "<RmtInf><Ustrd>" + "y" * 130 + "</Ustrd></RmtInf>"
    count = 12_000  # past the size from which payments are taken out of the tree one by one
    details = "".join(tx("1.00", more=f"<Refs><EndToEndId>E{i}</EndToEndId></Refs>{filler}") for i in range(count))
    found = read(camt(entry(f"{count}.00", details) + entry("3.00", reference="NEXT9999")))
    assert [r["end_to_end_id"] for r in found.lines[:-1]] == [f"E{i}" for i in range(count)]
    assert sum(Decimal(r["amount"]) for r in found.lines) == count + 3
    assert found.statements[0]["transactions"] == str(count + 1)
