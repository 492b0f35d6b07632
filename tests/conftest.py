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


@pytest.fixture(scope="session", autouse=True)
def _unsaid() -> Iterator[None]:
    """What no test looks at: the module that a flag of dbt comes from.

    It reads the whole stack with its sources for each flag each time, and pytest's is deep: a sixth of all tests' time.
    """
    from dbt_common.behavior_flags import BehaviorFlagRendered

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BehaviorFlagRendered, "_default_source", staticmethod(lambda: "Unknown"))
        yield
