"""The contract suite's reading, unchanged, over files that lie on an SFTP server and in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.registry import connector as connector_named
from tests.contract.case import World
from tests.contract.test_reading import *  # noqa: F403 - the suite itself: its tests run here again
from tests.live.inbox.places import SETTINGS, WORLDS, Mirror, in_store, over_sftp
from tests.live.s3 import SECRET, store
from tests.live.sshd import sshd

__all__ = ["sshd", "store"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("inbox")]
PLACES = [(name, place) for name in WORLDS for place in ("sftp", "s3")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("elsewhere", PLACES, ids=lambda p: "-".join(p), scope="function")


@pytest.fixture
def connector(elsewhere: tuple[str, str]) -> Any:
    return connector_named(elsewhere[0])


@pytest.fixture
def world(elsewhere: tuple[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    name, place = elsewhere
    if place == "sftp":
        settings = SETTINGS[name].model_validate(over_sftp(request.getfixturevalue("sshd"), tmp_path))
        yield WORLDS[name](tmp_path, settings)  # type: ignore[arg-type]
        return
    mirror = Mirror(request.getfixturevalue("store"), tmp_path)
    found = SETTINGS[name].model_validate(in_store(mirror.server, mirror.bucket))

    class Mirrored(WORLDS[name]):  # type: ignore[misc, valid-type]
        """Whoever asks for the settings is about to read: the bucket is brought up to date."""

        secrets = (SECRET,)

        @property
        def settings(self) -> Any:
            mirror.push()
            return found

        @settings.setter
        def settings(self, value: Any) -> None:
            pass

    yield Mirrored(tmp_path, found)
