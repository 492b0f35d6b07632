"""An OpenSSH server: who is let in, which host is trusted, and what a lost connection costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from pydantic import SecretStr

from connectors.erp.files.connector import CONNECTOR
from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.kit.inbox import Inbox
from tests.live.inbox.places import SETTINGS, over_sftp
from tests.live.postgres import free_port
from tests.live.sshd import PASSPHRASE, SftpServer, sshd

__all__ = ["sshd"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("inbox")]
PARTIES = "party_id,name\nP1,Alder\n"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "parties.csv").write_text(PARTIES)
    return tmp_path / "drop"


def names(server: SftpServer, folder: Path, **more: Any) -> list[str]:
    with Inbox(SETTINGS["files"].model_validate(over_sftp(server, folder, **more)), {}) as inbox:
        return [f.name for f in inbox.listing().files]


def said(kind: type[Exception], server: SftpServer, folder: Path, **more: Any) -> str:
    with pytest.raises(kind) as caught:
        names(server, folder, **more)
    text = str(caught.value)
    assert "\n" not in text
    lines = list(CONNECTOR.check(SETTINGS["files"].model_validate(over_sftp(server, folder, **more))))
    assert [line.ok for line in lines] == [False]
    assert text in lines[0].message
    return text


def test_a_key_opens_it_also_one_with_a_passphrase(sshd: SftpServer, drop: Path) -> None:
    assert names(sshd, drop) == ["parties.csv"]
    locked = str(sshd.locked_key)
    assert names(sshd, drop, private_key_path=locked, passphrase=SecretStr(PASSPHRASE)) == ["parties.csv"]


def test_what_is_wrong_with_the_key_is_said(sshd: SftpServer, drop: Path, tmp_path: Path) -> None:
    assert "refused to let in" in said(ConfigError, sshd, drop, private_key_path=str(sshd.stranger))
    assert "has a passphrase" in said(ConfigError, sshd, drop, private_key_path=str(sshd.locked_key))
    wrong = said(ConfigError, sshd, drop, private_key_path=str(sshd.locked_key), passphrase=SecretStr("sesame"))
    assert "cannot be opened" in wrong
    assert "sesame" not in wrong
    assert "is not there" in said(ConfigError, sshd, drop, private_key_path=str(tmp_path / "none"))
    (tmp_path / "text").write_text("no key")
    assert "cannot be opened" in said(ConfigError, sshd, drop, private_key_path=str(tmp_path / "text"))
    assert "private_key_path" in said(ConfigError, sshd, drop, private_key_path=None)


def test_a_password_is_refused_where_the_server_wants_a_key(sshd: SftpServer, drop: Path) -> None:
    text = said(ConfigError, sshd, drop, private_key_path=None, password=SecretStr("open-sesame"))
    assert "open-sesame" not in text


def test_a_host_that_is_not_known_is_refused_with_its_fingerprint_and_never_added(
    sshd: SftpServer, drop: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("# none yet\n")
    for _ in range(2):
        text = said(ConfigError, sshd, drop, known_hosts_path=str(known))
        assert sshd.fingerprint in text
        assert str(known) in text
    assert known.read_text() == "# none yet\n"
    assert "is not there" in said(ConfigError, sshd, drop, known_hosts_path=str(tmp_path / "none"))


@pytest.mark.parametrize("other", [paramiko.RSAKey.generate(2048), paramiko.ECDSAKey.generate()], ids=["rsa", "ecdsa"])
def test_a_host_whose_key_has_changed_is_refused_with_both_fingerprints(
    sshd: SftpServer, drop: Path, tmp_path: Path, other: paramiko.PKey
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other.get_name()} {other.get_base64()}\n")
    text = said(ConfigError, sshd, drop, known_hosts_path=str(known))
    assert sshd.fingerprint in text
    assert other.fingerprint in text


def test_another_key_of_the_same_type_is_refused(sshd: SftpServer, drop: Path, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    stranger = " ".join(sshd.stranger.with_suffix(".pub").read_text().split()[:2])
    known.write_text(f"[127.0.0.1]:{sshd.port} {stranger}\n")
    assert "another host key" in said(ConfigError, sshd, drop, known_hosts_path=str(known))


def test_a_revoked_key_is_refused_although_it_is_also_listed(sshd: SftpServer, drop: Path, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_hosts.read_text() + f"@revoked * {sshd.host_key}\n")
    assert "revoked" in said(ConfigError, sshd, drop, known_hosts_path=str(known))


def test_hashed_host_names_are_understood(sshd: SftpServer, drop: Path, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    hashed = paramiko.HostKeys.hash_host(f"[127.0.0.1]:{sshd.port}")
    known.write_text(f"{hashed} {sshd.host_key}\n")
    assert names(sshd, drop, known_hosts_path=str(known)) == ["parties.csv"]


def test_a_server_that_is_not_there_may_be_later(sshd: SftpServer, drop: Path) -> None:
    nobody = f"sftp://me@127.0.0.1:{free_port()}{drop}"
    assert "cannot be reached" in said(RetriableError, sshd, drop, path=nobody, attempts=1)


def test_a_folder_that_is_not_there_is_named(sshd: SftpServer, drop: Path) -> None:
    assert "is not there" in said(FatalError, sshd, drop / "none")


@pytest.fixture
def inbox(sshd: SftpServer, drop: Path) -> Iterator[Inbox]:
    with Inbox(SETTINGS["files"].model_validate(over_sftp(sshd, drop, attempts=5)), {}) as found:
        yield found


def test_a_dropped_connection_is_made_again(sshd: SftpServer, inbox: Inbox) -> None:
    (file,) = inbox.listing().files
    for _ in range(2):
        sshd.drop_sessions()
        with inbox.content(file) as (stream, digest):
            assert stream.read() == PARTIES.encode()
            assert digest
    sshd.stop()
    sshd.start()
    assert [f.name for f in inbox.listing().files] == ["parties.csv"]


def test_a_connection_that_drops_in_mid_file_gives_the_whole_file(
    sshd: SftpServer, inbox: Inbox, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * 20_000
    (drop / "big.csv").write_bytes(content)
    original, cuts = Inbox._copied, []

    def cut_once(self: Inbox, file: Any, copy: Any) -> str:
        if not cuts:
            with self._fs.open(file.path, "rb") as begun:
                copy.write(begun.read(2**20))
                cuts.append(file.name)
                sshd.drop_sessions()
                while begun.read(2**20):
                    pass
        return original(self, file, copy)

    monkeypatch.setattr(Inbox, "_copied", cut_once)
    big = next(f for f in inbox.listing().files if f.name == "big.csv")
    with inbox.content(big) as (stream, digest):
        assert digest
        assert stream.read() == content
    assert cuts == ["big.csv"]


def test_thousands_of_files_are_listed_once(inbox: Inbox, drop: Path) -> None:
    for n in range(3000):
        (drop / f"x{n:04}.csv").touch()
    assert len(inbox.listing().files) == 3001
