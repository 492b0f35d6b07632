"""Which program each part of a server becomes, and what it refuses to begin without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from otc_pipelines.cli.serving import Part, program, serve_part
from otc_pipelines.defs.home import STORAGE
from tests.pipeline.house import configure, otc


class BecameError(Exception):
    """The process would now be this program."""


@pytest.fixture
def shared_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE, "postgresql+psycopg2://x:x@db/x")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())

    def become(_path: str, words: list[str]) -> None:
        raise BecameError(words)

    monkeypatch.setattr(os, "execv", become)


def test_without_a_shared_record_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORAGE, raising=False)
    for part in Part:
        said = otc("serve", part.value, config=configure(tmp_path / part.value))
        assert said.code == 2
        assert said.line.startswith(f"{STORAGE} is not set")


@pytest.mark.usefixtures("shared_record")
def test_webserver_and_daemon_need_no_configuration_of_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    for part, module in ((Part.WEBSERVER, "dagster_webserver"), (Part.DAEMON, "dagster._daemon")):
        with pytest.raises(BecameError) as became:
            serve_part(part, "0.0.0.0", 3000, "code:4000", tmp_path / "not there.yaml", read_only=False)
        assert module in became.value.args[0]
        assert str(tmp_path / "home" / "workspace.yaml") in became.value.args[0]


@pytest.mark.usefixtures("shared_record")
@pytest.mark.parametrize("code", ["code", "code:", ":4000", "code:x"])
def test_an_address_that_is_none_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    said = otc("serve", "webserver", "--code", code)
    assert (said.code, said.line) == (2, f"--code {code!r} is not HOST:PORT; write it like code:4000")


@pytest.mark.usefixtures("shared_record")
def test_a_part_without_a_folder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert otc("serve", "daemon").line.startswith("DAGSTER_HOME is not set")


def test_a_webserver_to_look_at_only_is_told_so(tmp_path: Path) -> None:
    assert "--read-only" in program(Part.WEBSERVER, "127.0.0.1", 3000, tmp_path, read_only=True)
    assert "--read-only" not in program(Part.WEBSERVER, "127.0.0.1", 3000, tmp_path, read_only=False)
