"""Reads camt.052, camt.053 and camt.054, versions .01 to .10, in one pass and in bounded memory.

Namespaces are ignored, comments dropped, any DOCTYPE refused. Each entry is taken out of the tree as soon as it is
complete, and each payment of a batch as soon as that is. The payments' own detail is read by ``camt_details``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lxml import etree

from connectors.bank.bank_files.formats import camt_details as details
from connectors.bank.bank_files.model import Balance, Entry, Reading, Statement, Transaction, UnreadableFileError

#: Bytes that may be read without an entry, payment or statement being complete. Nothing in a statement is larger;
#: what is would fill the memory.
MAX_ELEMENT_BYTES = 4 * 1024 * 1024
_MAX_HEADER_ELEMENTS = 2_000
#: From this size on an entry's payments are taken out of the tree one by one, before the entry is complete.
_LARGE_ENTRY_BYTES = 1024 * 1024

_ZERO = Decimal(0)
_STATEMENTS = ("Stmt", "Rpt", "Ntfctn")
_WATCHED = (*_STATEMENTS, "Ntry", "TxDtls")
_STATUS = {"BOOK": "booked", "PDNG": "pending", "INFO": "information", "FUTR": "pending"}
_UNSIGNED = re.compile(r"\+?(?:\d{1,18}(?:\.\d*)?|\.\d+)", re.ASCII)


def read(chunks: Iterable[bytes], message_format: str, encoding: str | None = None) -> Reading:
    """Yield each statement of a camt file with its entries.

    ``encoding`` overrides what the file says of itself, None leaves it to the file. Raises UnreadableFileError.
    """
    parser = etree.XMLPullParser(
        events=("end",),
        tag=tuple(f"{{*}}{name}" for name in _WATCHED),
        encoding=encoding,
        # resolve_entities keeps its default, "internal": external entities are never read; those a DOCTYPE declares
        # are bounded by libxml2, and the DOCTYPE is refused. With False lxml 6.1 swallows the error of an undeclared
        # entity and starts over with the next bytes.
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    reader = _Reader(message_format)
    yield from reader.read(_elements(parser, chunks, reader))


def _elements(parser: Any, chunks: Iterable[bytes], reader: _Reader) -> Iterator[Any]:
    since_progress, is_all = 0, False
    try:
        for chunk in chunks:
            parser.feed(chunk)
            since_progress += len(chunk)
            reader.since_entry += len(chunk)
            for _, element in parser.read_events():
                since_progress = 0
                yield element
            if since_progress > MAX_ELEMENT_BYTES:
                raise UnreadableFileError(
                    f"{MAX_ELEMENT_BYTES // 1024 // 1024} MB of XML without one complete entry: not a bank statement"
                )
        is_all = True
        root = parser.close()
    except etree.XMLSyntaxError as problem:
        raise UnreadableFileError(_why(problem, is_all)) from None
    _refuse_doctype(root)


def _why(problem: etree.XMLSyntaxError, is_all: bool) -> str:
    """Say what is wrong; ``is_all``: the parser was content until the file ended."""
    line, text = problem.lineno, (problem.msg or "").split(", line")[0]
    half = f"the XML ends in the middle, at line {line}: the file is half-written; have it delivered again"
    if "Premature end" in text or "EndTag" in text or "no element found" in text or "Couldn't find end" in text:
        return half
    if "DOCTYPE" in text or "ntity" in text:
        return f"the XML has entities of its own, at line {line}; bank statements have none: refused for safety"
    if "encod" in text.lower():
        return f"the XML's encoding is not what it says, at line {line}"
    if "xcessive depth" in text or "depth" in text:
        return f"the XML is nested too deeply at line {line}; refused for safety"
    return half if is_all else f"not well-formed XML at line {line}: {text[:120]}"


def _refuse_doctype(element: Any) -> None:
    info = element.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise UnreadableFileError("the XML has a DOCTYPE; bank statements have none, and it is refused for safety")


class _Reader:
    """The state between two events: the statement and the entry that are being read."""

    def __init__(self, message_format: str) -> None:
        self.format = message_format
        self.names: details.Names | None = None
        self.statement: Statement | None = None
        self.entry: Entry | None = None
        self.entry_element: Any = None
        self.since_entry = 0

    def read(self, elements: Iterator[Any]) -> Reading:
        skip = 0
        for element in elements:
            if self.names is None:
                _refuse_doctype(element)
                self.names = details.Names(element.tag)
                skip = self.names.skip
            name = element.tag[skip:]
            if name == "Ntry":
                self.since_entry = 0
                parent = element.getparent()
                statement = self.statement or self._statement(parent)
                entry = self._finish(element, statement)
                if entry is not None:
                    statement.count(entry)
                    yield statement, entry
                parent.remove(element)
                if len(parent) > _MAX_HEADER_ELEMENTS:
                    raise UnreadableFileError(f"more than {_MAX_HEADER_ELEMENTS} elements beside a statement's entries")
            elif name == "TxDtls":
                if self.since_entry > _LARGE_ENTRY_BYTES:
                    self._take_out(element)
            elif name in _STATEMENTS:
                statement = self._statement(element)
                self._header(statement, element)
                self.statement, self.names = None, None
                yield statement, None
                parent = element.getparent()
                while parent[0] is not element:
                    del parent[0]
                parent.remove(element)

    def _statement(self, element: Any) -> Statement:
        if self.statement is None:
            self.statement = Statement(self.format, element.sourceline or 0)
            self._header(self.statement, element)
        return self.statement

    def _header(self, statement: Statement, element: Any) -> None:
        """Read what stands beside the entries; the schema puts it before them, so the first entry finds it."""
        names = self.names
        assert names is not None
        openings: dict[str, Balance] = {}
        closing: Balance | None = None
        for child in element:
            name = child.tag[names.skip :]
            if name == "Id":
                statement.message_id = (child.text or "").strip()
            elif name == "ElctrncSeqNb":
                statement.number = (child.text or "").strip()
            elif name == "StmtPgntn":
                statement.page = names.text(child, "PgNb")
            elif name == "Acct":
                account, _ = details.account_id(child, names)
                statement.account = account.replace(" ", "")
                statement.currency = names.text(child, "Ccy") or statement.currency
            elif name == "FrToDt":
                statement.from_date = _date(names.text(child, "FrDtTm", "FrDt")) or statement.from_date
                statement.to_date = _date(names.text(child, "ToDtTm", "ToDt")) or statement.to_date
            elif name == "Bal":
                code, balance = self._balance(statement, child)
                if balance is None:
                    continue
                if code in ("OPBD", "PRCD"):
                    openings.setdefault(code, balance)
                elif code == "CLBD":
                    closing = balance
        # OPBD is this statement's opening; PRCD, the previous one's closing, stands in where there is no OPBD.
        statement.opening = openings.get("OPBD") or openings.get("PRCD")
        statement.closing = closing
        for balance in (statement.opening, closing):
            if balance is not None:
                statement.currency = statement.currency or balance.currency
        if statement.from_date is None and statement.opening is not None:
            statement.from_date = statement.opening.date
        if statement.to_date is None and closing is not None:
            statement.to_date = closing.date

    def _balance(self, statement: Statement, element: Any) -> tuple[str, Balance | None]:
        names = self.names
        assert names is not None
        kids = names.children(element)
        code = ""
        if "Tp" in kids:
            for choice in kids["Tp"].iter(f"{names.prefix}Cd"):
                code = (choice.text or "").strip()
                break
        amount_element = kids.get("Amt")
        if code not in ("OPBD", "PRCD", "CLBD") or amount_element is None:
            return code, None
        amount = _amount(statement, amount_element.text, f"balance {code}")
        if amount is None:
            return code, None
        indicator = (kids["CdtDbtInd"].text or "").strip() if "CdtDbtInd" in kids else "CRDT"
        when = names.text(kids["Dt"], "Dt", "DtTm") if "Dt" in kids else ""
        signed = -amount if indicator == "DBIT" else amount
        return code, Balance(signed, amount_element.get("Ccy") or "", _date(when))

    def _take_out(self, element: Any) -> None:
        """Take an entry's payments up to this one out of the tree, so that a batch of any size fits."""
        names, parent = self.names, element.getparent()
        assert names is not None
        entry_element = parent.getparent() if parent is not None else None
        if entry_element is None or entry_element.tag != names.entry:
            return
        statement = self._statement(entry_element.getparent())
        if self.entry_element is not entry_element:
            self.entry = self._entry(entry_element, statement)
            self.entry_element = entry_element
        for group in [c for c in entry_element if c.tag == parent.tag]:
            self._payments(group, statement, element)
            if group is parent:
                break
            entry_element.remove(group)

    def _payments(self, group: Any, statement: Statement, last: Any = None) -> None:
        """Read the payments of an NtryDtls, up to one that is given and then out of the tree."""
        names, entry = self.names, self.entry
        assert names is not None
        skip = names.skip
        for child in list(group) if last is not None else group:
            if child.tag[skip:] == "TxDtls" and entry is not None:
                entry.transactions.append(details.transaction(child, names, entry, statement))
            if last is not None:
                group.remove(child)
                if child is last:
                    return

    def _finish(self, element: Any, statement: Statement) -> Entry | None:
        names = self.names
        assert names is not None
        if self.entry_element is not element:
            self.entry = self._entry(element, statement)
        entry = self.entry
        if entry is not None:
            skip = names.skip
            for child in element:
                if child.tag[skip:] == "NtryDtls":
                    self._payments(child, statement)
            if not entry.transactions:
                entry.transactions.append(Transaction(code=entry.code))
            if len(entry.transactions) == 1 and not entry.transactions[0].remittance_text:
                entry.transactions[0].remittance_text = names.text(element, "AddtlNtryInf")
        self.entry, self.entry_element = None, None
        return entry

    def _entry(self, element: Any, statement: Statement) -> Entry | None:
        """Read an entry's own elements; None where it has no readable amount, which the statement then says."""
        names = self.names
        assert names is not None
        skip = names.skip
        line = element.sourceline or 0
        entry = Entry(line, _ZERO, statement.currency)
        amount: Decimal | None = None
        indicator = ""
        for child in element:
            name = child.tag[skip:]
            if name == "Amt":
                amount = _amount(statement, child.text, f"line {line}: amount")
                if amount is None:
                    return None
                entry.currency = child.get("Ccy") or statement.currency
            elif name == "CdtDbtInd":
                indicator = (child.text or "").strip()
            elif name == "NtryRef":
                entry.entry_reference = (child.text or "").strip()
            elif name == "AcctSvcrRef":
                entry.bank_reference = (child.text or "").strip()
            elif name == "BookgDt":
                entry.booking_date = _dated(child, name, line, statement)
            elif name == "ValDt":
                entry.value_date = _dated(child, name, line, statement)
            elif name == "Sts":  # text up to .07, a choice of Cd or Prtry from .08 on
                status = (child.text or "").strip() or names.text(child, "Cd", "Prtry")
                entry.status = _STATUS.get(status, "booked")
            elif name == "BkTxCd":
                entry.code = details.code(child, names)
            elif name == "RvslInd":
                entry.is_reversal = (child.text or "").strip() in ("true", "1")
            elif name == "Chrgs":
                entry.charges = details.charges(child, names)
        if amount is None:
            statement.problem(f"line {line}: an entry without an amount")
            return None
        if indicator not in ("CRDT", "DBIT"):
            statement.problem(f"line {line}: CdtDbtInd {indicator[:10]!r} is neither CRDT nor DBIT")
            return None
        # The sign is CdtDbtInd's alone: RvslInd says what kind of entry it is and never turns it again.
        entry.amount = -amount if indicator == "DBIT" else amount
        return entry


def _dated(element: Any, name: str, line: int, statement: Statement) -> date | None:
    """Return the date of BookgDt or ValDt: its only child is Dt or DtTm."""
    text = (element[0].text or "") if len(element) else ""
    when = _date(text)
    if when is None and text.strip():
        statement.problem(f"line {line}: {name} {text[:20]!r} is not a date")
    return when


def _amount(statement: Statement, text: str | None, what: str) -> Decimal | None:
    stripped = (text or "").strip()
    if not _UNSIGNED.fullmatch(stripped):
        statement.problem(f"{what} {stripped[:30]!r} is not an unsigned decimal")
        return None
    return Decimal(stripped)


@lru_cache(maxsize=4096)
def _date(text: str) -> date | None:
    """Return the date of an ISO date or date-time, as the bank writes it: its offset is the bank's own day."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
