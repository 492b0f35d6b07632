"""What the tests of this folder share: bytes or text in, items, rows and refusals out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.bank.bank_files.detect import scan
from connectors.bank.bank_files.reading import items
from connectors.bank.bank_files.settings import FORMATS, BankFilesSettings
from connectors.kit.contract import Batch, Item, Reject, Rejects

SETTINGS = BankFilesSettings(path=".", formats=FORMATS)


@dataclass
class Result:
    """The items of one file, sorted out."""

    found: list[Item] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def line(self) -> dict[str, Any]:
        """The only line."""
        assert len(self.lines) == 1, (self.lines, self.rejects)
        return self.lines[0]

    @property
    def reason(self) -> str:
        """Why the only thing refused was refused."""
        assert len(self.rejects) == 1, self.rejects
        return self.rejects[0].reason


def result_of(found: list[Item]) -> Result:
    """Sort items out."""
    result = Result(found)
    for item in found:
        if isinstance(item, Rejects):
            result.rejects.extend(item.items)
        elif isinstance(item, Batch):
            rows = item.rows.to_pylist()
            (result.statements if item.entity.name == "bank_statements" else result.lines).extend(rows)
    return result


def read(content: bytes | str, settings: BankFilesSettings = SETTINGS, name: str = "file") -> Result:
    """Read one file in pieces that cut anywhere."""
    data = content.encode() if isinstance(content, str) else content
    pieces = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    return result_of(list(items(name, scan(pieces), lambda: pieces, settings)))


def camt(entries: str, balances: str = "", kind: str = "053", version: str = "08", header: str = "") -> str:
    """A camt message with one statement around some entries."""
    body, statement = {
        "052": ("BkToCstmrAcctRpt", "Rpt"),
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[kind]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}">'
        f"<{body}><GrpHdr><MsgId>M</MsgId></GrpHdr><{statement}><Id>S1</Id>"
        f"<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}{header}{entries}"
        f"</{statement}></{body}></Document>"
    )


def balance(code: str, amount: str, indicator: str = "CRDT", currency: str = "EUR", day: str = "2026-02-03") -> str:
    """A camt balance."""
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{indicator}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def entry(amount: str, details: str = "", indicator: str = "CRDT", more: str = "", reference: str = "REF12345") -> str:
    """A camt entry of 3 February 2026."""
    account_reference = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>{more}<Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-02-03</Dt></BookgDt><ValDt><Dt>2026-02-04</Dt></ValDt>{account_reference}<BkTxCd/>"
        + (f"<NtryDtls>{details}</NtryDtls>" if details else "")
        + "</Ntry>"
    )


def mt940(*fields: str, account: str = "DE89370400440532013000", opening: str = "C260203EUR0,00") -> str:
    """An MT940 message around some fields, without a closing balance."""
    return "\r\n".join((":20:STARTUMS", f":25:{account}", ":28C:7/1", f":60F:{opening}", *fields)) + "\r\n"
