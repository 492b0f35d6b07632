"""Which files are read, as what, how often, and what a folder that cannot be read says."""

from __future__ import annotations

import fsspec
import pytest

from connectors.erp.files.connector import CONNECTOR
from connectors.erp.files.folder import Folder
from connectors.kit.contract import Batch
from connectors.kit.errors import ConfigError, FatalError
from tests.unit.connectors.erp.files.drop import read

PARTIES = "party_id,name\nP1,Alder\n"


def settings(path, **options):
    return CONNECTOR.settings.model_validate({"path": str(path), **options})


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("documents.csv", "documents"),
        ("documents_3.csv", "documents"),
        ("Documents 2026.CSV", "documents"),
        ("receipt_events_2.csv", "receipt_events"),
        ("receipts_2.csv", "receipts"),
        ("party_bank_accounts.csv", "party_bank_accounts"),
        ("parties-new.jsonl", "parties"),
        ("gl_balances.parquet", "gl_balances"),
        ("unknown.csv", None),
    ],
)
def test_the_longest_entity_that_begins_the_name_wins(tmp_path, name, entity):
    (tmp_path / name).write_text("")
    assert [f.entities for f in Folder(settings(tmp_path)).files()] == [(entity,) if entity else ()]


def test_unfinished_and_hidden_files_are_left_alone(tmp_path):
    for name in ("documents.csv.part", "documents.tmp", ".documents.csv", "~documents.csv", "documents.csv.filepart"):
        (tmp_path / name).write_text("half")
    (tmp_path / "folder").mkdir()
    assert read(tmp_path).items == []


def test_a_table_of_no_entity_is_told_of_once(tmp_path):
    (tmp_path / "dokuments.csv").write_text("a\n1\n")
    (tmp_path / "readme.txt").write_text("hello")
    found = read(tmp_path)
    (reject,) = found.rejects
    assert reject.reason.startswith("dokuments.csv is no entity's by its name")
    assert read(tmp_path, found.cursors).items == []
    (tmp_path / "dokuments.csv").rename(tmp_path / "parties.csv")
    assert read(tmp_path, found.cursors).items != []


def test_a_file_is_known_by_its_content_not_its_name(tmp_path):
    (tmp_path / "parties.csv").write_text(PARTIES)
    first = read(tmp_path)
    (tmp_path / "parties.csv").rename(tmp_path / "parties_again.csv")
    again = read(tmp_path, first.cursors)
    assert again.items == []
    assert again.notes == ["parties_again.csv has the content of parties.csv, which was read; nothing is new"]
    assert read(tmp_path, first.cursors | again.cursors).notes == [], "it is told once"
    (tmp_path / "parties_again.csv").write_text(PARTIES + "P2,Birch\n")
    assert len(read(tmp_path, first.cursors).rows["parties"]) == 2


def test_a_changed_mapping_makes_a_file_new(tmp_path):
    (tmp_path / "parties.csv").write_text(PARTIES)
    first = read(tmp_path)
    again = read(tmp_path, first.cursors, constants={"parties": {"country": "US"}})
    assert again.rows["parties"][0]["country"] == "US"
    assert read(tmp_path, first.cursors, constants={"documents": {"currency": "USD"}}).items == []


def test_the_cursor_comes_with_the_last_item_of_a_file(tmp_path):
    (tmp_path / "a.csv").write_text("party_id,name,iban_or_account\nP1,Alder,1\n")
    found = read(tmp_path, files={"parties": "a.csv", "party_bank_accounts": "a.csv"})
    assert [(i.entity.name, bool(i.cursor)) for i in found.items] == [("parties", False), ("party_bank_accounts", True)]


def test_a_header_alone_commits_its_cursor(tmp_path):
    (tmp_path / "parties.csv").write_text("party_id,name\n")
    found = read(tmp_path)
    assert found.rejects == []
    assert len(found.cursors) == 1


