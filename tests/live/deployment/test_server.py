"""The parts of a server together: who gets in through the proxy, and that a run goes its way through all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from otc_pipelines.defs.home import LOCATION
from tests.live.deployment import topology as parts
from tests.live.deployment.topology import Topology
from tests.live.postgres import Server

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.xdist_group("deployment"),
    pytest.mark.skipif(bool(parts.missing()), reason=parts.missing() or "-"),
]


@pytest.fixture(scope="module")
def server(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with parts.serving(postgres, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/graphql", "/server_info", "/assets", "/healthz", "/static/js/main.js"])
def test_nobody_gets_in_without_the_password(server: Topology, path: str) -> None:
    for answer in (
        server.ask(path, signed_in=False),
        server.ask(path, signed_in=False, **server.login("wrong")),
        server.ask(path, signed_in=False, body={"query": "{ version }"}),
    ):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert "dagster" not in answer.body.lower()


def test_whoever_signs_in_sees_the_ui_with_headers_that_protect_it(server: Topology) -> None:
    answer = server.ask("/")
    assert answer.status == 200
    assert "/_next/static" in answer.body
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "/" not in answer.headers["Server"], "it names its version"


def test_without_tls_there_is_only_the_way_to_tls(server: Topology) -> None:
    answer = server.plain("/runs?x=1")
    assert answer.status == 308
    assert answer.headers["Location"] == f"https://localhost:{server.https}/runs?x=1"
    assert server.plain("/healthz").status == 200


def test_another_site_cannot_use_the_password_that_a_browser_remembers(server: Topology) -> None:
    question = {"query": "{ version }"}
    own = f"https://localhost:{server.https}"
    assert server.ask("/graphql", body=question, Sec_Fetch_Site="same-origin", Origin=own).status == 200
    assert server.ask("/graphql", body=question, Sec_Fetch_Site="cross-site").status == 403
    assert server.ask("/graphql", body=question, Origin="https://evil.example").status == 403
    assert server.ask("/graphql?query=%7Bversion%7D", Sec_Fetch_Site="cross-site").status == 403
    assert server.ask("/runs", Sec_Fetch_Site="cross-site").status == 200, "a link from a mail still opens"


def test_what_changes_while_one_looks_comes_through(server: Topology) -> None:
    url, own = f"wss://localhost:{server.https}/graphql", f"https://localhost:{server.https}"
    with connect(
        url, additional_headers=server.login(), origin=own, subprotocols=["graphql-ws"], ssl=server.trust()
    ) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv(timeout=30))["type"] == "connection_ack"
    handshake = {  # asked plainly: the client above may wait for a refusal that it has until the server hangs up
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Protocol": "graphql-ws",
    }
    assert server.ask("/graphql", signed_in=False, Origin=own, **handshake).status == 401
    assert server.ask("/graphql", Origin="https://evil.example", **handshake).status == 403


def test_a_run_goes_from_the_proxy_through_queue_daemon_and_code_location(server: Topology, postgres: Server) -> None:
    daemons = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
    run_id = server.launch("whole_way", LOCATION)
    assert server.ended(run_id) == "SUCCESS", server.said("code")[-3000:]
    said = server.graphql(daemons)["instance"]["daemonHealth"]["allDaemonStatuses"]
    assert {d["daemonType"] for d in said if d["required"] and not d["healthy"]} == set()
    assert server.ask("/server_info").status == 200
    owners = "select distinct schemaname, tableowner from pg_tables where schemaname in ('marts', 'raw_files')"
    assert set(postgres.execute(owners, server.warehouse)) == {("marts", "transformer"), ("raw_files", "loader")}
    environment = Path(f"/proc/{server.processes['webserver'].pid}/environ").read_bytes()
    password = (server.secrets / "warehouse_password").read_bytes()
    assert password not in environment, "only the code location knows the way into the warehouse"
    assert password.decode() not in "".join(server.said(p) for p in ("code", "webserver", "daemon", "proxy"))
    log = (server.folder / "access.log").read_text()
    assert "operator" in log
    assert server.password not in log
