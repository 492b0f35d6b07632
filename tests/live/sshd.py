"""A real OpenSSH server for SFTP: on loopback, on a free port, with keys of its own, stopped by pid.

Belongs here: starting, stopping, keys. Not here: what lies in its folders. It lets in the user who runs the tests, by
key alone, to files below a folder of its own.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.postgres import free_port

PASSPHRASE = "only-for-tests"
_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


@dataclass
class SftpServer:
    """A running server and the files that a client needs."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        """A key that it lets in."""
        return self.folder / "client_key"

    @property
    def locked_key(self) -> Path:
        """Another one, which ``PASSPHRASE`` opens."""
        return self.folder / "locked_key"

    @property
    def stranger(self) -> Path:
        """A key that it does not let in."""
        return self.folder / "stranger_key"

    @property
    def known_hosts(self) -> Path:
        """The file that knows its host key."""
        return self.folder / "known_hosts"

    @property
    def host_key(self) -> str:
        """Type and key of the host, as OpenSSH writes them."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        """The host key's fingerprint, as ``ssh-keygen`` says it."""
        done = subprocess.run(
            ["ssh-keygen", "-lf", str(self.folder / "host_key.pub")], check=True, capture_output=True, text=True
        )
        return done.stdout.split()[1]

    def url(self, folder: Path) -> str:
        """Path of a folder as a source names it."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"

    def start(self) -> None:
        """Start listening, on the same port as before."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [_sshd(), "-D", "-e", "-f", str(self.folder / "sshd_config")],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"sshd ended at once: {(self.folder / 'log').read_text()[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        raise RuntimeError("sshd does not answer")

    def stop(self) -> None:
        """Stop listening, and end every session."""
        self.drop_sessions()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def drop_sessions(self) -> None:
        """Cut off everybody who is connected now; the server goes on."""
        if self.process is None:
            return
        for child in _descendants(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, 9)


def missing() -> str:
    """Why there can be no server here, or ''."""
    if not _sshd():
        return "no sshd here: install openssh-server"
    if shutil.which("ssh-keygen") is None:
        return "no ssh-keygen here: install openssh-client"
    return ""


@contextlib.contextmanager
def running() -> Iterator[SftpServer]:
    """Start a server with new keys and stop it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="otc-sshd-"))
    server = SftpServer(free_port(), folder)
    try:
        for name, secret in (("host_key", ""), ("client_key", ""), ("locked_key", PASSPHRASE), ("stranger_key", "")):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-C", name, "-f", str(folder / name)], check=True
            )
        allowed = [(folder / f"{name}.pub").read_text() for name in ("client_key", "locked_key")]
        (folder / "authorized_keys").write_text("".join(allowed))
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
        (folder / "sshd_config").write_text(_CONFIG.format(port=server.port, folder=folder))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where its unprivileged part is locked in
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _sshd() -> str:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def _descendants(pid: int) -> list[int]:
    """Every process below a process, by what /proc says."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, wave = [], [pid]
    while wave:
        wave = [child for child, parent in parents.items() if parent in wave]
        found += wave
    return found


@pytest.fixture(scope="session")
def sshd() -> Iterator[SftpServer]:
    """A server for as long as the tests of this process run. Skips where there can be none, and says why."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running() as server:
        yield server
