"""What several modules of live tests share, for as long as the tests of a process run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.postgres import Server, postgres
from tests.live.tryton_twins import twins
from tests.live.tryton_wire import Wire

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def both(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, Wire]]:
    """A live Tryton and a simulated one with the same few records."""
    with twins(postgres, tmp_path_factory.mktemp("tryton")) as wires:
        yield wires
