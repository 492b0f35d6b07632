# ruff: noqa: SIM117 - the inner block is the one that raises
from __future__ import annotations

import gzip
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.kit.http import AnswerLostError, HttpPolicy, Origin, Session, refuse_status, require_secure
from connectors.kit.pinning import refuse_address
from connectors.kit.rate import RateBudget
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, App, LoopbackServer, Request, json_answer

LOCAL = HttpPolicy(allow_private=True, first_wait=0.01, longest_wait=5, read_timeout=5)


def hello(request: Request) -> Answer:
    return json_answer({"hello": request.path})


@contextmanager
def served(folder: Path, app: App = hello, *faults: Fault, tls: bool = False) -> Iterator[LoopbackServer]:
    with LoopbackServer(app, folder, tls=tls, faults=Faults(*faults)) as server:
        yield server


@contextmanager
def session(
    server: LoopbackServer, policy: HttpPolicy = LOCAL, sleep: Callable[[float], None] = lambda seconds: None
) -> Iterator[Session]:
    with Session(server.url, policy, sleep=sleep, budget=RateBudget()) as opened:
        yield opened


def test_an_answer_is_read_with_decimals_and_no_floats(tmp_path: Path) -> None:
    body = Answer(200, b'{"amount": 0.1, "big": 99999999999999.9999}', {"Content-Type": "application/json"})
    with served(tmp_path, lambda request: body) as server, session(server) as http:
        assert http.get(server.url).json() == {"amount": Decimal("0.1"), "big": Decimal("99999999999999.9999")}


@pytest.mark.parametrize("body", [b'{"a": [1, 2', b"", b'{"a": NaN}', b"not json", b"\xff\xfe"])
def test_a_body_that_is_not_whole_json_is_refused(tmp_path: Path, body: bytes) -> None:
    answer = Answer(200, body, {"Content-Type": "application/json"})
    with served(tmp_path, lambda request: answer) as server, session(server) as http:
        with pytest.raises(RetriableError, match="not whole JSON"):
            http.get(server.url).json()


def test_html_where_data_was_expected_names_its_type(tmp_path: Path) -> None:
    with served(tmp_path, hello, Fault("html")) as server, session(server) as http:
        with pytest.raises(RetriableError, match="text/html where data was expected"):
            http.get(server.url).json()


