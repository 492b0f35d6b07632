"""What holds for every test: none changes what the next one hears."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """A command silences the process that it runs in; the tests after it are to hear again."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
