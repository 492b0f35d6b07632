"""The folder: which files are read, when, how often, and what becomes of those that cannot be."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pydantic import ValidationError

from connectors.bank.bank_files import source
from connectors.bank.bank_files.connector import CONNECTOR
from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.kit.banking import BANK_LINES, BANK_STATEMENTS
from connectors.kit.contract import Batch, Cursor, Note, Rejects
from connectors.kit.errors import ConfigError, FatalError
from connectors.kit.inbox import Inbox, Stored
from connectors.registry import connector
from tests.unit.connectors.bank.bank_files.reader import Result, balance, camt, entry, mt940, result_of

GOOD = camt(entry("5.00"), balance("OPBD", "0.00") + balance("CLBD", "5.00"))
OPEN = camt(entry("5.00", reference="OPEN1234"), balance("OPBD", "0.00") + balance("CLBD", "6.00"))


def settings(folder: Path | str, **more: Any) -> BankFilesSettings:
    return BankFilesSettings(path=str(folder), settle_seconds=0, **more)


def run(found: BankFilesSettings, known: dict[str, Cursor] | None = None) -> tuple[Result, dict[str, Cursor]]:
    """Read the folder as landing does: through the dlt source, remembering cursors."""
    cursors = dict(known or {})
    items = []
    for resource in source.source("bank", found, cursors).resources.values():
        items.extend(list(resource))
    for item in items:
        if isinstance(item, Batch | Rejects) and item.cursor:
            cursors[item.cursor.stream] = item.cursor
    return result_of(items), cursors


def test_the_registry_finds_it() -> None:
    assert connector("bank_files") is CONNECTOR
    assert CONNECTOR.entities == (BANK_STATEMENTS, BANK_LINES)


def test_a_loaded_file_is_not_read_again_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(GOOD)
    first, cursors = run(settings(tmp_path))
    assert [r["amount"] for r in first.lines] == ["5.00"]
    assert {c.position for c in cursors.values()} == {"a.xml"}
    (tmp_path / "b.xml").write_text(GOOD)
    again, cursors_again = run(settings(tmp_path), cursors)
    assert (again.lines, again.rejects) == ([], [])
    assert [i.text for i in again.found if isinstance(i, Note)] == [
        "b.xml has the content of a.xml, which was read; nothing is new"
    ]
    assert run(settings(tmp_path), cursors_again)[0].found == [], "it is told once"


def test_a_file_twice_in_one_run_is_read_once(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text(GOOD)
    assert len(run(settings(tmp_path))[0].lines) == 1


def test_a_bad_file_is_one_refusal_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text("<!DOCTYPE x>" + GOOD)
    (tmp_path / "2.xml").write_text("")
    (tmp_path / "3.xml").write_text(GOOD[:-20])
    (tmp_path / "4.sta").write_text(mt940(":61:2602040203C7,00NTRFNONREF//ABC12345"))
    (tmp_path / "5.xml").write_text(OPEN)
    found, cursors = run(settings(tmp_path))
    assert [r["amount"] for r in found.lines] == ["7.00"]
    assert [(r.entity, r.file) for r in found.rejects] == [
        ("bank_statements", name) for name in ("1.xml", "2.xml", "3.xml", "5.xml")
    ]
    again, _ = run(settings(tmp_path), cursors)
    assert again.found == []  # a bad file is not read at each run either
    (tmp_path / "3.xml").write_text(GOOD)
    mended, _ = run(settings(tmp_path), cursors)
    assert [r["amount"] for r in mended.lines] == ["5.00"]


@pytest.mark.parametrize(
    "name", ["a.xml.part", "a.tmp", "a.filepart", "A.PARTIAL", ".a.xml", "~$a.xml", "a.xml~", "a.crdownload"]
)
def test_unfinished_and_hidden_files_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    hidden = name.startswith((".", "~"))
    said = [] if hidden else [Note(f"{name} is still being written; left for the next run")]
    assert run(settings(tmp_path))[0].found == said


def test_a_glob_chooses_and_goes_deeper_only_where_asked(tmp_path: Path) -> None:
    (tmp_path / "2026" / ".hidden").mkdir(parents=True)
    (tmp_path / "2026" / "a.xml").write_text(GOOD)
    (tmp_path / "2026" / ".hidden" / "c.xml").write_text(OPEN)
    (tmp_path / "b.sta").write_text(mt940(":61:2602040203C7,00NTRFNONREF//ABC12345"))
    assert [r["_file"] for r in run(settings(tmp_path))[0].lines] == ["b.sta"]
    assert [r["_file"] for r in run(settings(tmp_path, glob="**/*.xml"))[0].lines] == ["2026/a.xml"]


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(GOOD[:-30])
    copied = Inbox._copied

    def growing(self: Inbox, file: Stored, copy: Any) -> str:
        digest = copied(self, file, copy)
        path.write_text(GOOD)
        return digest

    monkeypatch.setattr(Inbox, "_copied", growing)
    found, cursors = run(settings(tmp_path))
    assert (found.found, cursors) == ([Note("a.xml is still being written; left for the next run")], {})
    monkeypatch.undo()
    assert [r["amount"] for r in run(settings(tmp_path), cursors)[0].lines] == ["5.00"]


def test_a_young_file_is_looked_at_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, growing, still = (tmp_path / n for n in ("old.sta", "growing.xml", "still.sta"))
    old.write_text(mt940(":61:2602040203C7,00NTRFNONREF//ABC12345"))
    os.utime(old, (1_000_000, 1_000_000))
    growing.write_text(GOOD[:100])
    still.write_text(mt940(":61:2602040203C8,00NTRFNONREF//ABC12346"))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        growing.write_text(GOOD)

    monkeypatch.setattr(time, "sleep", wait)
    found, _ = run(BankFilesSettings(path=str(tmp_path), settle_seconds=30))
    assert waited == [30]
    assert [r["_file"] for r in found.lines] == ["old.sta", "still.sta"]
    assert found.rejects == []


def test_files_are_read_oldest_first(tmp_path: Path) -> None:
    for position, name in enumerate(("b.sta", "a.sta")):
        (tmp_path / name).write_text(mt940(f":61:2602040203C{position + 1},00NTRFNONREF//ABC1234{position}"))
        os.utime(tmp_path / name, (1_000_000 + position, 1_000_000 + position))
    assert [r["_file"] for r in run(settings(tmp_path))[0].lines] == ["b.sta", "a.sta"]


def test_any_storage_that_fsspec_knows() -> None:
    storage = fsspec.filesystem("memory")
    storage.pipe_file("/bank-drop/a.xml", GOOD.encode())
    try:
        assert [r["amount"] for r in run(settings("memory://bank-drop"))[0].lines] == ["5.00"]
    finally:
        storage.rm("/bank-drop", recursive=True)


def test_a_file_that_may_not_be_read_is_one_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xml").write_text(GOOD)
    (tmp_path / "b.sta").write_text(mt940(":61:2602040203C7,00NTRFNONREF//ABC12345"))
    copied = Inbox._copied

    def refusing(self: Inbox, file: Stored, copy: Any) -> str:
        if file.name == "a.xml":
            raise PermissionError(13, "Permission denied")
        return copied(self, file, copy)

    monkeypatch.setattr(Inbox, "_copied", refusing)
    found, cursors = run(settings(tmp_path))
    (reject,) = found.rejects
    assert reject.file == "a.xml"
    assert reject.reason.endswith("a.xml cannot be read: Permission denied; give the right to read it")
    assert [r["amount"] for r in found.lines] == ["7.00"]
    assert len(cursors) == 1


def test_a_missing_folder_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="is not there; create it, or name an existing folder as path"):
        list(source.read_new(settings(tmp_path / "none"), {}))
    results = list(CONNECTOR.check(settings(tmp_path / "none")))
    assert [r.ok for r in results] == [False]
    assert "is not there" in results[0].message
    (tmp_path / "a.xml").write_text(GOOD)
    assert [(r.ok, r.message[:7]) for r in CONNECTOR.check(settings(tmp_path))] == [(True, "1 files")]
    with pytest.raises(ConfigError, match="path 'nosuchprotocol://x' cannot be used"):
        list(source.read_new(settings("nosuchprotocol://x"), {}))


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match=r"format 'camt\.055' is not one of"):
        BankFilesSettings(path=".", formats=("camt.055",))
    with pytest.raises(ValidationError, match="pth"):
        BankFilesSettings.model_validate({"path": ".", "pth": "."})


def test_default_account_and_currency(tmp_path: Path) -> None:
    (tmp_path / "a.sta").write_text(":61:2602040203C7,00NTRFNONREF//ABC12345\n")
    found, _ = run(settings(tmp_path, default_account="DE89", default_currency="EUR"))
    assert (found.line["account"], found.line["currency"]) == ("DE89", "EUR")


def test_a_batch_has_the_declared_columns_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(GOOD)
    for item in source.read_new(settings(tmp_path), {}):
        assert isinstance(item, Batch)
        declared = [f.name for f in item.entity.columns]
        assert item.rows.column_names == [*declared, "_file", "_line"]
        assert {str(item.rows.schema.field(n).type) for n in [*declared, "_file"]} == {"string"}
        assert item.rows.schema.field("_line").type == pa.int64()


def test_many_lines_come_in_bounded_batches_and_in_order(tmp_path: Path) -> None:
    count = 25_000
    lines = [f":61:2602040203C1,00NTRFNONREF//REF{i:08d}" for i in range(count)]
    bad = mt940(":61:2602040203C1,00NTRFNONREF//BAD00001", ":62F:C260203EUR9,00").replace("7/1", "6/1")
    (tmp_path / "a.sta").write_text(bad + "-\n" + mt940(*lines, f":62F:C260203EUR{count},00"))
    items = list(source.read_new(settings(tmp_path), {}))
    batches = [i for i in items if isinstance(i, Batch) and i.entity is BANK_LINES]
    assert max(len(b.rows) for b in batches) <= 20_000
    assert len(batches) > 1
    references = pa.concat_tables([b.rows for b in batches])["bank_reference"].to_pylist()
    assert references == [f"REF{i:08d}" for i in range(count)]
    assert [getattr(i, "cursor", None) is not None for i in items] == [False] * (len(items) - 1) + [True]


def test_no_message_shows_what_a_payment_says(tmp_path: Path) -> None:
    secret = "Jane Doe"
    content = camt(entry("5.00", f"<TxDtls><RmtInf><Ustrd>{secret}</Ustrd></RmtInf></TxDtls>"), balance("CLBD", "1.00"))
    (tmp_path / "a.xml").write_text(content.replace("<Bal>", balance("OPBD", "0.00") + "<Bal>", 1))
    (tmp_path / "b.xml").write_text(content[:-30])
    found, _ = run(settings(tmp_path))
    assert len(found.rejects) == 2
    assert secret not in repr(found.rejects)
