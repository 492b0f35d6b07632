"""The detail of one camt payment (TxDtls): references, amounts, charges, parties, remittance, return reason.

Belongs here: reading small elements. Not here: statements, balances, the order of things (``camt``).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.bank.bank_files import references
from connectors.bank.bank_files.model import Entry, Statement, Transaction

_USTRD_WIDTH = 140  #: a piece of this length goes on in the next


class Names:
    """Element names of one document: its namespace is cut off once, by length, which is faster than looking."""

    def __init__(self, tag: str) -> None:
        self.prefix = tag[: tag.rindex("}") + 1] if "}" in tag else ""
        self.skip = len(self.prefix)
        self.entry = f"{self.prefix}Ntry"

    def children(self, element: Any) -> dict[str, Any]:
        """Return an element's children by name; of several the last."""
        skip = self.skip
        return {child.tag[skip:]: child for child in element}

    def text(self, element: Any, *names: str) -> str:
        """Return the text of the first child that has one of the names; nothing where there is none."""
        skip = self.skip
        for child in element:
            if child.tag[skip:] in names:
                text = child.text
                if text and text.strip():
                    return str(text).strip()
        return ""


def transaction(element: Any, names: Names, entry: Entry, statement: Statement) -> Transaction:
    """Read one TxDtls. Its amount is signed by its own CdtDbtInd, else by the entry's."""
    skip = names.skip
    found = Transaction(code=entry.code)
    is_debit = entry.amount < 0
    parties = agents = own = detailed = returned = None
    note = ""
    for child in element:
        name = child.tag[skip:]
        if name == "Refs":
            _references(child, skip, found)
        elif name == "RltdPties":
            parties = child
        elif name == "RltdAgts":
            agents = child
        elif name == "RmtInf":
            _remittance(child, names, statement, found)
        elif name == "Amt":
            own = child
        elif name == "CdtDbtInd":
            is_debit = (child.text or "").strip() == "DBIT"
        elif name == "AmtDtls":
            detailed = child
        elif name == "BkTxCd":
            found.code = code(child, names) or entry.code
        elif name == "Chrgs":
            found.charges = charges(child, names)
        elif name == "RtrInf":
            returned = child
        elif name == "AddtlTxInf":
            note = (child.text or "").strip()
    _amounts(own, detailed, names, entry, is_debit, found)
    if parties is not None:
        _parties(parties, agents, names, entry, statement, found)
    if returned is not None:
        _returned(returned, names, found)
    if not found.remittance_text:
        found.remittance_text = note
    if found.remittance_text and not found.structured_reference:
        found.structured_reference = references.found_in(found.remittance_text)
    if returned is not None or entry.is_reversal:
        # The references of a returned or reversed entry are those of the original payment.
        found.original_reference = found.end_to_end_id
    return found


def code(element: Any, names: Names) -> str:
    """Return a bank transaction code: ``PMNT-RCDT-ESCT``, else the bank's own (``NTRF+166``)."""
    skip = names.skip
    own = ""
    for child in element:
        if child.tag[skip:] == "Domn":
            parts = []
            for part in child:
                if len(part):  # Fmly: Cd and SubFmlyCd
                    parts.extend([(deep.text or "").strip() for deep in part])
                else:
                    parts.append((part.text or "").strip())
            if parts:
                return "-".join(parts)
        elif child.tag[skip:] == "Prtry":
            own = names.text(child, "Cd")
    return own


def charges(element: Any, names: Names) -> Decimal | None:
    """Return the charges: positive is a cost. The total where it is stated (.03 on), else the sum of the records."""
    kids = names.children(element)
    if "TtlChrgsAndTaxAmt" in kids:
        return _decimal(kids["TtlChrgsAndTaxAmt"].text)
    total: Decimal | None = None
    records = [c for c in element if c.tag[names.skip :] == "Rcrd"] or [element]
    for record in records:
        fields = names.children(record)
        amount = _decimal(fields["Amt"].text) if "Amt" in fields else None
        if amount is not None:
            is_credit = "CdtDbtInd" in fields and (fields["CdtDbtInd"].text or "").strip() == "CRDT"
            total = (total or Decimal(0)) + (-amount if is_credit else amount)
    return total


def account_id(element: Any, names: Names) -> tuple[str, bool]:
    """Return an account's number and whether it is an IBAN."""
    for child in element:
        if child.tag[names.skip :] == "Id":
            kids = names.children(child)
            if "IBAN" in kids:
                return (kids["IBAN"].text or "").strip(), True
            if "Othr" in kids:
                return names.text(kids["Othr"], "Id"), False
            # .01 had UPIC, BBAN and PrtryAcct beside IBAN
            if "BBAN" in kids:
                return (kids["BBAN"].text or "").strip(), False
            if "PrtryAcct" in kids:
                return names.text(kids["PrtryAcct"], "Id"), False
    return "", False


def _references(element: Any, skip: int, found: Transaction) -> None:
    for child in element:
        name = child.tag[skip:]
        if name == "EndToEndId":
            found.end_to_end_id = references.given(child.text or "")
        elif name == "AcctSvcrRef":
            found.bank_reference = references.given(child.text or "")
        elif name == "UETR":
            found.uetr = (child.text or "").strip()
        elif name == "MndtId":
            found.mandate_id = references.given(child.text or "")


