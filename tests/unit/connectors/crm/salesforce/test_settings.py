from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.crm.salesforce.settings import SalesforceSettings

GOOD = {"login_url": "https://acme.my.salesforce.com", "client_id": "3MVG9", "client_secret": "word"}
KEY = {"client_id": "3MVG9", "username": "u@example.com", "private_key": "pem"}


def test_the_least_that_is_needed() -> None:
    assert SalesforceSettings.model_validate(GOOD).lookback_seconds == 600
    assert SalesforceSettings.model_validate(KEY).login_url == "https://login.salesforce.com"


def test_the_secret_is_not_shown() -> None:
    assert "word" not in repr(SalesforceSettings.model_validate(GOOD))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"client_secret": None}, "no credentials: set client_secret"),
        ({"private_key": "pem"}, "both set"),
        ({"login_url": "http://acme.my.salesforce.com"}, "plain http"),
        ({"instance_url": "http://127.0.0.1:1"}, "plain http"),
        ({"login_url": "acme.my.salesforce.com"}, "write it as https://host"),
        ({"login_url": "https://login.salesforce.com"}, "use your My Domain"),
        ({"api_version": "62"}, "not an API version"),
        ({"api_version": "40.0"}, "46.0 or later"),
        ({"entities": ["accounts", "leads"]}, "leads cannot be read; choose from: accounts"),
        ({"entities": []}, "choose from"),
        ({"write_batch": 201}, "less than or equal to 200"),
        ({"verify": False}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SalesforceSettings.model_validate({k: v for k, v in {**GOOD, **changes}.items() if v is not None})


def test_a_key_needs_a_user() -> None:
    with pytest.raises(ValidationError, match="username is missing"):
        SalesforceSettings.model_validate({"client_id": "3MVG9", "private_key": "pem"})
    with pytest.raises(ValidationError, match="keep one"):
        SalesforceSettings.model_validate({**KEY, "private_key_path": "key.pem"})


def test_plain_http_on_loopback_needs_to_be_allowed() -> None:
    loopback = {**GOOD, "login_url": "http://127.0.0.1:8080"}
    assert SalesforceSettings.model_validate({**loopback, "allow_private": True}).policy.allow_private
    with pytest.raises(ValidationError, match="plain http"):
        SalesforceSettings.model_validate(loopback)
