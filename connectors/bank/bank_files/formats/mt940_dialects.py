"""Reads MT940 field 86, which every bank fills in its own way, into one payment's fields.

Four families cover the banks: subfields (``166?20…?32…``: Germany, Austria, Hungary, Poland, Triodos), slash codes
(``/EREF/…/REMI/…``: ABN AMRO, ING, Rabobank, Knab, bunq, HSBC, SEPA at large), labels in free text (``NAAM: …``: ABN
AMRO and Knab before SEPA, PostFinance, mBank) and columns (ASN, SNS, old ING, Danske Bank). What fits none is free
text. Here: which family it is, labels and columns; the first two are ``mt940_codes``.
"""

from __future__ import annotations

import re

from connectors.bank.bank_files import references
from connectors.bank.bank_files.formats import mt940_codes as codes
from connectors.bank.bank_files.model import Transaction

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_BIC = r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"
_SENDER = re.compile(rf"\{{1:F\d\d({_BIC})|^(?:0000 \d\d)?({_BIC})|\{{2:O940\d{{10}}({_BIC})")
#: From this length on a line is full: 65 by the standard; coded text, where words never end a line, is cut earlier.
_FULL, _FULL_CODED = 64, 55
_UNSTRUCTURED_GERMAN = re.compile(r"\d{3}PN\d{4}")

_LABELS = {
    "IBAN": "account",
    "REK": "account",  # Knab: rekening
    "Z RACH.": "account",  # mBank: z rachunku
    "NA RACH.": "account",
    "BIC": "bank",
    "NAAM": "name",
    "OD": "name",  # mBank: od, from
    "DLA": "name",  # mBank: dla, for
    "AUFTRAGGEBER": "name",  # PostFinance
    "ABSENDER": "name",
    "OMSCHRIJVING": "text",
    "MITTEILUNGEN": "text",
    "TYT.": "text",  # mBank: tytuł
    "KENMERK": "end_to_end",
    "MACHTIGING": "mandate",
    "INCASSANT": "",
    "ID IPH": "",
    "TNR": "",
    "PAS": "",
}
_LABEL = re.compile(
    r"(?:^|(?<=[\s;/]))(" + "|".join(re.escape(name) for name in sorted(_LABELS, key=len, reverse=True)) + r"):\s*",
    re.IGNORECASE,
)
_COLUMNS = re.compile(rf"({_IBAN.pattern}|\d{{9,10}})\s+(?:({_BIC})\s+)?(.*)", re.DOTALL)
#: Banks whose field 86 begins with the other side's account and name on the first line.
_COLUMN_BANKS = frozenset(("ASNB", "SNSB", "RBRB", "INGB", "FVLB"))
_NAME_LINE_BANKS = frozenset(("ASNB", "SNSB", "RBRB"))


def of_sender(text: str) -> str:
    """Return the first four letters of the BIC in a transport header; nothing where there is none."""
    match = _SENDER.search(text)
    return next(g for g in match.groups() if g)[:4] if match else ""


def of_account(account: str) -> str:
    """Return the bank behind an account that names it: ``NL98INGB…``, ``DABADKKK/…``; nothing where it does not."""
    if account[:2] in ("NL", "GB") and account[4:8].isalpha() and account[2:4].isdigit():
        return account[4:8]
    head, slash, _ = account.partition("/")
    return head[:4] if slash and re.fullmatch(_BIC, head) else ""


def read(narrative: list[str], supplement: list[str], payment: Transaction, bank: str) -> None:
    """Fill a payment from field 86 and from what follows the first line of field 61."""
    _customer_reference(payment)
    if narrative:
        _narrative(narrative, payment, bank)
    if supplement:
        _supplement(supplement, payment, bank)
    if not payment.structured_reference:
        payment.structured_reference = references.found_in(payment.remittance_text)


