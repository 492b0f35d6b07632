"""Which addresses a connection may go to: checked on the resolved name, and again on the socket that was opened.

Belongs here: private, loopback and link-local addresses, urllib3's connection classes. Not here: HTTP semantics.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from connectors.kit.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Say whether the host is this machine by its spelling alone (no look-up)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_address(host: str, address: str, *, allow_private: bool) -> None:
    """Raise ConfigError when the address is not one to send credentials to.

    Link-local, multicast and unspecified addresses are always refused: cloud metadata services live there.
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        raise ConfigError(f"{host} is at {ip}, a link-local or multicast address; nothing is sent there")
    if not ip.is_global and not allow_private:
        raise ConfigError(f"{host} is at {ip}, a private address; set allow_private: true if that is meant")


def _refuse_name(host: str, port: int | None, allow_private: bool) -> None:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        return  # the connection itself says that the name is not known
    for *_, sockaddr in found:
        refuse_address(host, str(sockaddr[0]), allow_private=allow_private)


def _checked(sock: socket.socket, host: str, allow_private: bool) -> socket.socket:
    try:
        refuse_address(host, str(sock.getpeername()[0]), allow_private=allow_private)
    except ConfigError:
        sock.close()
        raise
    return sock


def _pools(allow_private: bool) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            if self.proxy is not None:  # the proxy resolves the name, and is itself often private
                return super()._new_conn()
            _refuse_name(self.host, self.port, allow_private)
            return _checked(super()._new_conn(), self.host, allow_private)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            if self.proxy is not None:
                return super()._new_conn()
            _refuse_name(self.host, self.port, allow_private)
            return _checked(super()._new_conn(), self.host, allow_private)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class GuardedPoolManager(PoolManager):
    """A pool manager whose connections refuse addresses that the settings do not allow."""

    def __init__(self, *, allow_private: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_classes_by_scheme = _pools(allow_private)
