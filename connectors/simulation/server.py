"""A loopback HTTP(S) server for simulated vendors: threads, a request log on disk, faults at the wire.

Belongs here: sockets, requests and answers, what every vendor's wire can suffer. Not here: any vendor's dialect: that
is the ``App`` a simulator gives.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from connectors.simulation.certificates import ca_bundle, server_context
from connectors.simulation.faults import Fault, Faults

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


@dataclass(frozen=True)
class Request:
    """A request as it came. Header names are lower case; the path has no query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Parse the body; ValueError where it is not JSON."""
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """Parse a form body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What to answer. ``note`` goes into the request log only: what a test may want to count."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)


App: TypeAlias = Callable[[Request], Answer]


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, **note: Any) -> Answer:
    """Answer with JSON."""
    merged = {"Content-Type": "application/json;charset=UTF-8", **(headers or {})}
    return Answer(status, json.dumps(value).encode(), merged, note)


class LoopbackServer:
    """Serves an app on 127.0.0.1 until it is closed. Use as a context manager."""

    def __init__(
        self,
        app: App,
        state_dir: Path,
        *,
        port: int = 0,
        tls: bool = True,
        faults: Faults | None = None,
        on_fault: Callable[[Fault], None] | None = None,
        asks: Callable[[Request], str] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.state_dir = state_dir
        self.faults = faults or Faults()
        self.app = app
        self.on_fault = on_fault
        self._asks = asks or (lambda request: request.path)  # what a fault's path is matched with
        self.stopping = Event()
        self._log = state_dir / "requests.jsonl"
        self._log_lock = Lock()
        self.ca_bundle = ca_bundle(state_dir, names) if tls else None
        self._http = _Server(("127.0.0.1", port), self, server_context(state_dir) if tls else None)
        self.port = int(self._http.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and close every connection."""
        self.stopping.set()
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join()

    def log(self) -> list[dict[str, Any]]:
        """Return all requests that ever came, oldest first: method, path, query, status, what the app noted."""
        with self._log_lock:
            if not self._log.exists():
                return []
            return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def record(self, request: Request, status: int, note: Mapping[str, Any]) -> None:
        """Write a line of the log. Credentials are not kept, only whether some came."""
        line = {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "credential": "authorization" in request.headers,
            "bytes": len(request.body),
            "status": status,
            **note,
        }
        with self._log_lock, self._log.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def answer(self, request: Request) -> tuple[Answer | None, float]:
        """Return the answer, and how long to hold the connection; no answer: the connection breaks."""
        asked = self._asks(request)
        met = self.faults.fires(
            ("rate_limit", "unavailable", "html", "drop", "redirect", "expire_token"), request.method, asked
        )
        if met is not None:
            refused = self._before(met)
            if refused is not None or met.kind == "drop":
                self.record(request, refused.status if refused else 0, {"fault": met.kind})
                return refused, 0.0
        answer = self.app(request)
        after = self.faults.fires(("lose_answer", "truncate"), request.method, asked)
        if after is None:
            self.record(request, answer.status, answer.note)
            return answer, 0.0
        self.record(request, answer.status, {**answer.note, "fault": after.kind})
        if after.kind == "lose_answer":
            return None, after.seconds
        return replace(answer, body=answer.body[: len(answer.body) // 2]), 0.0

    def _before(self, fault: Fault) -> Answer | None:
        if self.on_fault is not None:
            self.on_fault(fault)
        if fault.kind == "rate_limit":
            return Answer(429, b"", {"Retry-After": f"{fault.seconds:g}"})
        if fault.kind == "unavailable":
            return Answer(fault.status, fault.body.encode(), {"Content-Type": "application/json"})
        if fault.kind == "html":
            return Answer(200, HTML, {"Content-Type": "text/html; charset=utf-8"})
        if fault.kind == "redirect":
            return Answer(307, b"", {"Location": fault.url})
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], owner: LoopbackServer, context: ssl.SSLContext | None) -> None:
        self.owner = owner
        self._context = context
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:  # the handshake happens on first read, in the connection's own thread
            sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        with self._open_lock:
            self._open.add(sock)
        return sock, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Break connections that are idle, so that no thread waits for a client that is gone."""
        with self._open_lock:
            still = list(self._open)
        for sock in still:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of the server; a bug in an app answers 500 before it gets here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep stderr quiet; requests are logged by the owner."""

    def _handle(self) -> None:
        owner = self.server.owner
        split = urlsplit(self.path)
        request = Request(
            self.command,
            split.path,
            dict(parse_qsl(split.query, keep_blank_values=True)),
            {k.lower(): v for k, v in self.headers.items()},
            self._body(),
        )
        try:
            answer, hold = owner.answer(request)
        except Exception as error:
            owner.record(request, 500, {"bug": f"{type(error).__name__}: {error}"})
            answer, hold = Answer(500, f"{type(error).__name__}".encode(), {"Content-Type": "text/plain"}), 0.0
        if answer is None:
            owner.stopping.wait(hold)
            self.close_connection = True
            return
        self.send_response_only(answer.status, HTTPStatus(answer.status).phrase)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
