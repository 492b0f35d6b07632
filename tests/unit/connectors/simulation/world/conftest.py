"""Three small companies, of seeds that change with the date: no test may lean on one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.simulation.world.world import World
from tests.seeds import WORLD_SEED

TODAY = datetime.now(UTC).date()
SEEDS = [WORLD_SEED + n for n in range(3)]


@pytest.fixture(scope="session", params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    """A company of 120 customers and 900 invoices, as of yesterday."""
    return World.make(request.param, TODAY - timedelta(days=1), customers=120, invoices=900, months=8)
