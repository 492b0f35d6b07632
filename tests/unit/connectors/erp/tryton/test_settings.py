"""What may be written in otc.yaml for a Tryton."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.erp.tryton.settings import TrytonSettings

GOOD = {"url": "https://erp.example.com", "database": "books", "username": "otc", "password": "s3cret"}


def test_the_password_is_never_shown():
    assert "s3cret" not in repr(TrytonSettings(**GOOD))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"url": "http://erp.example.com"}, "https"),
        ({"url": "http://127.0.0.1:8000"}, "https"),
        ({"database": "books/../x"}, "books/../x"),
        ({"username": "a:b"}, "colon"),
        ({"page_rows": 0}, "page_rows"),
        ({"page_rows": 500, "batch_rows": 100}, "batch_rows"),
        ({"color": "blue"}, "color"),
    ],
)
def test_what_cannot_work_is_named(changed, named):
    with pytest.raises(ValidationError, match=named):
        TrytonSettings(**{**GOOD, **changed})


def test_plain_http_is_for_this_machine_where_it_is_allowed():
    assert TrytonSettings(**{**GOOD, "url": "http://127.0.0.1:8000", "allow_private": True}).policy.allow_private
