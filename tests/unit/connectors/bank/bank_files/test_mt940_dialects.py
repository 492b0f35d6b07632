"""Field 86 as each bank writes it; texts shortened from the banks' own examples and public fixtures."""

from __future__ import annotations

import pytest

from tests.unit.connectors.bank.bank_files.reader import mt940, read

FIELDS = (
    *("end_to_end_id", "mandate_id", "counterparty_name", "counterparty_account", "counterparty_bank"),
    *("remittance_text", "return_reason", "transaction_code"),
)

CASES = {
    "abn_amro_sepa": (
        [
            ":61:1205120514C500,01N654NONREF",
            ":86:/TRTP/SEPA OVERBOEKING/IBAN/FR12345678901234/BIC/GEFRADAM",
            "/NAME/QASD JGRED/REMI/Dit zijn de omschrijvingsregels/EREF/NOTPRO",
            "VIDED",
        ],
        "517852257",
        (None, None, "QASD JGRED", "FR12345678901234", "GEFRADAM", "Dit zijn de omschrijvingsregels", None, "N654"),
    ),
    "abn_amro_return": (
        [
            ":61:1205080508C1,01N657NONREF",
            ":86:/TRTP/SEPA TERUGBOEKING/IBAN/NL89ABNA1234567890/BIC/ABNANL2A",
            "/NAME/M. GRSSUGE/RTRN/MS02/REMI/TEST/EREF/TESTBIC1",
        ],
        "517852257",
        ("TESTBIC1", None, "M. GRSSUGE", "NL89ABNA1234567890", "ABNANL2A", "TEST", "MS02", "N657"),
    ),
    "abn_amro_columns": (
        [
            ":61:1501200120C10,5N654NONREF",
            ":86:SEPA OVERBOEKING                 IBAN: NL56CHAS0101010101",
            "BIC: CHASNL2XXXX                 NAAM: AA GHGHGH NETHERLANDS B.V.",
            "OMSCHRIJVING: 1412DEC 2015 CONSU LTING",
            "KENMERK: 7541410",
        ],
        "555555555",
        (
            *("7541410", None, "AA GHGHGH NETHERLANDS B.V.", "NL56CHAS0101010101", "CHASNL2XXXX"),
            *("1412DEC 2015 CONSU LTING", None, "N654"),
        ),
    ),
    "ing_sepa": (
        [
            ":61:1706010601D100,00NDDTEREF//6666666666666",
            "/TRCD/01018/",
            ":86:/EREF/0000008668-001//MARF/00004444-001//CSID/NL53",
            "ZZZ341191060000//CNTP/NL88INGB0999999999/INGBNL2A/RAAMEN NV///REM",
            "I/USTD//KASSA FACTUUR ABC-654321/",
        ],
        "NL47INGB0001212121",
        (
            *("0000008668-001", "00004444-001", "RAAMEN NV", "NL88INGB0999999999", "INGBNL2A"),
            *("KASSA FACTUUR ABC-654321", None, "NDDT+01018"),
        ),
    ),
    "ing_before_sepa": (
        [":61:130701C400,00NGT EREF", ":86:NL57ABNA0987654321 ABNANL2A J AAP NOTPROVIDED kilometers"],
        "NL47INGB0001212121",
        (None, None, None, "NL57ABNA0987654321", "ABNANL2A", "J AAP NOTPROVIDED kilometers", None, "NGT"),
    ),
    "rabobank": (
        [
            ":61:170606C000000001000,00N541EREF            ",
            "NL55RABO044444444",
            ":86:/EREF/201700101-2222222/ORDP//NAME/STG. KLANTGELDEN SEPAY/ADDR/Dr.",
            " Huisstraat 99 1000AA 'S-GRAVENHAGE Nederland NL/REMI//REMI/AFR",
            "EK. BETAALAUTOMAAT",
        ],
        "NL84RABO01212121212",
        (
            *("201700101-2222222", None, "STG. KLANTGELDEN SEPAY", "NL55RABO044444444", None),
            *("AFREK. BETAALAUTOMAAT", None, "N541"),
        ),
    ),
    "rabobank_before_sepa": (
        [
            ":61:120918C000000006098,75N084P002445588      Belastingdienst Apeldoor",
            ":86:BETALINGSKENM.  0189827218201120",
        ],
        "1567.50.961",
        (
            *("P002445588", None, "Belastingdienst Apeldoor", None, None),
            *("BETALINGSKENM. 0189827218201120", None, "N084"),
        ),
    ),
    "deutsche_bank": (
        [
            ":61:1403250326C3,99NTRFNONREF//8848037917407749",
            ":86:166?00SEPA-GUTSCHRIFT?101717/682?20EREF+NOTPROVIDED?21SVWZ+DE38XX",
            "Z76536723768 335?30GENODE61KA1?31DE42",
            "2938944551657098369?32PETRA TESTER",
        ],
        "233025/40069462",
        (
            *(None, None, "PETRA TESTER", "DE422938944551657098369", "GENODE61KA1"),
            *("DE38XXZ76536723768 335", None, "NTRF+166"),
        ),
    ),
    "commerzbank": (
        [
            ":61:0709070904CR50990,05NTRFNONREF//0724710333343453",
            ":86:166?00GUTSCHRIFT?100399?20EREF+EndToEndId TFNR 22 004?21 00001?22",
            "SVWZ+Verw CTSc-01 BC-PPP TF?23Nr 22 004?30DRESDEFF508?31DE1450880",
            "0500194785000?32KARL?33        KAUFMANN?70Empfaenger Marta Metzger",
        ],
        "50880050/0194787400888",
        (
            *("EndToEndId TFNR 22 004 00001", None, "KARL KAUFMANN", "DE14508800500194785000", "DRESDEFF508"),
            *("Verw CTSc-01 BC-PPP TFNr 22 004", None, "NTRF+166"),
        ),
    ),
    "commerzbank_return": (
        [
            ":61:0709040904CR300,NTRFTFNr 40005 MSGID//0724710345313905",
            ":86:159?00RETOURE?100399?20EREF+TFNR 40005 00005?21MTLG:Grund nicht s",
            "pezifizie?22rt Reject?34914",
        ],
        "50880050/0194774600888",
        ("TFNR 40005 00005", None, None, None, None, "Grund nicht spezifiziert Reject", "914", "NTRF+159"),
    ),
    "sparkasse": (
        [
            ":61:1902180218DR20,00N037NONREF",
            ":86:106?00KARTENZAHLUNG?109262?20SVWZ+2019-02-15T20.10 Debit?21k.",
            "4 2019-12?22ABWA+Aral Tankstelle?30DRESDEFF430?31DE95430800830802029200?32ARAL AG",
        ],
        "87052000/123456789",
        (
            *(None, None, "ARAL AG", "DE95430800830802029200", "DRESDEFF430"),
            *("2019-02-15T20.10 Debitk.4 2019-12", None, "N037+106"),
        ),
    ),
    "mbank": (
        [
            ":61:1701190119CN0,01NTRFNONREF//MB170119012058",
            "911-TRANSAKCJA IPH",
            ":86:911 TRANSAKCJA COLLECT; ID IPH: XX000000000001; Z RACH.: ",
            "56114010810000267002001001; OD: JAN NOWAK  ",
            "UL. NIJAKA 1 M 2 31-234 KRAKOW; TYT.: PRZELEW SRODKOW   ; ",
            "TNR: 179171073864111.010001",
        ],
        "PL29114010810000267002001002",
        (
            *(None, None, "JAN NOWAK UL. NIJAKA 1 M 2 31-234 KRAKOW", "56114010810000267002001001", None),
            *("PRZELEW SRODKOW", None, "NTRF"),
        ),
    ),
    "polish_subfields": (
        [
            ":61:170103DN369,00FCHGNONREF",
            ":86:>20Usluga biurowa 2017/01>31591910590205300000",
            "0016768736>32OFFICE GROUP",
            "UL. SPOKOJNA 3",
        ],
        "PL29114010810000267002001002",
        (
            *(None, None, "OFFICE GROUP UL. SPOKOJNA 3", "5919105902053000000016768736", None),
            *("Usluga biurowa 2017/01", None, "FCHG"),
        ),
    ),
    "postfinance": (
        [
            ":61:1312091209C79,7FMSC01916//NONREF",
            "20131209007602198765432000000012",
            ":86:GIRO AUS ONLINE-SIC 80532 AUFTRAGGEBER: JANE DOE EXAMPLESTRASSE",
            " 10 1234 XXXX 131209CH98765432 MITTEILUNGEN: RECHNUNG 4711",
        ],
        "123456789",
        (
            *("01916", None, "JANE DOE EXAMPLESTRASSE 10 1234 XXXX 131209CH98765432", None, None),
            *("RECHNUNG 4711", None, "FMSC"),
        ),
    ),
    "danske_bank": (
        [
            ":61:0909300929CK2000,00NMSCDB faktura//1234567",
            ":86:DB faktura 1234567",
            "Testkunde",
            "HOLMENS KANAL 2-12",
        ],
        "DABADKKK/1234567890",
        (None, None, "Testkunde", None, None, "DB faktura 1234567", None, "NMSC"),
    ),
    "asn": (
        [
            ":61:2001020102D2000,00NOVBNL29INGB0006475121",
            "j blom",
            ":86:NL29INGB0006475121 j blom",
            " " * 65,
            "Salaris december 2019".ljust(65),
            " " * 65,
        ],
        "NL53ASNB0781269733",
        (None, None, "j blom", "NL29INGB0006475121", None, "Salaris december 2019", None, "NOVB"),
    ),
    "knab": (
        [
            ":61:1407290729C500NTRF29-07-2014 10:05//B4G29PGDCK1QFV3E",
            ":86:12160475 0050001631430920 ORDERID: 264267 MEDIA MARKT ONLINE NE",
            "REK: NL84INGB0234561789/NAAM: MMS ONLINE NEDERLAND B.V.",
        ],
        "NL95KNAB0011223344",
        (
            *("29-07-2014 10:05", None, "MMS ONLINE NEDERLAND B.V.", "NL84INGB0234561789", None),
            *("12160475 0050001631430920 ORDERID: 264267 MEDIA MARKT ONLINE NE", None, "NTRF"),
        ),
    ),
    "triodos": (
        [":61:110125D700,00N000NONREF", ":86:000>100133967858", ">20 HUUR>21 KANTOOR - FEB 2010", ">310390123456"],
        "TRIODOSBANK/0390123456",
        (None, None, None, "0390123456", None, "HUUR KANTOOR - FEB 2010", None, "N000"),
    ),
    "written_out_party": (
        [
            ":61:2012011201CD2250,NMSCNONREF//25577226",
            ":86:/ORDP/300000000460495",
            "/IVOTEHNA DOOEL SKOPJE",
            "/Uplata po faktura 747",
        ],
        "300000002778989",
        (None, None, "IVOTEHNA DOOEL SKOPJE", "300000000460495", None, "Uplata po faktura 747", None, "NMSC"),
    ),
    "german_ns": (
        [":61:0203170320CM5000,00S05168790452", ":NS:01Rechnung 4711", "15Muster AG", "17Gutschrift"],
        "1222333444",
        ("68790452", None, "Muster AG", None, None, "Rechnung 4711", None, "S051"),
    ),
    "german_unstructured": (
        [":61:131017D6800,NCHK16703074", ":86:999PN5477SCHECK-NR. 0000016703074"],
        "45050050/76198810",
        ("16703074", None, None, None, None, "SCHECK-NR. 0000016703074", None, "NCHK"),
    ),
    "gls_before_sepa_keys": (
        [
            ":61:1102020202DR437,69NMSCNONREF//POS 2908012830",
            ":86:005?20LASTSCHRIFT/BELAST.?2104 42 26461822?22END-TO-END-REF.:?231",
            "6461823.117162119?24CORE / MANDATSREF.:?25MA6105423J8?32MALLESCHE RV AG",
        ],
        "20011111/120119000",
        (
            *("16461823.117162119", "MA6105423J8", "MALLESCHE RV AG", None, None),
            *("LASTSCHRIFT/BELAST. 04 42 26461822", None, "NMSC+005"),
        ),
    ),
    "free_text": (
        [":61:2602040203C5,00NTRFNONREF", ":86:INVOICE INV-2026-071", "SETTLEMENT"],
        "GB33BUKB20201555555555",
        (None, None, None, None, None, "INVOICE INV-2026-071 SETTLEMENT", None, "NTRF"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_dialect(name: str) -> None:
    fields, account, expected = CASES[name]
    line = read(mt940(*fields, account=account)).line
    assert tuple(line[f] for f in FIELDS) == expected


def test_charges_and_original_amount() -> None:
    line = read(mt940(":61:2602040203C90,00NTRFNONREF//ABC12345", "/OCMT/USD100,00/CHGS/EUR2,50/")).line
    assert (line["instructed_amount"], line["instructed_currency"], line["charges"]) == ("100.00", "USD", "2.50")


def test_structured_references() -> None:
    field = ":86:/CNTP/NL57ABNA0876543211/ABNANL2A/B Bert///REMI/STRD/CUR/9001123412341234/"
    assert read(mt940(":61:2602040203C5,00NTRFNONREF", field)).line["structured_reference"] == "9001123412341234"
    line = read(mt940(":61:2602040203C5,00NTRFNONREF", ":86:/REMI/Rechnung RF18 5390 0754 7034 danke")).line
    assert line["structured_reference"] == "RF18539007547034"


def test_an_original_reference_is_only_that_of_a_return_or_reversal() -> None:
    assert read(mt940(":61:2602040203RC5,00NTRFNONREF", ":86:/EREF/E2E-1/REMI/x")).line["original_reference"] == "E2E-1"
    assert read(mt940(":61:2602040203C5,00NTRFNONREF", ":86:/EREF/E2E-1/REMI/x")).line["original_reference"] is None
