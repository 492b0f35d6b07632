"""Each test of the suite runs once for every connector there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.kit.contract import Connector
from tests.contract.case import World, case_of, declared, hooked_up


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "connector" in metafunc.fixturenames:
        metafunc.parametrize("connector", declared(), ids=lambda c: c.name)


@pytest.fixture
def world(connector: Connector, tmp_path: Path) -> Iterator[World]:
    assert connector.name in hooked_up(), f"write tests/contract/cases/{connector.name}.py; see tests/contract/case.py"
    with case_of(connector)(tmp_path) as built:
        yield built