class TestPinned:
    @pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1/x", "https://example.com/", "http://localhost:{port}/x"])
    def test_another_origin_is_refused_before_anything_is_sent(self, tmp_path: Path, elsewhere: str) -> None:
        with served(tmp_path) as server, session(server) as http:
            with pytest.raises(FatalError, match="was refused"):
                http.get(elsewhere.format(port=server.port), headers={"Authorization": "Bearer secret"})

    def test_a_redirect_to_another_host_is_not_followed(self, tmp_path: Path) -> None:
        with served(tmp_path / "b") as other:
            redirect = Fault("redirect", url=f"{other.url}/steal")
            with served(tmp_path / "a", hello, redirect) as server, session(server) as http:
                with pytest.raises(FatalError, match=f"{other.port} was refused"):
                    http.get(f"{server.url}/x", headers={"Authorization": "Bearer secret"})
            assert other.log() == []

    def test_a_redirect_on_the_same_origin_is_followed(self, tmp_path: Path) -> None:
        with served(tmp_path, hello, Fault("redirect", url="/there")) as server, session(server) as http:
            answer = http.get(f"{server.url}/here")
            assert answer.json() == {"hello": "/there"} and [h.status_code for h in answer.history] == [307]

    def test_a_user_name_in_a_link_is_refused(self, tmp_path: Path) -> None:
        with served(tmp_path) as server, session(server) as http:
            with pytest.raises(FatalError, match="user name"):
                http.get(f"http://evil@127.0.0.1:{server.port}/")

    def test_dlt_rest_client_cannot_be_led_away_by_a_next_link(self, tmp_path: Path) -> None:
        with served(tmp_path / "b") as other:

            def led_away(request: Request) -> Answer:
                return json_answer({"rows": [{"id": 1}], "next": f"{other.url}/page2"})

            with served(tmp_path / "a", led_away) as server, session(server) as http:
                client = RESTClient(
                    server.url,
                    headers={"Authorization": "Bearer secret"},
                    session=http,
                    paginator=JSONLinkPaginator(next_url_path="next"),
                    data_selector="rows",
                )
                with pytest.raises(FatalError, match="was refused"):
                    list(client.paginate("/page1"))
            assert other.log() == []

    @pytest.mark.parametrize(
        "address", ["10.0.0.3", "192.168.1.9", "127.0.0.1", "::1", "fd00::1", "100.64.0.1", "::ffff:10.0.0.1"]
    )
    def test_a_private_address_is_refused_unless_allowed(self, address: str) -> None:
        with pytest.raises(ConfigError, match="private address; set allow_private"):
            refuse_address("crm.example.com", address, allow_private=False)
        refuse_address("crm.example.com", address, allow_private=True)

    @pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "224.0.0.1", "0.0.0.0", "::"])
    def test_link_local_is_refused_always(self, address: str) -> None:
        with pytest.raises(ConfigError, match="link-local"):
            refuse_address("crm.example.com", address, allow_private=True)

    def test_a_private_address_gets_no_request(self, tmp_path: Path) -> None:
        with served(tmp_path) as server, session(server, HttpPolicy()) as http:
            with pytest.raises(ConfigError, match="allow_private"):
                http.get(server.url)
            assert server.log() == []

    def test_a_name_that_turns_private_after_the_check_gets_no_request(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
        with served(tmp_path) as server:
            monkeypatch.setattr("connectors.kit.pinning.socket.getaddrinfo", lambda *a, **k: public)
            monkeypatch.setattr(
                "urllib3.util.connection.create_connection",
                lambda address, *a, **k: _connect(server.port),
            )
            with Session("http://rebound.example", HttpPolicy(), sleep=lambda seconds: None) as http:
                with pytest.raises(ConfigError, match="private address"):
                    http.get("http://rebound.example/")
            assert server.log() == []

    def test_origin_compares_scheme_host_and_port(self) -> None:
        assert Origin.of("https://Acme.example/x?y") == Origin.of("https://acme.example:443")
        assert Origin.of("https://acme.example") != Origin.of("http://acme.example")
        assert Origin.of("https://acme.example") != Origin.of("https://acme.example:8443")
        assert str(Origin.of("https://[::1]:8443/x")) == "https://[::1]:8443"

    @pytest.mark.parametrize("bad", ["ftp://x", "acme.example", "https://", "https://h:99999/", "https://u:p@h/"])
    def test_what_is_no_address_is_said(self, bad: str) -> None:
        with pytest.raises(ConfigError) as error:
            Origin.of(bad)
        assert "p@h" not in str(error.value)

    def test_plain_http_is_for_loopback_only(self) -> None:
        with pytest.raises(ConfigError, match="plain http"):
            require_secure("http://crm.example.com", allow_private=True, setting="login_url")
        with pytest.raises(ConfigError, match="plain http"):
            require_secure("http://127.0.0.1:1", allow_private=False, setting="login_url")
        assert require_secure("http://127.0.0.1:1", allow_private=True, setting="login_url").port == 1


def _connect(port: int) -> socket.socket:
    sock = socket.socket()
    sock.connect(("127.0.0.1", port))
    return sock


class TestCertificates:
    def test_our_own_authority_is_trusted_when_it_is_named(self, tmp_path: Path) -> None:
        with served(tmp_path, tls=True) as server:
            policy = HttpPolicy(allow_private=True, ca_bundle=server.ca_bundle)
            with session(server, policy) as http:
                assert http.get(f"{server.url}/x").json() == {"hello": "/x"}

    def test_an_unknown_authority_is_a_setting_to_correct(self, tmp_path: Path) -> None:
        with served(tmp_path, tls=True) as server, session(server) as http:
            with pytest.raises(ConfigError, match="not trusted; set ca_bundle"):
                http.get(server.url)

    def test_verification_cannot_be_switched_off(self, tmp_path: Path) -> None:
        with served(tmp_path, tls=True) as server, session(server) as http:
            with pytest.raises(ConfigError, match="must be verified"):
                http.get(server.url, verify=False)
            http.verify = False
            with pytest.raises(ConfigError, match="must be verified"):
                http.get(server.url)
            assert server.log() == []

    def test_the_environment_does_not_decide(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with served(tmp_path) as server, session(server) as http:
            http.get(server.url)
            assert [line["credential"] for line in server.log()] == [False]

    def test_a_missing_bundle_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"ca_bundle 'gone\.pem'"):
            Session("https://acme.example", HttpPolicy(ca_bundle=tmp_path / "gone.pem"))


class TestErrors:
    def test_an_unreachable_host_is_named(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        policy = HttpPolicy(allow_private=True, attempts=2)
        with Session(f"http://127.0.0.1:{port}", policy, sleep=lambda seconds: None) as http:
            with pytest.raises(RetriableError, match=f"cannot reach 127.0.0.1:{port}") as error:
                http.post(f"http://127.0.0.1:{port}/x")
        assert not isinstance(error.value, AnswerLostError)  # nothing was sent

    def test_an_unknown_name_is_named(self) -> None:
        with Session("https://no-such-host.invalid", HttpPolicy(attempts=1)) as http:
            with pytest.raises(RetriableError, match=r"cannot reach no-such-host\.invalid:443"):
                http.get("https://no-such-host.invalid/")

    def test_a_lost_answer_to_a_write_is_unknown_and_not_sent_again(self, tmp_path: Path) -> None:
        with served(tmp_path, hello, Fault("lose_answer", times=9)) as server, session(server) as http:
            with pytest.raises(AnswerLostError, match="broke before its answer"):
                http.post(f"{server.url}/pay")
            assert len(server.log()) == 1

    def test_a_time_out_of_a_write_is_unknown(self, tmp_path: Path) -> None:
        policy = HttpPolicy(allow_private=True, read_timeout=0.2)
        with served(tmp_path, hello, Fault("lose_answer", seconds=30)) as server, session(server, policy) as http:
            with pytest.raises(AnswerLostError, match=r"did not answer within 0\.2 s"):
                http.patch(f"{server.url}/pay")

    @pytest.mark.parametrize(
        ("status", "kind"), [(401, ConfigError), (403, ConfigError), (404, FatalError), (500, RetriableError)]
    )
    def test_a_status_becomes_what_the_caller_must_do(self, tmp_path: Path, status: int, kind: type[Exception]) -> None:
        with served(tmp_path, lambda request: Answer(status)) as server, session(server) as http:
            with pytest.raises(kind, match=rf"the list.*{status}|{status}.*the list"):
                refuse_status(http.get(server.url), "the list")

    def test_a_body_beyond_the_cap_is_refused_also_when_it_was_small_on_the_wire(self, tmp_path: Path) -> None:
        bomb = Answer(200, gzip.compress(b"0" * 5_000_000), {"Content-Encoding": "gzip"})
        policy = HttpPolicy(allow_private=True, max_body_bytes=100_000)
        with served(tmp_path, lambda request: bomb) as server, session(server, policy) as http:
            with pytest.raises(FatalError, match="more than 100000 bytes"):
                http.get(server.url)


def test_nothing_secret_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with served(tmp_path, hello, Fault("unavailable")) as server, session(server) as http:
        http.get(f"{server.url}/q?key=CUSTOMER-7", headers={"Authorization": "Bearer SECRET-TOKEN"})
        http.post(f"{server.url}/token", data={"client_secret": "SECRET-WORD"})
    assert "/q" in caplog.text and "/token" in caplog.text
    assert "SECRET" not in caplog.text and "CUSTOMER-7" not in caplog.text


def test_threads_share_a_session(tmp_path: Path) -> None:
    with served(tmp_path) as server, session(server) as http:
        got: list[str] = []
        threads = [
            threading.Thread(target=lambda n=n: got.append(http.get(f"{server.url}/{n}").json()["hello"]))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == sorted(f"/{n}" for n in range(20))