def _amounts(own: Any, detailed: Any, names: Names, entry: Entry, is_debit: bool, found: Transaction) -> None:
    """Take the amount that is in the entry's currency: Amt (.03 on), TxAmt, CntrValAmt, in this order."""
    candidates = [] if own is None else [own]
    if detailed is not None:
        parts = names.children(detailed)
        for name in ("TxAmt", "CntrValAmt", "InstdAmt"):
            amount = names.children(parts[name]).get("Amt") if name in parts else None
            if amount is None:
                continue
            if name == "InstdAmt":
                found.instructed_amount = _decimal(amount.text)
                found.instructed_currency = amount.get("Ccy") or ""
            else:
                candidates.append(amount)
    for candidate in candidates:
        value, currency = _decimal(candidate.text), candidate.get("Ccy") or entry.currency
        if value is None:
            continue
        signed = -value if is_debit else value
        if currency == entry.currency:
            found.amount = signed
            return
        if found.stated_amount is None:
            found.stated_amount, found.stated_currency = signed, currency


def _parties(element: Any, agents: Any, names: Names, entry: Entry, statement: Statement, found: Transaction) -> None:
    """Read the other side: the debtor of money that came in, the creditor of money that went out.

    In a reversal the parties are those of the original payment, so the sides are turned.
    """
    parties = names.children(element)
    is_debtor = (entry.amount >= 0) is not entry.is_reversal
    for side in ("Dbtr", "Cdtr") if is_debtor else ("Cdtr", "Dbtr"):
        account, is_iban = account_id(parties[f"{side}Acct"], names) if f"{side}Acct" in parties else ("", False)
        account = account.replace(" ", "") if is_iban else account
        name = _name(parties[side], names) if side in parties else ""
        if not name and f"Ultmt{side}" in parties:
            name = _name(parties[f"Ultmt{side}"], names)
        if (name or account) and (not account or account != statement.account):
            found.counterparty_name, found.counterparty_account = name, account
            agent = names.children(agents).get(f"{side}Agt") if agents is not None else None
            if agent is not None:
                found.counterparty_bank = _bank(agent, names)
            return


def _name(element: Any, names: Names) -> str:
    skip = names.skip
    for child in element:
        kind = child.tag[skip:]
        if kind == "Nm":
            return (child.text or "").strip()
        if kind == "Pty":  # from .08 on a party, or a bank in a party's place
            return names.text(child, "Nm")
        if kind == "Agt":
            kids = names.children(child)
            return names.text(kids["FinInstnId"], "Nm", "BICFI") if "FinInstnId" in kids else ""
    return ""


def _bank(element: Any, names: Names) -> str:
    kids = names.children(element)
    if "FinInstnId" not in kids:
        return ""
    fields = names.children(kids["FinInstnId"])
    for key in ("BICFI", "BIC"):
        if key in fields:
            return (fields[key].text or "").strip()
    if "ClrSysMmbId" in fields:
        return names.text(fields["ClrSysMmbId"], "MmbId")
    return names.text(kids["FinInstnId"], "Nm")


def _remittance(element: Any, names: Names, statement: Statement, found: Transaction) -> None:
    skip = names.skip
    pieces: list[str] = []
    structured: list[str] = []
    documents: list[str] = []
    for child in element:
        name = child.tag[skip:]
        if name == "Ustrd":
            pieces.append(child.text or "")
        elif name == "Strd":
            for part in child:
                kind = part.tag[skip:]
                if kind == "CdtrRefInf":
                    reference = names.text(part, "Ref", "CdtrRef")
                    if reference:
                        _creditor_reference(reference, statement, structured, pieces)
                elif kind == "RfrdDocInf":
                    number = names.text(part, "Nb", "RfrdDocNb")
                    if number:
                        documents.append(number)
                elif kind == "AddtlRmtInf":
                    pieces.append(part.text or "")
    found.remittance_text = _joined(pieces)
    found.structured_reference = "\n".join(dict.fromkeys(structured))
    found.referred_document = "\n".join(dict.fromkeys(documents))


def _creditor_reference(reference: str, statement: Statement, structured: list[str], pieces: list[str]) -> None:
    valid = references.validated(reference)
    if valid is not None:
        structured.append(valid)
    else:
        statement.note("a structured reference fails its check digit; it is kept as remittance text")
        pieces.append(reference)


def _joined(pieces: list[str]) -> str:
    text = ""
    for piece in pieces:
        goes_on = text and len(piece) and len(text) % _USTRD_WIDTH == 0
        text += piece if goes_on or not text else f" {piece}"
    return text.strip()


def _returned(element: Any, names: Names, found: Transaction) -> None:
    kids = names.children(element)
    for key in ("Rsn", "RtrRsn"):
        if key in kids:
            found.return_reason = names.text(kids[key], "Cd", "Prtry")
    if not found.return_reason:
        found.return_reason = names.text(element, "AddtlInf") or "returned"


def _decimal(text: str | None) -> Decimal | None:
    try:
        value = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
