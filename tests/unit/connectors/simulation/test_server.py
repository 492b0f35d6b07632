from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from connectors.kit.errors import RetriableError
from connectors.kit.http import HttpPolicy, Session
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, LoopbackServer, Request, json_answer


def echo(request: Request) -> Answer:
    if request.path == "/bug":
        raise RuntimeError("a bug")
    said = {"method": request.method, "path": request.path, "query": dict(request.query), "body": request.body.decode()}
    return json_answer(said, 200, {"X-Seen": request.headers.get("x-mine", "")}, writes=1)


def policy(server: LoopbackServer) -> HttpPolicy:
    return HttpPolicy(allow_private=True, ca_bundle=server.ca_bundle, attempts=1)


@pytest.mark.parametrize("tls", [True, False])
def test_requests_arrive_whole_and_are_logged_without_credentials(tmp_path: Path, tls: bool) -> None:
    with LoopbackServer(echo, tmp_path, tls=tls) as server, Session(server.url, policy(server)) as http:
        headers = {"Authorization": "Bearer SECRET", "X-Mine": "1"}
        answer = http.patch(f"{server.url}/a%20b?q=x%26y&e=", data="bödy".encode(), headers=headers)
        assert answer.json() == {"method": "PATCH", "path": "/a%20b", "query": {"q": "x&y", "e": ""}, "body": "bödy"}
        assert answer.headers["X-Seen"] == "1"
        chunked = http.post(f"{server.url}/c", data=iter([b"one", b"two"]))
        assert chunked.json()["body"] == "onetwo"
        first, second = server.log()
        assert (first["method"], first["credential"], first["writes"], first["bytes"]) == ("PATCH", True, 1, 5)
        assert (second["path"], second["credential"]) == ("/c", False)
        assert "SECRET" not in (tmp_path / "requests.jsonl").read_text()


def test_a_bug_in_a_simulator_shows_in_its_log(tmp_path: Path) -> None:
    with LoopbackServer(echo, tmp_path, tls=False) as server, Session(server.url, policy(server)) as http:
        assert http.get(f"{server.url}/bug").status_code == 500
        assert server.log()[0]["bug"] == "RuntimeError: a bug"


def test_the_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with LoopbackServer(echo, tmp_path, tls=False) as server, Session(server.url, policy(server)) as http:
            http.get(server.url)
    assert len(server.log()) == 2


def test_a_server_that_holds_an_answer_still_stops_at_once(tmp_path: Path) -> None:
    held = Faults(Fault("lose_answer", seconds=600))
    with LoopbackServer(echo, tmp_path, tls=True, faults=held) as server:
        patience = HttpPolicy(allow_private=True, ca_bundle=server.ca_bundle, attempts=1, read_timeout=0.2)
        with Session(server.url, patience) as http, pytest.raises(RetriableError, match="did not answer"):
            http.get(server.url)
        assert server.log()[0]["fault"] == "lose_answer"


def test_the_certificate_is_for_loopback_and_of_its_own_authority(tmp_path: Path) -> None:
    with LoopbackServer(echo, tmp_path) as server:
        assert server.ca_bundle is not None
        context = ssl.create_default_context(cafile=str(server.ca_bundle))
        for name in ("127.0.0.1", "localhost"):
            with (
                socket.create_connection(("127.0.0.1", server.port)) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                assert secure.version() in ("TLSv1.2", "TLSv1.3")
        with socket.create_connection(("127.0.0.1", server.port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="elsewhere.example")
        assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0


def test_only_this_machine_is_listened_to(tmp_path: Path) -> None:
    with LoopbackServer(echo, tmp_path, tls=False) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        with pytest.raises(OSError, match=r"."), socket.create_connection(("127.0.0.2", server.port), timeout=1):
            pytest.fail("another address answers")
