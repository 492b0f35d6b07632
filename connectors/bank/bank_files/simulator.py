"""Writes bank statements as a bank would: one camt.053 or MT940 file from a list of entries.

For the demo's world and for tests only; nothing that reads bank files may import it. It shares no code with the
readers, so that a reader's mistake cannot hide behind the writer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as _date
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

from connectors.kit.money import exponent

_WIDTH = 65  #: characters of one line of field 86


@dataclass(frozen=True)
class BankEntry:
    """One movement on the account; ``amount`` is signed, money in is positive.

    ``original_reference`` is the EndToEndId of the payment that a reversal or return undoes.
    """

    amount: Decimal
    value_date: _date
    booking_date: _date | None = None
    bank_reference: str = ""
    end_to_end_id: str = ""
    counterparty_name: str = ""
    counterparty_account: str = ""
    remittance_text: str = ""
    structured_reference: str = ""
    is_reversal: bool = False
    return_reason: str = ""
    original_reference: str = ""


def write_camt053(
    path: Path,
    account: str,
    currency: str,
    statement_no: int,
    date: _date,
    opening: Decimal,
    entries: Sequence[BankEntry],
) -> Decimal:
    """Write one camt.053.001.08 statement of one day and return its closing balance. The file appears whole or not."""
    closing = opening + sum((e.amount for e in entries), Decimal(0))
    stamp = f"{(date + timedelta(days=1)).isoformat()}T05:00:00Z"
    number = f"{statement_no:05d}"
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>{escape(account)}-{number}</MsgId><CreDtTm>{stamp}</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>{escape(account)}-{number}</Id><ElctrncSeqNb>{statement_no}</ElctrncSeqNb><CreDtTm>{stamp}</CreDtTm>\n"
        f"<FrToDt><FrDtTm>{date}T00:00:00Z</FrDtTm><ToDtTm>{date}T23:59:59Z</ToDtTm></FrToDt>\n"
        f"<Acct><Id>{_account(account)}</Id><Ccy>{currency}</Ccy></Acct>\n",
        _balance("OPBD", opening, currency, date),
        _balance("CLBD", closing, currency, date),
    ]
    parts.extend(_camt_entry(e, currency, date) for e in entries)
    parts.append("</Stmt></BkToCstmrStmt></Document>\n")
    _write(path, "".join(parts))
    return closing


def write_mt940(
    path: Path,
    account: str,
    currency: str,
    statement_no: int,
    date: _date,
    opening: Decimal,
    entries: Sequence[BankEntry],
) -> Decimal:
    """Write one MT940 statement of one day (SEPA slash codes in field 86) and return its closing balance."""
    closing = opening + sum((e.amount for e in entries), Decimal(0))
    lines = [
        f":20:ST{date:%y%m%d}{statement_no:05d}",
        f":25:{account}",
        f":28C:{statement_no:05d}/001",
        f":60F:{_mt940_balance(opening, currency, date)}",
    ]
    for entry in entries:
        lines.extend(_mt940_entry(entry, currency, date))
    lines.append(f":62F:{_mt940_balance(closing, currency, date)}")
    lines.append("-")
    _write(path, "\r\n".join(lines) + "\r\n")
    return closing


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8", newline="")
    unfinished.replace(path)


def _plain(amount: Decimal, currency: str) -> str:
    return f"{abs(amount):.{exponent(currency)}f}"


def _account(account: str) -> str:
    is_iban = account[:2].isalpha() and account[2:4].isdigit()
    return f"<IBAN>{escape(account)}</IBAN>" if is_iban else f"<Othr><Id>{escape(account)}</Id></Othr>"


def _indicator(amount: Decimal) -> str:
    return "DBIT" if amount < 0 else "CRDT"


def _balance(code: str, amount: Decimal, currency: str, date: _date) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{_plain(amount, currency)}</Amt>'
        f"<CdtDbtInd>{_indicator(amount)}</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>\n"
    )


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""


def _camt_entry(entry: BankEntry, currency: str, date: _date) -> str:
    indicator = f"<CdtDbtInd>{_indicator(entry.amount)}</CdtDbtInd>"
    money = f'<Amt Ccy="{currency}">{_plain(entry.amount, currency)}</Amt>{indicator}'
    family = ("ICDT", "RRTN") if entry.return_reason else ("ICDT", "ESCT") if entry.amount < 0 else ("RCDT", "ESCT")
    code = f"<Domn><Cd>PMNT</Cd><Fmly><Cd>{family[0]}</Cd><SubFmlyCd>{family[1]}</SubFmlyCd></Fmly></Domn>"
    side = "Cdtr" if (entry.amount < 0) is not entry.is_reversal else "Dbtr"
    parties = ""
    if entry.counterparty_name:
        parties += f"<{side}><Pty><Nm>{escape(entry.counterparty_name)}</Nm></Pty></{side}>"
    if entry.counterparty_account:
        parties += f"<{side}Acct><Id>{_account(entry.counterparty_account)}</Id></{side}Acct>"
    remittance = _element("Ustrd", entry.remittance_text)
    if entry.structured_reference:
        kind = "<Cd>SCOR</Cd>" if entry.structured_reference.startswith("RF") else "<Prtry>QRR</Prtry>"
        remittance += (
            f"<Strd><CdtrRefInf><Tp><CdOrPrtry>{kind}</CdOrPrtry></Tp>"
            f"<Ref>{escape(entry.structured_reference)}</Ref></CdtrRefInf></Strd>"
        )
    end_to_end = entry.original_reference or entry.end_to_end_id or "NOTPROVIDED"
    returned = f"<RtrInf><Rsn><Cd>{escape(entry.return_reason)}</Cd></Rsn></RtrInf>" if entry.return_reason else ""
    return (
        f"<Ntry>{money}"
        + ("<RvslInd>true</RvslInd>" if entry.is_reversal else "")
        + "<Sts><Cd>BOOK</Cd></Sts>"
        + f"<BookgDt><Dt>{entry.booking_date or date}</Dt></BookgDt><ValDt><Dt>{entry.value_date}</Dt></ValDt>"
        + _element("AcctSvcrRef", entry.bank_reference)
        + f"<BkTxCd>{code}</BkTxCd><NtryDtls><TxDtls>"
        + f"<Refs>{_element('AcctSvcrRef', entry.bank_reference)}{_element('EndToEndId', end_to_end)}</Refs>{money}"
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")
        + f"{returned}</TxDtls></NtryDtls></Ntry>\n"
    )


def _mt940_amount(amount: Decimal, currency: str) -> str:
    text = _plain(amount, currency).replace(".", ",")
    return text if "," in text else text + ","


def _mt940_balance(amount: Decimal, currency: str, date: _date) -> str:
    return f"{'D' if amount < 0 else 'C'}{date:%y%m%d}{currency}{_mt940_amount(amount, currency)}"


def _mt940_entry(entry: BankEntry, currency: str, date: _date) -> list[str]:
    credit = entry.amount >= 0
    # a reversed credit (RC) takes money out, a reversed debit (RD) brings it back
    mark = ("RD" if credit else "RC") if entry.is_reversal else ("C" if credit else "D")
    kind = "NRTI" if entry.return_reason else "NTRF"
    booked = entry.booking_date or date
    line = f":61:{entry.value_date:%y%m%d}{booked:%m%d}{mark}{_mt940_amount(entry.amount, currency)}{kind}NONREF"
    lines = [line + (f"//{entry.bank_reference[:16]}" if entry.bank_reference else "")]
    codes = [
        ("RTRN", entry.return_reason),
        ("EREF", entry.original_reference or entry.end_to_end_id),
        ("IBAN", entry.counterparty_account),
        ("NAME", entry.counterparty_name.replace("/", " ")),
        ("REMI", " ".join(filter(None, (entry.structured_reference, entry.remittance_text)))),
    ]
    text = "".join(f"/{code}/{_swift(value)}" for code, value in codes if value)
    if text:
        pieces = _wrapped(text)
        lines.append(":86:" + pieces[0])
        lines.extend(pieces[1:])
    return lines


def _wrapped(text: str) -> list[str]:
    """Cut into lines of at most 65 characters; no line may begin with a colon or a hyphen (SWIFT's rule)."""
    pieces = []
    while len(text) > _WIDTH:
        cut = _WIDTH
        while cut > 1 and text[cut] in ":-":
            cut -= 1
        pieces.append(text[:cut])
        text = text[cut:]
    return [*pieces, text]


def _swift(text: str) -> str:
    return " ".join(text.split())
