"""The coded families of MT940 field 86: numbered subfields (``166?20…``) and slash codes (``/EREF/…``)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from itertools import pairwise

from connectors.bank.bank_files import references
from connectors.bank.bank_files.model import Transaction
from connectors.kit.money import currencies

#: What field 61 says of the reference in field 86 instead of giving one itself.
REFERENCE_KINDS = frozenset(("EREF", "PREF", "MARF", "KREF", "KREF+", "MREF", "CREF", "IREF", "PMTINF", "MSGID"))

_SEPARATOR = re.compile(r"\s*(?:\d{3})?([?<>~^@|])\d\d")
_SUBFIELD = 27  #: characters of a subfield; a full one goes on in the next, a shorter one ends a word
#: The German transaction codes (Geschäftsvorfallcodes) of payments that came back.
_RETURNS = frozenset(("108", "109", "159", "181", "182", "183", "184"))
_ISO_REASON = re.compile(
    r"\b(AC0[1346]|AC13|AG0[12]|AM0[2459]|BE0[145]|CNOR|DNOR|DT01|ED05|FF0[15]|FOCR|MD0[1267]|MS0[23]|RC01|RR0[1-4]|SL01)\b"
)
_SEPA_KEY = re.compile(
    r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|RREF|"
    r"MTLG(?=:)|(?:CORE / )?MANDATSREF\.|END-TO-END-REF\.|GL(?:Ä|AE|.)UBIGER-ID)(?:\+|(?<=\.):|(?<=ID):|(?<=MTLG):)"
)
_SLASH_CODES = frozenset(
    (
        *("TRTP", "RTYP", "IBAN", "BBAN", "BIC", "NAME", "REMI", "EREF", "MARF", "CSID", "PREF", "NRTX", "PIND"),
        *("ORDP", "BENM", "ADDR", "ISDT", "RTRN", "RREF", "PURP", "CNTP", "ULTC", "ULTD", "ULTB", "SVCL", "USTD"),
        *("STRD", "TRCD", "INID", "OCMT", "CHGS", "EXCH", "BUSP", "SUM", "OGB", "OSDR", "VA", "ID", "IREF", "CREF"),
        "UETR",
    )
)
_MONEY = re.compile(r"/*([A-Z]{3})\s?(\d+(?:[.,]\d*)?)/?")
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}|[\d./-]{5,34}")


@cache
def _splitter(separator: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(separator)}(\d\d)")


def separator_of(text: str) -> str:
    """Return the character that begins each numbered subfield, nothing where the text has none."""
    match = _SEPARATOR.match(text)
    return match.group(1) if match else ""


def read_subfields(text: str, separator: str, payment: Transaction) -> None:
    """Read ``166?00…?20…?30…``: 20–29 and 60–63 remittance, 30 bank, 31 and 38 account, 32–33 name, 34 return code."""
    head, *pieces = _splitter(separator).split(text)
    fields: dict[str, str] = {}
    remittance = ""
    width = _SUBFIELD
    for number, value in zip(pieces[::2], pieces[1::2], strict=True):
        if "20" <= number <= "29" or "60" <= number <= "63":
            remittance += value if width >= _SUBFIELD else f" {value}"
            width = len(value)
        else:
            fields[number] = fields.get(number, "") + value
    code = head.strip()
    if code not in ("", "000", "999"):
        payment.code = f"{payment.code}+{code}" if payment.code else code
    payment.counterparty_bank = fields.get("30", "").strip()
    payment.counterparty_account = "".join((fields.get("31") or fields.get("38") or "").split())
    payment.counterparty_name = " ".join((fields.get("32", "") + fields.get("33", "")).split())
    _sepa_keys(remittance, payment)
    if not payment.remittance_text and "+" not in remittance:
        payment.remittance_text = " ".join(fields.get("00", "").split())
    if code in _RETURNS:
        reason = _ISO_REASON.search(remittance)
        payment.return_reason = reason.group() if reason else fields.get("34", "").strip() or "returned"


def from_bank_field(lines: list[str]) -> str:
    """Write the lines of the German field NS (01–14 remittance, 15–16 name, 17 posting text) as numbered subfields."""
    parts = []
    for line in lines:
        number, value = line[:2], line[2:]
        if not number.isdigit():
            parts.append(line)
        elif number <= "14":
            parts.append(f"?20{value}")
        else:
            parts.append({"15": "?32", "16": "?33", "17": "?00"}.get(number, "?99") + value)
    return "000" + "".join(parts)


def _sepa_keys(text: str, payment: Transaction) -> None:
    """Read ``EREF+…SVWZ+…`` out of the joined remittance subfields; what stands before the first key is text."""
    parts = _SEPA_KEY.split(text)
    free = [parts[0]]
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        value = " ".join(value.split())
        if key in ("EREF", "END-TO-END-REF."):
            payment.end_to_end_id = references.given(value) or payment.end_to_end_id
        elif key in ("MREF", "MANDATSREF.", "CORE / MANDATSREF."):
            payment.mandate_id = references.given(value)
        elif key in ("SVWZ", "MTLG"):
            free.append(value)
        elif key == "IBAN" and not payment.counterparty_account:
            payment.counterparty_account = value.replace(" ", "")
        elif key == "BIC" and not payment.counterparty_bank:
            payment.counterparty_bank = value
        elif key == "OAMT":
            _instructed(value, payment)
        elif key == "ABWA" and not payment.counterparty_name:
            payment.counterparty_name = value
    payment.remittance_text = " ".join(" ".join(free).split())


def _slash_tokens(text: str) -> list[tuple[str, str]]:
    """Cut ``a/CODE/b/CODE/c`` into ("", a), (CODE, b), (CODE, c); empty where there is no code."""
    parts = text.split("/")
    starts = [i for i in range(1, len(parts) - 1) if parts[i] in _SLASH_CODES]
    if not starts:
        return []
    tokens = [("", "/".join(parts[: starts[0]]))]
    starts.append(len(parts))
    for start, end in pairwise(starts):
        tokens.append((parts[start], parts[start + 1] if end == start + 2 else "/".join(parts[start + 1 : end])))
    return tokens


def read_slash_codes(text: str, payment: Transaction) -> bool:
    """Read ``/TRTP/…/IBAN/…/REMI/…``; False where the text has no such code."""
    tokens = _slash_tokens(text)
    if not tokens:
        return False
    free: list[str] = []
    party = ""
    for name, raw in tokens:
        value = " ".join(raw.strip("/ ").split())
        if name in ("REMI", "USTD", ""):
            free.append(value)
            continue
        if name in ("ORDP", "BENM", "ULTC", "ULTD", "ULTB", "CNTP"):
            party = name
        if value:
            _slash_value(name, value, party, free, payment)
    payment.remittance_text = " ".join(filter(None, free))
    return True


def _slash_value(name: str, value: str, party: str, free: list[str], payment: Transaction) -> None:
    if name == "EREF":
        payment.end_to_end_id = references.given(value) or payment.end_to_end_id
    elif name in ("IBAN", "BBAN"):
        payment.counterparty_account = payment.counterparty_account or value.replace(" ", "")
    elif name == "BIC":
        payment.counterparty_bank = payment.counterparty_bank or value.replace(" ", "")
    elif name == "NAME":
        if not party.startswith("ULT"):
            payment.counterparty_name = payment.counterparty_name or value
    elif name == "MARF":
        payment.mandate_id = references.given(value)
    elif name == "RTRN":
        payment.return_reason = value
    elif name == "UETR":
        payment.uetr = value.lower()
    elif name == "STRD":  # ING: /STRD/CUR/<reference>, the issuer first
        reference = value.rpartition("/")[2]
        valid = references.validated(reference)
        if valid:
            payment.structured_reference = valid
        else:
            free.append(reference)
    elif name == "CNTP":  # ING: account/BIC/name/city
        parts = [p.strip() for p in value.split("/")] + ["", ""]
        payment.counterparty_account, payment.counterparty_bank, payment.counterparty_name = parts[:3]
    elif name in ("ORDP", "BENM"):
        _party(value, free, payment)
    elif name == "OCMT":
        free.append(_instructed(value, payment))
    elif name == "CHGS":
        free.append(_charges(value, payment))


def _party(value: str, free: list[str], payment: Transaction) -> None:
    """Read a party that is written out: account, name, then text, a line each."""
    parts = [p.strip() for p in value.split("/") if p.strip()]
    if parts and _ACCOUNT.fullmatch(parts[0]):
        payment.counterparty_account = payment.counterparty_account or parts.pop(0)
    if parts:
        payment.counterparty_name = payment.counterparty_name or parts.pop(0)
    free.extend(parts)


def read_supplement_codes(text: str, payment: Transaction) -> bool:
    """Read ``/OCMT/EUR10,00/`` and ``/CHGS/…`` behind field 61; False where there is no code."""
    tokens = _slash_tokens(text if text.count("/") > 1 and text.endswith("/") else f"{text}/")
    for name, value in tokens:
        if name == "OCMT":
            _instructed(value, payment)
        elif name == "CHGS":
            _charges(value, payment)
        elif name == "TRCD" and payment.code:
            payment.code = f"{payment.code}+{value.strip('/')}"
    return bool(tokens)


def _instructed(value: str, payment: Transaction) -> str:
    """Take the original amount off the beginning of a value and return what is left."""
    match = _MONEY.match(value)
    if match is None or match.group(1) not in currencies():
        return value
    payment.instructed_currency = match.group(1)
    payment.instructed_amount = Decimal(match.group(2).replace(",", "."))
    return value[match.end() :].strip()


def _charges(value: str, payment: Transaction) -> str:
    match = _MONEY.match(value)
    if match is None or match.group(1) not in currencies():
        return value
    payment.charges = (payment.charges or Decimal(0)) + Decimal(match.group(2).replace(",", "."))
    return value[match.end() :].strip()
