"""The contract suite, unchanged, over a live Tryton; and what only a live wire can show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.erp.tryton.books import open_books
from connectors.erp.tryton.client import TrytonClient
from connectors.kit.errors import ConfigError, FatalError, RejectedByVendor
from connectors.registry import connector as connector_named
from connectors.simulation.faults import Fault
from connectors.simulation.server import LoopbackServer
from tests.contract.case import World, read
from tests.contract.test_reading import *  # noqa: F403 - the suite itself: its tests run here again
from tests.contract.test_totals import *  # noqa: F403 - what it says of itself
from tests.contract.test_writing import *  # noqa: F403 - and its other half
from tests.live.postgres import Server, postgres
from tests.live.tryton import Tryton, missing, running
from tests.live.tryton_world import LiveWorld, proxied

__all__ = ["postgres"]
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@pytest.fixture(scope="module")
def erp(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    with running(postgres, tmp_path_factory.mktemp("tryton")) as found:
        yield found


@pytest.fixture
def proxy(erp: Tryton, tmp_path: Path) -> Iterator[LoopbackServer]:
    with proxied(erp, tmp_path / "proxy") as server:
        yield server


@pytest.fixture
def connector() -> Any:
    return connector_named("tryton")


@pytest.fixture
def world(erp: Tryton, proxy: LoopbackServer) -> World:
    return LiveWorld(erp, proxy)


def test_a_session_that_ends_between_two_pages_is_renewed_once(connector, world, proxy):
    whole = read(connector, world)
    assert _logins(proxy) == 1
    proxy.faults.add(Fault("expire_token", path="/rpc/", after=12))
    assert read(connector, world).rows == whole.rows
    assert _logins(proxy) == 3  # of the second reading, and once more in its midst


def _logins(proxy):
    return sum(1 for line in proxy.log() if not line["credential"])


def test_429_and_503_are_waited_out(connector, world, proxy):
    whole = read(connector, world)
    proxy.faults.add(
        Fault("rate_limit", path="/rpc/", after=8, seconds=0), Fault("unavailable", path="/rpc/", after=20)
    )
    assert read(connector, world).rows == whole.rows


def test_an_answer_that_is_no_page_is_refused(erp):
    with TrytonClient(erp.settings()) as client:
        with pytest.raises(FatalError, match=r"party\.nobody"):
            client.search_read("party.nobody", [], ["id"])
        with pytest.raises(ConfigError, match="403"):
            client.call("party.party", "no_such_method", [])


def test_what_the_vendor_refuses_is_told_with_its_own_words(erp):
    with TrytonClient(erp.settings()) as client:
        with pytest.raises(RejectedByVendor, match="unique") as caught:
            client.call("party.party", "create", [{"name": "Twice", "code": "1"}], writing=True)
        assert caught.value.code == "UserError"
        assert client.search_count("party.party", [("name", "=", "Twice")]) == 0


def test_a_database_that_is_not_there_is_named(erp):
    """By itself, for trytond looks for it for half a minute before it says so."""
    client = TrytonClient(erp.settings(database="nowhere"))
    with client, pytest.raises(ConfigError, match="no database 'nowhere'"):
        client.sign_in()


def test_a_company_is_chosen_by_its_name(erp):
    with TrytonClient(erp.settings(company="Bench Trading Inc", legal_entity="US")) as client:
        books = open_books(client)
    assert (books.legal_entity, books.currency) == ("US", "USD")
    assert sorted(books.accounts.values()) == ["1.2.1", "1.2.2", "1.2.3"]
