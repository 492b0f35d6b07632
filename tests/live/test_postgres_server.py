"""The server that the other live tests lean on is a real one, takes no one in without a password, and is empty."""

from __future__ import annotations

import psycopg2
import pytest

from tests.live.postgres import Server, postgres

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]


def test_it_asks_for_the_password(postgres: Server) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(postgres.url(password="another"))


def test_databases_are_apart_and_speak_utf8(postgres: Server) -> None:
    one = postgres.fresh()
    postgres.execute("create table t (v text)", one)
    postgres.execute("insert into t values ('Zürich 東京')", one)
    other = postgres.fresh(one)
    postgres.execute("delete from t", one)
    assert postgres.execute("select v from t", other) == [("Zürich 東京",)]
    assert postgres.execute("show server_encoding", other) == [("UTF8",)]
    postgres.drop(one)
    postgres.drop(other)
