from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from connectors.simulation.faults import Fault, Faults


class Clock:
    """The organisation's clock: it stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def settings_for(crm: SalesforceSimulator, **changes: Any) -> SalesforceSettings:
    """Settings that reach the simulator, and are not patient."""
    basis = {
        "login_url": crm.url,
        "client_id": crm.client_id,
        "client_secret": crm.client_secret,
        "ca_bundle": crm.ca_bundle,
        "allow_private": True,
        "first_wait_seconds": 0.01,
        "poll_seconds": 0.02,
        "read_timeout_seconds": 20,
    }
    return SalesforceSettings.model_validate({k: v for k, v in {**basis, **changes}.items() if v is not None})


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[..., SalesforceSimulator]


@pytest.fixture
def open_crm(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(*faults: Fault, folder: str = "crm", **options: Any) -> SalesforceSimulator:
            options.setdefault("clock", clock)
            return stack.enter_context(serve(tmp_path / folder, faults=Faults(*faults), **options))

        yield opened
