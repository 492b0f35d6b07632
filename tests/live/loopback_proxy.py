"""A proxy on loopback for clients whose login host is fixed: it takes them to a port of this machine, and nowhere else.

Belongs here: CONNECT, and where each host leads. Not here: TLS: the bytes pass through, and the server behind it shows
a certificate for the host that was asked for, by an authority that the test trusts.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass
class Proxy:
    """A running proxy: its address, the hosts that were asked for and those that it refused."""

    url: str
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextlib.contextmanager
def leading(hosts: Mapping[str, int]) -> Iterator[Proxy]:
    """Serve ``host:port`` → port of this machine; any other is refused."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = self.rfile.readline().decode("latin-1").split()
            while self.rfile.readline().strip():
                pass
            target = words[1] if len(words) == 3 and words[0] == "CONNECT" else " ".join(words)
            proxy.asked.append(target)
            if target not in hosts:
                proxy.refused.append(target)
                self.wfile.write(_REFUSED)
                return
            with socket.create_connection(("127.0.0.1", hosts[target])) as there:
                self.wfile.write(_OPEN)
                _both_ways(self.connection, there)

    server = _Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of the proxy."""


def _both_ways(here: socket.socket, there: socket.socket) -> None:
    other = {here: there, there: here}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select([here, there], [], [])[0]:
                came = ready.recv(65536)
                if not came:
                    return
                other[ready].sendall(came)
