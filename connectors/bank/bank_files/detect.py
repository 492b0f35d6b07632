"""Which format a file is in and how its characters are encoded: decided by content, never by name.

Belongs here: looking at bytes. Not here: parsing. A file that cannot be read is refused with the reason.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from connectors.bank.bank_files.model import UnreadableFileError

#: The first bytes of a file that the decision rests on.
HEAD_BYTES = 65_536

_XML_ENCODING = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CAMT_NAMESPACE = re.compile(r"camt\.(\d{3})\.001\.(\d{2})")
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_CAMT_BODY = {
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}
_MT_TAG = re.compile(r"(?:^|[\r\n]|@@|[\x01\x03]):(?:20|21|25P?|28C?|60[FM]|61|62[FM]|64|65|86|NS|940):", re.MULTILINE)
_MT942 = re.compile(r"\{2:[IO]942|(?:^|[\r\n]):(?:34F|13D|90[CD]):", re.MULTILINE)
_BALANCE = re.compile(r"(?:^|[\r\n]):6[02][FM]:", re.MULTILINE)
_BAI2 = re.compile(r"\s*01,[^,\r\n]*,[^,\r\n]*,\d{6},")
_LOCKBOX = re.compile(r"\s*1\S{8,}[^\r\n]*[\r\n]+(?:[^\r\n]*[\r\n]+)*?[5-8]\d{5,}")
_BINARY = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive (or a spreadsheet)",
    b"\x1f\x8b": "compressed with gzip",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}
#: Byte order marks, longest first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SUPPORTED = "is not supported yet; camt.053, camt.054 and MT940 are"
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"


@dataclass(frozen=True)
class Content:
    """What one pass over a file's bytes tells: its identity, its beginning, and which encodings are possible."""

    sha256: str
    size: int
    head: bytes
    is_utf8: bool
    is_cp1252: bool


@dataclass(frozen=True)
class Detected:
    """A file's format (``camt.053``), message version where it has one, and encoding.

    ``declared`` is false where an XML file says nothing of its encoding and is not UTF-8: the reader must be told.
    """

    format: str
    version: str
    encoding: str
    declared: bool = True


def scan(chunks: Iterable[bytes]) -> Content:
    """Read all bytes once, in bounded memory."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, size, is_utf8, is_cp1252 = b"", 0, True, True
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if len(head) < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - len(head)]
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        if is_cp1252 and len(chunk.translate(None, _UNDEFINED_IN_CP1252)) != len(chunk):
            is_cp1252 = False
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return Content(digest.hexdigest(), size, head, is_utf8, is_cp1252)


def detect(content: Content) -> Detected:
    """Return format and encoding, or raise UnreadableFileError that says why the file is refused."""
    head = content.head
    if not head.strip(b" \t\r\n\x00"):
        raise UnreadableFileError("the file is empty")
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            raise UnreadableFileError(f"the file is {what}, not a bank statement; unpack or export it first")
    encoding, is_marked = _encoding(content)
    text = head.decode(encoding, errors="replace").lstrip("\ufeff")
    if "\x00" in text:
        raise UnreadableFileError("the file holds NUL bytes: it is binary, or in an encoding other than it says")
    if text.lstrip().startswith("<"):
        return _xml(content, text.lstrip(), encoding, is_marked)
    return _text(text, encoding)


def _encoding(content: Content) -> tuple[str, bool]:
    head = content.head
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, True
    if head[:2] == b"<\x00" or head[:2] == b":\x00":
        return "utf-16-le", False
    if head[:2] in (b"\x00<", b"\x00:"):
        return "utf-16-be", False
    if content.is_utf8:
        return "utf-8", False
    return ("cp1252" if content.is_cp1252 else "latin-1"), False


def _xml(content: Content, text: str, encoding: str, is_marked: bool) -> Detected:
    if "<!DOCTYPE" in text:
        raise UnreadableFileError("the XML has a DOCTYPE; bank statements have none, and it is refused for safety")
    declared = _XML_ENCODING.match(content.head.removeprefix(codecs.BOM_UTF8).lstrip())
    says_utf8 = declared is not None and declared.group(1).lower() in (b"utf-8", b"utf8")
    if not content.is_utf8 and (says_utf8 or encoding == "utf-8-sig"):
        raise UnreadableFileError("the XML says it is UTF-8 and is not; ask for the file in the encoding it states")
    told = is_marked or declared is not None or encoding == "utf-8"
    body = next((b for b in _CAMT_BODY if re.search(rf"<(?:[\w.-]+:)?{b}(?:V\d\d)?[\s/>]", text)), None)
    namespace = _CAMT_NAMESPACE.search(text)
    if body:
        version = namespace.group(0) if namespace else ""
        return Detected(_CAMT_BODY[body], version, encoding, told)
    if namespace:
        raise UnreadableFileError(f"format camt.{namespace.group(1)} {_SUPPORTED}")
    if re.search(r"<OFX[\s>]", text):
        raise UnreadableFileError(f"format OFX {_SUPPORTED}")
    root = _ROOT.search(text)
    raise UnreadableFileError(f"not a bank statement: XML with the root element <{root.group(1) if root else '?'}>")


def _text(text: str, encoding: str) -> Detected:
    if _MT942.search(text) and not _BALANCE.search(text):
        raise UnreadableFileError(f"format MT942 {_SUPPORTED}")
    if _MT_TAG.search(text):
        return Detected("mt940", "", encoding)
    for name, is_it in (
        ("OFX", text.lstrip().startswith(("OFXHEADER", "<OFX>"))),
        ("BAI2", _BAI2.match(text) is not None),
        ("X12", text.startswith("ISA") and "~" in text),
        ("lockbox", _LOCKBOX.match(text) is not None),
    ):
        if is_it:
            raise UnreadableFileError(f"format {name} {_SUPPORTED}")
    raise UnreadableFileError("not a bank statement: neither XML nor a text with MT940 fields")
