"""Hostile and broken XML is refused with one reason, in bounded memory, and takes nothing else with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.bank.bank_files.detect import Content
from connectors.bank.bank_files.formats import camt
from connectors.bank.bank_files.model import UnreadableFileError
from connectors.bank.bank_files.reading import items
from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.contract import Batch, Rejects
from tests.unit.connectors.bank.bank_files.reader import camt as message
from tests.unit.connectors.bank.bank_files.reader import entry, read, result_of

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a0 "lol">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    + "]>"
)
PADDING = "<!--" + "x" * 70_000 + "-->"  #: pushes what follows out of what detection looks at


def body(text: str) -> str:
    return (
        message(entry("1.00")).partition("?>")[2].replace("<BkTxCd/>", f"<BkTxCd/><AddtlNtryInf>{text}</AddtlNtryInf>")
    )


@pytest.mark.parametrize(
    "content",
    [
        LAUGHS + body("&a11;"),
        '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body("&x;"),
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + body("no entity at all"),
        "<!DOCTYPE Document>" + body("bare"),
        '<?xml version="1.0"?>' + PADDING + "<!DOCTYPE Document>" + body("bare"),
    ],
    ids=["laughs", "external", "external-dtd", "bare", "late"],
)
def test_any_doctype_is_refused(content: str) -> None:
    refused = read(content)
    assert not refused.statements
    assert "DOCTYPE" in refused.reason or "not a bank statement" in refused.reason


@pytest.mark.parametrize(
    "content",
    [LAUGHS + body("&a11;"), "<!DOCTYPE Document>" + body("x"), '<!DOCTYPE x SYSTEM "x.dtd">' + body("x")],
)
def test_the_reader_itself_refuses_a_doctype_too(content: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"DOCTYPE|entities of its own"):
        list(camt.read([content.encode()], "camt.053"))


def test_an_entity_that_is_not_declared_is_refused() -> None:
    assert "entities of its own" in read(body("&y;")).reason


def test_nesting_is_bounded() -> None:
    deep = "<Stmt>" + "<x>" * 100_000
    refused = read(message("").replace("<Stmt>", deep))
    assert "nested too deeply" in refused.reason


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.999])
def test_a_half_written_file_lands_nothing_of_it(cut: float) -> None:
    whole = message("".join(entry("1.00", reference=f"REF{i:08d}") for i in range(200)))
    refused = read(whole[: int(len(whole) * cut)])
    assert not refused.lines
    assert "half-written" in refused.reason


def test_a_complete_first_statement_of_a_half_written_file_waits_too() -> None:
    first = message(entry("1.00")).replace("</Stmt>", "</Stmt><Stmt><Id>S2</Id>")
    refused = read(first[: first.index("<Id>S2")])
    assert not refused.statements
    assert not refused.lines


def test_a_larger_file_than_allowed_is_refused_unread() -> None:
    def never() -> list[bytes]:
        raise AssertionError("it was read")

    content = Content("0" * 64, 2_147_483_648, b"<?xml version='1.0'?>", True, True)
    found = result_of(list(items("big.xml", content, never, BankFilesSettings(path="."))))
    assert "the file has 2048 MB, more than max_file_mb allows (1536)" in found.reason


def _garbage(kind: str) -> Iterator[bytes]:
    head, tail = message("<HERE/>").split("<HERE/>")
    if kind == "before":
        head, tail = head.replace("<GrpHdr>", "<GrpHdr>|").split("|")
    yield head.encode()
    piece = {
        "elements": b"<x/>" * 16_384,
        "before": b"<x/>" * 16_384,
        "text": b"x" * 65_536,
        "attribute": b"x" * 65_536,
    }[kind]
    if kind == "attribute":
        yield b"<x a='"
    for _ in range(2 * 1024 * 1024 * 1024 // len(piece)):
        yield piece
    yield tail.encode()


@pytest.mark.parametrize("kind", ["elements", "before", "text", "attribute"])
def test_two_gigabytes_of_xml_are_refused_early(kind: str) -> None:
    read_so_far = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read_so_far
        for chunk in _garbage(kind):
            read_so_far += len(chunk)
            yield chunk

    with pytest.raises(UnreadableFileError):
        list(camt.read(chunks(), "camt.053"))
    assert read_so_far < 32 * 1024 * 1024


MEASURED = """
import sys
from tests.unit.connectors.bank.bank_files.test_hostile import measured, peak_kilobytes
baseline = peak_kilobytes()
lines, refused = measured(sys.argv[1])
print(baseline, peak_kilobytes(), lines, refused)
"""


def peak_kilobytes() -> int:
    """The most memory this process ever held. (``ru_maxrss`` of a child counts what its parent held.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def measured(kind: str) -> tuple[int, int]:
    """Read a large file that is made as it is read; return how many lines it gave and how many refusals."""

    def chunks() -> Iterator[bytes]:
        if kind in ("elements", "before", "text", "attribute"):
            yield from _garbage(kind)
            return
        head, tail = message("<HERE/>").split("<HERE/>")
        yield head.encode()
        for start in range(0, 60_000, 100):
            yield "".join(entry("1.00", reference=f"REF{i:08d}") for i in range(start, start + 100)).encode()
        yield tail.encode()

    head = b"".join(piece for _, piece in zip(range(2), chunks(), strict=False))[:65_536]
    size = 1000 if kind == "entries" else 2 * 1024 * 1024 * 1024
    settings = BankFilesSettings(path=".", max_file_mb=4096)
    lines = refused = 0
    for item in items("big", Content("0" * 64, size, head, True, True), chunks, settings):
        if isinstance(item, Rejects):
            refused += len(item.items)
        elif isinstance(item, Batch) and item.entity.name == "bank_lines":
            lines += len(item.rows)
    return lines, refused


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(("kind", "lines", "refused"), [("elements", 0, 1), ("text", 0, 1), ("entries", 60_000, 0)])
def test_memory_stays_bounded(kind: str, lines: int, refused: int) -> None:
    root = Path(__file__).resolve().parents[5]
    answer = subprocess.run(
        [sys.executable, "-c", MEASURED, kind], capture_output=True, text=True, check=True, cwd=root, timeout=600
    )
    baseline, peak, got, rejected = (int(n) for n in answer.stdout.split())
    assert (got, rejected) == (lines, refused)
    assert peak < 300 * 1024  # kilobytes, the interpreter and its libraries included
    assert peak - baseline < 160 * 1024