def _narrative(lines: list[str], payment: Transaction, bank: str) -> None:
    first = lines[0]
    separator = codes.separator_of(first)
    if separator:
        lines = [one.rstrip() if one.rstrip().endswith(separator) else one for one in lines]
        codes.read_subfields(joined(lines, separator, _FULL_CODED), separator, payment)
        return
    text = joined(lines, "/", _FULL_CODED) if first.lstrip().startswith("/") else joined(lines, "/", _FULL)
    if "/" in text and codes.read_slash_codes(text, payment):
        return
    if ":" in text and _labels(text, payment):
        return
    if bank == "DABA":
        _danske(lines, payment)
        return
    if bank in _COLUMN_BANKS or _IBAN.match(first):
        match = _COLUMNS.match(text.lstrip())
        if match:
            _columns(lines, match, payment, bank)
            return
    if _UNSTRUCTURED_GERMAN.match(text):
        text = text[9:]
    payment.remittance_text = " ".join(text.split())


def _customer_reference(payment: Transaction) -> None:
    """Field 61's reference for the owner, as far as it is one: up to 16 characters, at times a name behind it."""
    reference = payment.end_to_end_id
    if len(reference) > 16 and reference[15] == " ":  # Rabobank before SEPA: reference in 16 columns, then the name
        payment.counterparty_name = reference[16:].strip()
        reference = reference[:16].strip()
    if reference.upper() in codes.REFERENCE_KINDS:
        reference = ""
    if _IBAN.fullmatch(reference):
        payment.counterparty_account, reference = reference, ""
    if reference and not any(c.isdigit() for c in reference):  # a word, which refers to nothing
        payment.remittance_text, reference = reference, ""
    payment.end_to_end_id = references.given(reference)


def joined(lines: list[str], opener: str, full: int) -> str:
    """Join a field's lines: a full line goes on in the next without a space, and so does one before a new code."""
    text = previous = lines[0]
    for line in lines[1:]:
        if (len(previous) >= full and not _LABEL.match(line)) or line.startswith(opener) or previous.endswith(" "):
            text += line
        else:
            text += f" {line}"
        previous = line
    return text


def _labels(text: str, payment: Transaction) -> bool:
    matches = list(_LABEL.finditer(text))
    if not matches:
        return False
    values: dict[str, str] = {}
    for index, match in enumerate(matches):
        end = matches[index + 1].start() if index + 1 < len(matches) else len(text)
        role = _LABELS[match.group(1).upper()]
        if role:
            values.setdefault(role, " ".join(text[match.end() : end].split()).rstrip("/;").rstrip())
    payment.counterparty_account = values.get("account", "").replace(" ", "") or payment.counterparty_account
    payment.counterparty_bank = values.get("bank", "")
    payment.counterparty_name = values.get("name", "") or payment.counterparty_name
    payment.mandate_id = values.get("mandate", "")
    payment.end_to_end_id = references.given(values.get("end_to_end", "")) or payment.end_to_end_id
    before = " ".join(text[: matches[0].start()].split()).rstrip(";")
    payment.remittance_text = values.get("text") or before
    return True


def _columns(lines: list[str], match: re.Match[str], payment: Transaction, bank: str) -> None:
    payment.counterparty_account = match.group(1)
    payment.counterparty_bank = match.group(2) or ""
    rest = match.group(3)
    if bank in _NAME_LINE_BANKS and len(lines) > 1:
        payment.counterparty_name = lines[0].strip()[len(match.group(1)) :].strip()
        rest = "".join(line if len(line) >= 60 else f"{line} " for line in lines[1:])
    payment.remittance_text = " ".join(rest.split())


def _danske(lines: list[str], payment: Transaction) -> None:
    """Danske Bank: a line of text, then the other side's name and address."""
    payment.remittance_text = " ".join(lines[0].split())
    if len(lines) > 1 and not any(c.isdigit() for c in lines[1]):
        payment.counterparty_name = lines[1].strip()


def _supplement(lines: list[str], payment: Transaction, bank: str) -> None:
    rest: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("/") and codes.read_supplement_codes(stripped, payment):
            continue
        if _IBAN.fullmatch(stripped):
            payment.counterparty_account = payment.counterparty_account or stripped
        elif bank in _NAME_LINE_BANKS:
            payment.counterparty_name = payment.counterparty_name or stripped
        elif stripped.strip("0"):
            rest.append(stripped)
    if rest and not payment.remittance_text:
        payment.remittance_text = " ".join(rest)
