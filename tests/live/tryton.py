"""A real Tryton on loopback: trytond from an environment of its own, its database restored from the dump beside ``..``.

Belongs here: restoring, starting, stopping, a fresh copy of the books. Not here: what is asked of it. The dump is
restored once into a template; each server has a copy of it, so that what a test writes is nobody else's.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.settings import TrytonSettings
from tests.contract.any_tryton import options
from tests.live import postgres
from tests.live.peers import ROOT, home
from tests.live.peers import missing as peer_missing

DUMP = ROOT.parent / "shared" / "data" / "tryton"
USER, PASSWORD = "admin", "admin-bench"
COMPANY = "Bench Trading Inc"
_TEMPLATE = "tryton_seed"
_PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Tryton:
    """A running trytond with a database of its own."""

    port: int
    database: str
    server: postgres.Server

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def options(self, **more: Any) -> dict[str, Any]:
        """What a source of otc.yaml says of it, the password as a value."""
        said = {"url": self.url, "database": self.database, "username": USER, "password": PASSWORD, **more}
        return options(**said)

    def settings(self, **more: Any) -> TrytonSettings:
        """The same, as settings."""
        return TrytonSettings(**self.options(**more))

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement in its database: for what a test must see, or let happen, behind its back."""
        return self.server.execute(sql, self.database)


def missing() -> str:
    """Why there can be no Tryton here, or ''."""
    if not (DUMP / "small.sql.gz").is_file():
        return f"{DUMP / 'small.sql.gz'} is not there: no books to serve"
    return peer_missing("tryton") or postgres.missing()


def truth() -> dict[str, Any]:
    """What Tryton itself answered about these books."""
    said: dict[str, Any] = json.loads((DUMP / "truth.json").read_text(encoding="utf-8"))
    return said


def restore(server: postgres.Server) -> str:
    """Restore the dump into a template, once a server; return its name."""
    if not server.execute(f"select 1 from pg_database where datname = '{_TEMPLATE}'"):
        server.execute(f"create database {_TEMPLATE} template template0")
        psql = [str(server.binaries / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", server.url(_TEMPLATE)]
        sql = gzip.decompress((DUMP / "small.sql.gz").read_bytes())
        subprocess.run(psql, input=sql, check=True, capture_output=True, env={"PATH": os.environ.get("PATH", "")})
    return _TEMPLATE


@contextlib.contextmanager
def running(server: postgres.Server, folder: Path) -> Iterator[Tryton]:
    """Serve a fresh copy of the books; trytond is stopped by its pid, and the copy dropped."""
    found = Tryton(postgres.free_port(), server.fresh(restore(server)), server)
    conf, log = folder / f"{found.database}.conf", folder / f"{found.database}.log"
    uri = f"postgresql://{postgres.ADMIN}:{postgres.PASSWORD}@127.0.0.1:{server.port}/"
    conf.write_text(f"[database]\nuri = {uri}\n[web]\nlisten = 127.0.0.1:{found.port}\n[session]\nmax_attempt = 1000\n")
    conf.chmod(0o600)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(home("tryton") / "bin" / "trytond"), "-c", str(conf), "-d", found.database],
            stdout=out,
            stderr=out,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TZ": "UTC"},
        )
        try:
            _wait(found, process, log)
            yield found
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            server.drop(found.database)


def _wait(found: Tryton, process: subprocess.Popen[bytes], log: Path) -> None:
    body = {"id": 0, "method": "common.db.login", "params": [USER, {"password": PASSWORD}]}
    request = urllib.request.Request(
        f"{found.url}/{found.database}/rpc/", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(request, timeout=60):
                return
        except (urllib.error.URLError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.3)
    raise RuntimeError(f"Tryton does not answer: {log.read_text(errors='replace')[-2000:]}")


def keep_euros(erp: TrytonClient, number: str) -> None:
    """Give the company a euro account at its bank, as a person would; its journal is found by the account's number."""
    [euro] = erp.search_read("currency.currency", [("code", "=", "EUR")], ["id"])
    names = ("account", "journal", "validation", "company")
    [like] = erp.search_read("account.statement.journal", [], [*names, "company.party"])
    account = {
        "currency": euro["id"],
        "owners": [["add", [like["company."]["party"]]]],
        "numbers": [["create", [{"type": "iban", "number": number}]]],
    }
    [key] = erp.call("bank.account", "create", [account], writing=True)
    journal = {"name": "Bench Bank EUR", "currency": euro["id"], "bank_account": key}
    erp.call("account.statement.journal", "create", [{n: like[n] for n in names} | journal], writing=True)


@pytest.fixture(scope="session")
def tryton_server(postgres: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """A Tryton that tests only read from, for as long as the tests of this process run."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running(postgres, tmp_path_factory.mktemp("tryton")) as found:
        yield found


@pytest.fixture
def own_tryton(postgres: postgres.Server, tmp_path: Path) -> Iterator[Tryton]:
    """A Tryton of the test's own, whose books it may change."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running(postgres, tmp_path) as found:
        yield found
