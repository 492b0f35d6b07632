"""Formats and encodings are told by content; what is refused says why, in one line."""

from __future__ import annotations

import codecs

import pytest

from connectors.bank.bank_files.detect import detect, scan
from connectors.bank.bank_files.model import UnreadableFileError
from connectors.bank.bank_files.settings import BankFilesSettings
from tests.unit.connectors.bank.bank_files.reader import camt, entry, mt940, read

MUELLER = ":61:2602040203C5,00NTRFNONREF//ABC12345\r\n:86:/NAME/Müller & Söhne/REMI/Größe 7\r\n"


@pytest.mark.parametrize("kind", ["052", "053", "054"])
@pytest.mark.parametrize("version", ["01", "02", "04", "08", "10"])
def test_camt_is_told_from_its_content(kind: str, version: str) -> None:
    found = detect(scan([camt(entry("1.00"), kind=kind, version=version).encode()]))
    assert (found.format, found.version) == (f"camt.{kind}", f"camt.{kind}.001.{version}")


def test_camt_without_a_namespace_and_with_a_prefix() -> None:
    plain = camt(entry("1.00")).replace(' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', "")
    assert read(plain).line["amount"] == "1.00"
    prefixed = camt(entry("1.00")).replace("xmlns=", "xmlns:ns2=").replace("<", "<ns2:").replace("<ns2:/", "</ns2:")
    assert read(prefixed.replace("<ns2:?", "<?")).line["amount"] == "1.00"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("cp1252", b""),
        ("latin-1", b""),
    ],
)
def test_mt940_in_any_encoding(encoding: str, mark: bytes) -> None:
    line = read(mark + mt940(MUELLER.strip()).encode(encoding)).line
    assert line["counterparty_name"] == "Müller & Söhne"
    assert line["remittance_text"] == "Größe 7"


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [
        ("utf-8", '<?xml version="1.0" encoding="UTF-8"?>'),
        ("utf-8", ""),
        ("iso-8859-1", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
        ("cp1252", "<?xml version='1.0' encoding='windows-1252'?>"),
        ("cp1252", ""),  # undeclared: against the standard, and common
        ("utf-16", '<?xml version="1.0" encoding="UTF-16"?>'),
    ],
)
def test_camt_in_any_encoding(encoding: str, declaration: str) -> None:
    details = "<TxDtls><RltdPties><Dbtr><Nm>Müller</Nm></Dbtr></RltdPties></TxDtls>"
    text = declaration + camt(entry("1.00", details)).partition("?>")[2]
    assert read(text.encode(encoding)).line["counterparty_name"] == "Müller"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end(end: str) -> None:
    assert read(mt940(MUELLER.strip()).replace("\r\n", end)).line["remittance_text"] == "Größe 7"


def test_swift_envelopes() -> None:
    message = "{1:F01KNABNL2HAXXX0000000000}{2:I940KNABNL2HXXXXN3020}{4:\r\n" + mt940(MUELLER.strip()) + "-}{5:}\r\n"
    second = message.replace(":28C:7/1", ":28C:8/1").replace("ABC12345", "ABC12346")
    assert [s["sequence_no"] for s in read(message + second).statements] == ["7/1", "8/1"]
    assert [s["sequence_no"] for s in read("\x01" + message.rstrip() + "\x03\x01" + second).statements] == [
        "7/1",
        "8/1",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"PK\x03\x04....", "ZIP"),
        (b"\x1f\x8b\x08....", "gzip"),
        (b"\x00\x01\x02\x03:20:\x00", "NUL"),
        (b"hello, world", "not a bank statement"),
        (b"<html><body>sign in</body></html>", "root element <html>"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'/>", "root element <Document>"),
        (
            b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.055.001.09'><X/></Document>",
            "camt.055 is not supported",
        ),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "OFX is not supported"),
        (b"<?xml version='1.0'?><OFX><SIGNONMSGSRSV1/></OFX>", "OFX is not supported"),
        (b"01,122099999,123456789,040621,0200,1,65,,2/\n02,", "BAI2 is not supported"),
        (b"ISA*00*          *00*  ~GS*RA~ST*820*0001~", "X12 is not supported"),
        (b":20:A\n:25:B\n:28C:1\n:34F:EUR0,\n:13D:2601011200+0100\n:61:2601010101C5,NTRFX\n", "MT942 is not supported"),
        (
            b"<?xml version='1.0' encoding='UTF-8'?><Document><BkToCstmrStmt><Nm>M\xfcller</Nm>",
            "is not; ask for the file",
        ),
    ],
)
def test_what_is_no_statement_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        detect(scan([content]))
    refused = read(content, name="drop/x.dat")
    assert reason in refused.reason
    assert refused.rejects[0].file == "drop/x.dat"
    assert "\n" not in refused.reason
    assert not refused.statements


def test_only_the_formats_of_the_settings_are_read() -> None:
    default = BankFilesSettings(path=".")
    assert "camt.052 is not among the source's formats" in read(camt(entry("1.00"), kind="052"), default).reason
    assert read(camt(entry("1.00"), kind="054"), default).line["amount"] == "1.00"


def test_scan_is_the_hash_of_the_bytes_however_they_are_cut() -> None:
    data = "Größe ✓".encode() * 1000
    whole = scan([data])
    assert scan([data[i : i + 7] for i in range(0, len(data), 7)]) == whole
    assert whole.is_utf8
    assert not scan([data[:-1]]).is_utf8
