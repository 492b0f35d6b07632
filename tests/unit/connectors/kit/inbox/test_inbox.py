"""What lies in an inbox, when it is finished, and what is done with it once it is taken over."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.kit.contract import Cursor
from connectors.kit.errors import ConfigError, FatalError
from connectors.kit.inbox import REFUSED, Inbox, InboxSettings, Taken, acknowledge, waits
from connectors.kit.inbox.known import _stream


def inbox(folder: Path | str, **more: Any) -> Inbox:
    return Inbox(InboxSettings.model_validate({"path": str(folder), "settle_seconds": 0, **more}), {})


def names(found: Inbox, pattern: str = "*") -> list[str]:
    return [f.name for f in found.listing(pattern).files]


def taken_over(found: Inbox, *refused: str) -> dict[str, Cursor]:
    """The cursors after everything that lies there was read."""
    cursors: dict[str, Cursor] = {}
    for file in found.listing("**").files:
        with found.content(file) as (_, digest):
            key = REFUSED if file.name in refused else ""
            cursors[f"file:{digest}"] = Cursor(f"file:{digest}", file.name, key)
            cursors[_stream(file)] = Cursor(_stream(file), file.stamp, digest)
    return cursors


# --- listing


def test_it_lists_by_name_and_leaves_out_what_is_hidden_unfinished_or_archived(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".c.csv", "~d.csv", "e.csv.part", "F.TMP", "archive/g.csv", "deep/h.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = inbox(tmp_path)
    assert names(found) == ["a.csv", "b.csv"]
    assert found.listing().unfinished == ("F.TMP", "e.csv.part")
    assert names(found, "**") == ["a.csv", "b.csv", "deep/h.csv"]
    assert names(found, "**/*.csv") == ["a.csv", "b.csv", "deep/h.csv"]
    assert names(found, "b*") == ["b.csv"]
    assert names(found, "deep/*") == ["deep/h.csv"]


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FatalError, match="is not there"):
        inbox(tmp_path / "none").listing()
    with pytest.raises(FatalError, match="is a file, not a folder"):
        inbox(tmp_path / "file").listing()
    with pytest.raises(ConfigError, match="path 'gopher://x' cannot be used"):
        inbox("gopher://x")


# --- still being written


def test_a_fresh_file_that_changes_while_it_is_watched_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("still", "growing", "old", "known"):
        (tmp_path / name).write_text("x")
    os.utime(tmp_path / "old", (1e9, 1e9))
    slept: list[float] = []

    def wait(seconds: float) -> None:
        slept.append(seconds)
        for name in ("growing", "old", "known"):
            (tmp_path / name).write_text("xyz")

    monkeypatch.setattr(time, "sleep", wait)
    found = inbox(tmp_path, settle_seconds=5)
    finished, moving = found.finished(found.listing().files, lambda f: f.name != "known")
    assert slept == [5]
    assert [f.name for f in finished] == ["known", "old", "still"]
    assert [f.name for f in moving] == ["growing"]


def test_without_a_settle_time_nothing_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
    found = inbox(tmp_path)
    assert [f.name for f in found.finished(found.listing().files, lambda f: True)[0]] == ["a"]


def test_an_empty_file_waits_while_it_is_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").write_text("")
    (tmp_path / "old").write_text("")
    os.utime(tmp_path / "old", (1e9, 1e9))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    found = inbox(tmp_path, settle_seconds=1)
    finished, moving = found.finished(found.listing().files, lambda f: True)
    assert ([f.name for f in finished], [f.name for f in moving]) == (["old"], ["new"])


def test_a_file_that_changes_while_it_is_copied_has_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("half")
    original = Inbox._copied

    def growing(self: Inbox, file: Any, copy: Any) -> str:
        digest = original(self, file, copy)
        (tmp_path / "a").write_text("half and half")
        return digest

    monkeypatch.setattr(Inbox, "_copied", growing)
    found = inbox(tmp_path)
    with found.content(found.listing().files[0]) as (_, digest):
        assert digest == ""


def test_what_waits_is_told_of_in_one_line(tmp_path: Path) -> None:
    assert list(waits([])) == []
    assert [n.text for n in waits([], ["a.part"])] == ["a.part is still being written; left for the next run"]
    (note,) = waits([], ["a", "b", "c", "d", "e"])
    assert note.text == "a, b, c and 2 more are still being written; left for the next run"


# --- what is known


def test_a_name_with_another_content_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    found = inbox(tmp_path)
    cursors = taken_over(found)
    assert Taken(found, cursors).content_of(found.listing().files[0]) is not None
    (tmp_path / "a").write_text("another")
    assert Taken(found, cursors).content_of(found.listing().files[0]) is None


# --- taken over


def test_kept_is_the_default_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    found = inbox(tmp_path)
    assert acknowledge(found, "*", taken_over(found)) == []
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_what_was_taken_over_is_archived_and_the_rest_stays(tmp_path: Path) -> None:
    for name in ("a.csv", "refused.csv"):
        (tmp_path / name).write_text(name)
    found = inbox(tmp_path, after="archive", archive_folder="done/2026")
    cursors = taken_over(found, "refused.csv")
    (tmp_path / "new.csv").write_text("not read yet")
    (tmp_path / "a.csv.part").write_text("not read yet")
    assert acknowledge(found, "*", cursors) == ["1 file archived"]
    assert (tmp_path / "done/2026/a.csv").read_text() == "a.csv"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["a.csv.part", "new.csv", "refused.csv"]
    assert acknowledge(found, "*", cursors) == []


def test_an_archive_keeps_both_of_two_files_with_one_name(tmp_path: Path) -> None:
    found = inbox(tmp_path, after="archive")
    for content in ("one", "two", "two"):
        (tmp_path / "a.csv").write_text(content)
        assert acknowledge(found, "*", taken_over(found)) == ["1 file archived"]
        assert names(found) == []
    assert sorted(p.read_text() for p in (tmp_path / "archive").iterdir()) == ["one", "two"]


def test_a_file_that_changed_since_it_was_read_is_not_touched(tmp_path: Path) -> None:
    for after in ("delete", "archive"):
        (tmp_path / "a").write_text(after)
        found = inbox(tmp_path, after=after)
        cursors = taken_over(found)
        (tmp_path / "a").write_text("sent again, with more")
        assert acknowledge(found, "*", cursors) == []
        assert (tmp_path / "a").read_text() == "sent again, with more"


def test_a_file_that_is_written_to_while_it_is_moved_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("one")
    found = inbox(tmp_path, after="archive")
    cursors = taken_over(found)
    original = found._fs.mv

    def late(old: str, new: str) -> None:
        monkeypatch.undo()
        (tmp_path / "a").write_text("one and two")
        original(old, new)

    monkeypatch.setattr(found._fs, "mv", late)
    assert acknowledge(found, "*", cursors) == []
    assert (tmp_path / "a").read_text() == "one and two"


def test_what_was_taken_over_is_deleted_and_what_was_refused_is_not(tmp_path: Path) -> None:
    for name in ("a.csv", "refused.csv"):
        (tmp_path / name).write_text(name)
    found = inbox(tmp_path, after="delete")
    assert acknowledge(found, "*", taken_over(found, "refused.csv")) == ["1 file deleted"]
    assert names(found) == ["refused.csv"]


def test_what_cannot_be_moved_is_told_of_and_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    found = inbox(tmp_path, after="delete")
    cursors = taken_over(found)

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(found._fs, "rm_file", refuse)
    (line,) = acknowledge(found, "*", cursors)
    assert line.startswith("2 files could not be deleted: ")
    assert "Permission denied" in line


# --- settings


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"path": "sftp://me:hunter2@host/in"}, "carries a password"),
        ({"path": "sftp:///in"}, "names no host"),
        ({"path": "in", "private_key_path": "k"}, "private_key_path"),
        ({"path": "sftp://h/in", "region": "x"}, "region"),
        ({"path": "s3://b", "known_hosts_path": "k"}, "known_hosts_path"),
        ({"path": "sftp://h/in", "passphrase": "x"}, "private_key_path is missing"),
        ({"path": "s3://b", "access_key_id": "x"}, "belong together"),
        ({"path": "in", "archive_folder": ".."}, "archive_folder"),
        ({"path": "in", "archive_folder": "/done"}, "archive_folder"),
        ({"path": "in", "archive_folder": "done/.."}, "archive_folder"),
        ({"path": "in", "after": "burn"}, "after"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(stated: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        InboxSettings.model_validate(stated)
    (error,) = caught.value.errors()
    assert named in f"{error['loc']} {error['msg']}"
    assert "hunter2" not in error["msg"]