def test_files_are_read_in_the_order_of_their_names_in_bounded_batches(tmp_path):
    for name in ("parties_2.csv", "parties_1.csv"):
        (tmp_path / name).write_text("party_id,name\n" + "".join(f"{name}{i},x\n" for i in range(60_000)))
    batches = [i for i in read(tmp_path).items if isinstance(i, Batch)]
    assert [b.rows.column("_file")[0].as_py() for b in batches] == ["parties_1.csv"] * 2 + ["parties_2.csv"] * 2
    assert max(b.rows.num_rows for b in batches) <= 50_000


def test_patterns_reach_into_folders_only_when_they_say_so(tmp_path):
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "x.csv").write_text(PARTIES)
    (tmp_path / "y.csv").write_text(PARTIES)
    assert [f.name for f in Folder(settings(tmp_path, files={"parties": "*.csv"})).files() if f.entities] == ["y.csv"]
    deep = Folder(settings(tmp_path, files={"parties": "2026/*.csv"})).files()
    assert [f.name for f in deep if f.entities] == ["2026/x.csv"]


def test_an_object_store_is_read_the_same_way():
    store = fsspec.filesystem("memory")
    store.pipe("/drop/parties.csv", PARTIES.encode())
    try:
        assert [r["party_id"] for r in read("memory://drop").rows["parties"]] == ["P1"]
    finally:
        store.rm("/drop", recursive=True)


def test_a_missing_folder_is_one_line_with_the_path(tmp_path):
    with pytest.raises(
        FatalError, match=r"folder .*nowhere is not there; create it, or name an existing folder as path"
    ):
        list(Folder(settings(tmp_path / "nowhere")).files())
    (tmp_path / "file").write_text("")
    with pytest.raises(FatalError, match="is a file, not a folder"):
        list(Folder(settings(tmp_path / "file")).files())
    with pytest.raises(ConfigError, match="path 'gopher://x' cannot be used"):
        Folder(settings("gopher://x"))


def test_a_file_that_may_not_be_read_is_told_of_after_the_others(tmp_path, monkeypatch):
    (tmp_path / "documents.csv").write_text("document_id\n")
    (tmp_path / "parties.csv").write_text(PARTIES)
    folder = Folder(settings(tmp_path))
    storage = type(folder.inbox._fs)
    original = storage.open

    def refuse(self, path, *args, **kwargs):
        if path.endswith("documents.csv"):
            raise PermissionError(13, "Permission denied")
        return original(self, path, *args, **kwargs)

    monkeypatch.setattr(storage, "open", refuse)
    items = []
    with pytest.raises(Exception, match=r"documents.csv cannot be read: Permission denied"):
        for resource in CONNECTOR.source("legacy", settings(tmp_path), {}).resources.values():
            for item in resource:
                items.append(item)
    assert [i.entity.name for i in items] == ["parties"]


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_run(tmp_path, monkeypatch):
    path = tmp_path / "parties.csv"
    path.write_text("party_id,name\nP1,Ald")
    monkeypatch.setattr("connectors.erp.files.folder.time.sleep", lambda _: path.write_text(PARTIES))
    assert read(tmp_path, settle_seconds=5).items == []
    assert [r["name"] for r in read(tmp_path, settle_seconds=5).rows["parties"]] == ["Alder"]


def test_a_fresh_file_without_a_last_line_end_is_read_when_it_stays_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "parties.csv").write_text("party_id,name\nP1,Alder")
    monkeypatch.setattr("connectors.erp.files.folder.time.sleep", lambda _: None)
    assert [r["name"] for r in read(tmp_path, settle_seconds=5).rows["parties"]] == ["Alder"]


def test_check_says_what_it_found(tmp_path):
    (tmp_path / "parties.csv").write_text(PARTIES)
    (tmp_path / "stray.csv").write_text("x\n")
    lines = list(CONNECTOR.check(settings(tmp_path)))
    assert [(line.ok, line.message) for line in lines] == [
        (True, "2 files: parties"),
        (False, "no entity's by name: stray.csv; rename or list them under files"),
    ]
    (line,) = CONNECTOR.check(settings(tmp_path / "nowhere"))
    assert not line.ok
