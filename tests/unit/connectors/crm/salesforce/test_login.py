# ruff: noqa: SIM117 - the inner block is the one that raises
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.crm.salesforce.client import SalesforceClient, identifier
from connectors.crm.salesforce.login import Token, sign_in
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator
from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.kit.http import HttpPolicy, Session
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import LoopbackServer, json_answer
from tests.unit.connectors.crm.salesforce.conftest import Open, settings_for
from tests.unit.connectors.crm.salesforce.reading import accounts, read, rows_of


def with_key(crm: SalesforceSimulator, **changes: Any) -> Any:
    basis = {"client_secret": None, "username": "integration@example.com", "private_key_path": crm.private_key_path}
    return settings_for(crm, **{**basis, **changes})


def test_client_credentials_and_jwt_both_sign_in(open_crm: Open) -> None:
    crm = open_crm()
    for settings in (settings_for(crm), with_key(crm), with_key(crm, jwt_audience="https://login.salesforce.com")):
        with SalesforceClient(settings) as client:
            client.sign_in()
            client.sign_in()
            assert client.limits()["DailyBulkApiBatches"]["Max"] > 0
    tokens = [line for line in crm.log() if line["path"].endswith("/token")]
    assert [line["grant"].rpartition(":")[2] for line in tokens] == ["client_credentials", "jwt-bearer", "jwt-bearer"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"client_id": "nobody"}, r"refused the login \(invalid_client_id\); check client_id"),
        ({"client_secret": "wrong"}, r"refused the login \(invalid_client\); check client_id and client_secret"),
    ],
)
def test_wrong_credentials_say_what_to_check(open_crm: Open, changes: dict[str, Any], complaint: str) -> None:
    with SalesforceClient(settings_for(open_crm(), **changes)) as client, pytest.raises(ConfigError, match=complaint):
        client.sign_in()


@pytest.mark.parametrize(
    "changes",
    [{"username": "other@example.com"}, {"jwt_audience": "https://elsewhere.example"}, {"client_id": "nobody"}],
)
def test_a_wrong_assertion_is_refused(open_crm: Open, changes: dict[str, Any]) -> None:
    with SalesforceClient(with_key(open_crm(), **changes)) as client:
        with pytest.raises(ConfigError, match=r"invalid_grant|invalid_client_id"):
            client.sign_in()


def test_a_key_of_someone_else_is_refused(open_crm: Open) -> None:
    crm, other = open_crm(), open_crm(folder="other")
    with SalesforceClient(with_key(crm, private_key_path=other.private_key_path)) as client:
        with pytest.raises(ConfigError, match="invalid_grant"):
            client.sign_in()


def test_a_key_that_is_none_is_said(open_crm: Open, tmp_path: Path) -> None:
    crm = open_crm()
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for path, complaint in ((broken, "not an RSA key in PEM"), (tmp_path / "gone.pem", r"'gone\.pem' cannot be read")):
        with SalesforceClient(with_key(crm, private_key_path=path)) as client:
            with pytest.raises(ConfigError, match=complaint):
                client.sign_in()


def test_the_login_is_tried_again_when_it_is_busy(open_crm: Open) -> None:
    crm = open_crm(
        Fault("unavailable", path="/token"), Fault("rate_limit", path="/token"), Fault("lose_answer", path="/token")
    )
    with SalesforceClient(settings_for(crm)) as client:
        client.sign_in()


def test_an_unreachable_login_is_named(open_crm: Open) -> None:
    crm = open_crm()
    settings = settings_for(crm, login_url="https://127.0.0.1:9", attempts=1)
    with SalesforceClient(settings) as client, pytest.raises(RetriableError, match=r"cannot reach 127\.0\.0\.1:9"):
        client.sign_in()


@pytest.mark.parametrize(
    ("instance", "complaint"),
    [
        ("https://evil.example", "not a Salesforce address"),
        ("https://evil-salesforce.com", "not a Salesforce address"),
        ("http://acme.my.salesforce.com", "plain http"),
        ("https://x@acme.my.salesforce.com", "user name"),
    ],
)
def test_an_instance_that_is_not_the_vendors_is_not_believed(tmp_path: Path, instance: str, complaint: str) -> None:
    said = json_answer({"access_token": "secret", "instance_url": instance})
    with LoopbackServer(lambda request: said, tmp_path, faults=Faults()) as server:
        settings = settings_for_server(server)
        with Session(server.url, settings.policy) as session, pytest.raises(ConfigError, match=complaint):
            sign_in(settings, session)


def test_an_instance_that_is_configured_must_be_the_one_that_is_named(tmp_path: Path) -> None:
    said = json_answer({"access_token": "secret", "instance_url": "https://other.my.salesforce.com"})
    with LoopbackServer(lambda request: said, tmp_path, faults=Faults()) as server:
        settings = settings_for_server(server, instance_url="https://acme.my.salesforce.com")
        with Session(server.url, settings.policy) as session, pytest.raises(ConfigError, match="correct or remove it"):
            sign_in(settings, session)


@pytest.mark.parametrize("said", [{"instance_url": "https://a.my.salesforce.com"}, [], {"access_token": ""}])
def test_an_answer_without_a_token_is_said(tmp_path: Path, said: Any) -> None:
    with LoopbackServer(lambda request: json_answer(said), tmp_path, faults=Faults()) as server:
        settings = settings_for_server(server)
        with Session(server.url, settings.policy) as session, pytest.raises(FatalError, match="without a token"):
            sign_in(settings, session)


def settings_for_server(server: LoopbackServer, **changes: Any) -> Any:
    basis = {"login_url": server.url, "client_id": "x", "client_secret": "y", "ca_bundle": server.ca_bundle}
    return SalesforceSettings.model_validate({**basis, "allow_private": True, **changes})


def test_plain_http_on_loopback_works_though_the_client_library_always_says_https(open_crm: Open) -> None:
    crm = open_crm(tls=False)
    crm.load(accounts(700))
    assert crm.url.startswith("http://")
    for threshold in (0, 2000):
        assert len(rows_of(read(settings_for(crm, bulk_threshold=threshold)))) == 700


def test_a_token_does_not_show_itself() -> None:
    assert "secret" not in repr(Token("secret", "https://acme.my.salesforce.com"))
    assert HttpPolicy().allow_private is False


@pytest.mark.parametrize("name", ["", "Account; DROP", "Account--", "1Account", "Account__c WHERE", "é"])
def test_only_names_reach_a_query(name: str) -> None:
    with pytest.raises(FatalError, match="not the name"):
        identifier(name)
