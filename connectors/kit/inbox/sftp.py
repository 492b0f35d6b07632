"""SFTP through fsspec and paramiko, with the host's key checked before anything is told to it.

Belongs here: one SSH connection, its errors in the house's words, connecting again. fsspec's own file system trusts
whatever key it meets first; this one knows only the keys of a file in OpenSSH's format, and adds none to it.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.inbox.opening import why
from connectors.kit.inbox.settings import InboxSettings

#: Bytes asked for at once: four times paramiko's usual, and what OpenSSH answers whole. A server may give less.
_REQUEST = 128 * 1024


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key is not in the file, and says which key it showed."""

    def __init__(self, known_hosts: str, revoked: set[str]) -> None:
        self._known_hosts = known_hosts
        self._revoked = revoked

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise ConfigError with the fingerprint seen."""
        if key.get_base64() in self._revoked:
            raise ConfigError(f"{hostname} shows {key.fingerprint}, which is revoked in {self._known_hosts}")
        raise ConfigError(
            f"{hostname} is not in {self._known_hosts}; it shows {key.get_name()} {key.fingerprint}: compare that with "
            "what its owner says, then add the key there"
        )


class PinnedSFTP(SFTPFileSystem):  # type: ignore[misc]
    """An SFTP server as fsspec sees it; connects when first asked, and again after the connection was lost."""

    cachable = False

    def __init__(self, host: str, port: int, username: str | None, settings: InboxSettings) -> None:
        self._host, self._port, self._username, self._settings = host, port or 22, username, settings
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None
        super(SFTPFileSystem, self).__init__()

    @property
    def ftp(self) -> paramiko.SFTPClient:
        """The session, opened where there is none that lives."""
        transport = self._client.get_transport() if self._client else None
        if self._sftp is None or transport is None or not transport.is_active():
            self.close()
            self._connect()
        assert self._sftp is not None
        return self._sftp

    def close(self) -> None:
        """End the connection, if there is one."""
        client, self._client, self._sftp = self._client, None, None
        if client is not None:
            client.close()

    def _connect(self) -> None:
        limit = self._settings.timeout_seconds
        client = paramiko.SSHClient()
        try:
            key = self._key()
            self._trust(client)
            client.connect(
                self._host,
                self._port,
                self._username,
                self._settings.password.get_secret_value() if self._settings.password else None,
                pkey=key,
                timeout=limit,
                banner_timeout=limit,
                auth_timeout=limit,
                channel_timeout=limit,
                allow_agent=False,
                look_for_keys=False,
            )
            self._sftp = client.open_sftp()
            channel = self._sftp.get_channel()
            if channel is not None:
                channel.settimeout(limit)
        except BaseException as problem:
            client.close()
            if isinstance(problem, paramiko.SSHException | OSError | EOFError):
                raise self._said(problem) from None
            raise
        self._client = client

    def _key(self) -> paramiko.PKey | None:
        stated = self._settings.private_key_path
        if stated is None:
            return None
        path = Path(stated).expanduser()
        passphrase = self._settings.passphrase.get_secret_value().encode() if self._settings.passphrase else None
        try:
            return paramiko.PKey.from_path(path, passphrase)  # type: ignore[arg-type]  # typed as text, used as bytes
        except FileNotFoundError:
            raise ConfigError(f"private_key_path {path} is not there; name the file of the private key") from None
        except PermissionError:
            raise ConfigError(f"private_key_path {path} may not be read; give this user the right") from None
        except (TypeError, paramiko.PasswordRequiredException):
            raise ConfigError(f"the key {path} has a passphrase; give it as passphrase: ${{NAME}}") from None
        except (ValueError, paramiko.SSHException, OSError):
            raise ConfigError(
                f"the key {path} cannot be opened; check passphrase, and that it is a private key"
            ) from None

    def _trust(self, client: paramiko.SSHClient) -> None:
        """Give the client the keys to trust; without those that ``@revoked`` names, which paramiko would read past."""
        path = Path(self._settings.known_hosts_path).expanduser()
        try:
            lines = [" ".join(line.split()) for line in path.read_text(encoding="utf-8").splitlines()]
            revoked = {words[3] for line in lines if len(words := line.split()) > 3 and words[0] == "@revoked"}
            for number, line in enumerate(lines, 1):
                if line and not line.startswith(("#", "@")):
                    entry = HostKeyEntry.from_line(line, number)
                    if entry is None or entry.key is None or entry.key.get_base64() in revoked:
                        continue
                    for name in entry.hostnames or ():
                        client.get_host_keys().add(name, entry.key.get_name(), entry.key)
        except FileNotFoundError:
            if "known_hosts_path" in self._settings.model_fields_set:
                raise ConfigError(f"known_hosts_path {path} is not there; name the file of trusted host keys") from None
            revoked = set()
        except (InvalidHostKey, paramiko.SSHException, ValueError, OSError):
            raise ConfigError(f"known_hosts_path {path} cannot be read; it must be as OpenSSH writes it") from None
        client.set_missing_host_key_policy(_RefuseUnknown(str(path), revoked))

    def _said(self, problem: Exception) -> ConnectorError:
        where = f"{self._host}:{self._port}"
        if isinstance(problem, paramiko.BadHostKeyException):
            return ConfigError(
                f"{where} shows another host key than {self._settings.known_hosts_path} has: {problem.key.get_name()} "
                f"{problem.key.fingerprint} instead of {problem.expected_key.get_name()} "
                f"{problem.expected_key.fingerprint}; nothing was sent, ask its owner before you change the file"
            )
        if isinstance(problem, paramiko.AuthenticationException):
            return ConfigError(
                f"{where} refused to let in {self._username or 'the user of this process'} "
                f"({self._means()}); check the user, and that the server knows the key"
            )
        if isinstance(problem, paramiko.SSHException) and "No authentication methods" in str(problem):
            return ConfigError(f"{where}: give private_key_path, or password: ${{NAME}}, to log in with")
        if isinstance(problem, paramiko.ssh_exception.IncompatiblePeer):
            return FatalError(f"{where} offers no method of encryption that is still safe; its owner must renew it")
        if isinstance(problem, socket.gaierror):
            return RetriableError(f"{self._host} is not a known host; check path and the network")
        return RetriableError(f"{where} cannot be reached by SFTP ({why(problem)}); check path, or try again later")

    def _means(self) -> str:
        tried = [f"key {self._settings.private_key_path}"] if self._settings.private_key_path else []
        return " and ".join([*tried, "password"] if self._settings.password else tried) or "no key and no password"

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        found = self.ftp.open(path, mode)
        found.MAX_REQUEST_SIZE = _REQUEST
        return found

    def mv(self, old: str, new: str, **kwargs: Any) -> None:
        """Rename. A file that is there already is not replaced."""
        self.ftp.rename(self._strip_protocol(old), self._strip_protocol(new))
