"""A server as deploy/ describes it, without containers: PostgreSQL, code location, daemon, webserver, nginx in front.

Belongs here: starting and stopping the processes, asking through the proxy. Not here: what is expected of them. The
secrets come from deploy/prepare.sh, the proxy's settings from deploy/proxy: the same files that compose uses.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import os
import re
import shutil
import ssl
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.live.postgres import Server, free_port

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
USER = "operator"
_START = 240
_OTC = [sys.executable, "-W", "ignore", "-c", "from otc_pipelines.cli import main; main()"]
_QUERY = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def missing() -> str:
    """Why there can be no such server here, or ''."""
    for program, why in (("nginx", "no nginx on this machine"), ("openssl", "no openssl on this machine")):
        if shutil.which(program) is None:
            return why
    return "" if importlib.util.find_spec("dagster_postgres") else "dagster-postgres is not installed (extra deploy)"


@dataclass(frozen=True)
class Answer:
    """What the proxy answered."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Topology:
    """A running server and how to ask it."""

    folder: Path
    secrets: Path
    password: str
    https: int
    http: int
    webserver: int
    warehouse: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def login(self, password: str | None = None) -> dict[str, str]:
        """The header that signs the operator in."""
        word = f"{USER}:{self.password if password is None else password}"
        return {"Authorization": "Basic " + base64.b64encode(word.encode()).decode()}

    def trust(self) -> ssl.SSLContext:
        """Trust in the proxy's certificate, and in no other."""
        return ssl.create_default_context(cafile=str(self.secrets / "tls.crt"))

    def ask(
        self, path: str, *, signed_in: bool = True, body: Any = None, method: str | None = None, **headers: str
    ) -> Answer:
        """Ask through the proxy, over TLS; redirects are not followed."""
        sent = {k.replace("_", "-"): v for k, v in headers.items()} | (self.login() if signed_in else {})
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"https://localhost:{self.https}{path}", content, sent, method=method)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.trust()), _NotFollowing())
        return _answered(opener, request)

    def plain(self, path: str) -> Answer:
        """Ask the proxy without TLS."""
        opener = urllib.request.build_opener(_NotFollowing())
        return _answered(opener, urllib.request.Request(f"http://localhost:{self.http}{path}"))

    def graphql(self, query: str, **variables: Any) -> Any:
        """Ask Dagster through the proxy."""
        answer = self.ask("/graphql", body={"query": query, "variables": variables})
        assert answer.status == 200, answer
        said = json.loads(answer.body)
        assert not said.get("errors"), said
        return said["data"]

    def launch(self, job: str, location: str) -> str:
        """Queue a run of a job, as the UI does; return its id."""
        selector = {"repositoryLocationName": location, "repositoryName": "__repository__", "pipelineName": job}
        said = self.graphql(_LAUNCH, p={"selector": selector, "runConfigData": {}, "mode": "default"})
        assert said["launchRun"]["__typename"] == "LaunchRunSuccess", said
        return str(said["launchRun"]["run"]["runId"])

    def ended(self, run_id: str, seconds: float = 300) -> str:
        """Wait for a run's end; return its status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = str(self.graphql(_QUERY, id=run_id)["runOrError"]["status"])
            if status in ("SUCCESS", "FAILURE", "CANCELED"):
                return status
            time.sleep(1)
        return "it does not end"

    def said(self, part: str) -> str:
        """What a part wrote to its log."""
        return (self.folder / f"{part}.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def serving(postgres: Server, folder: Path) -> Iterator[Topology]:
    """Start all parts, in the order of compose.yaml, and stop them by pid."""
    secrets = folder / "secrets"
    told = subprocess.run(
        [str(DEPLOY / "prepare.sh"), str(secrets), "localhost"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(rf"{USER} with the password (\w+)", told)
    assert found
    topology = Topology(folder, secrets, found[1], free_port(), free_port(), free_port())
    databases = _databases(postgres, secrets)
    topology.warehouse = urlsplit(databases["OTC_WAREHOUSE_URL"]).path[1:]
    code, home = f"127.0.0.1:{free_port()}", folder / "state" / "dagster"
    config = _config(folder)
    own = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH", "TMPDIR", "HOME")}
    own |= {"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        where = ["--port", code.rpartition(":")[2], "--config", str(config)]
        mine = own | _env_file(secrets / "code.env", databases)
        _set_up(mine | {"OTC_WAREHOUSE_ADMIN_URL": postgres.url()}, config)
        _start(topology, "code", mine, where)
        _wait(topology, "code", lambda: _serves_grpc(code))
        shared = own | _env_file(secrets / "dagster.env", databases)
        _start(topology, "webserver", shared, ["--port", str(topology.webserver), "--code", code])
        _start(topology, "daemon", shared, ["--code", code])
        _proxy(topology)
        _wait(topology, "webserver", lambda: topology.ask("/server_info").status == 200)
        yield topology
    finally:
        for process in reversed(topology.processes.values()):
            process.terminate()
        for process in topology.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in databases.values():
            postgres.drop(urlsplit(name).path[1:])


def _databases(postgres: Server, secrets: Path) -> dict[str, str]:
    """Databases with owners of their own, as deploy/postgres makes them; the URLs by their variables' names."""
    found = {}
    for variable, role in (("OTC_DAGSTER_URL", "dagster"), ("OTC_WAREHOUSE_URL", "warehouse")):
        password = (secrets / f"{role}_password").read_text().strip()
        database = postgres.fresh()
        postgres.execute(f"create role {role}_{database} login password '{password}'")
        postgres.execute(f"alter database {database} owner to {role}_{database}")
        found[variable] = postgres.url(database, f"{role}_{database}", password)
    return found


def _config(folder: Path) -> Path:
    """The example of deploy/, with folders of its own, and one customer with one invoice in them."""
    text = (DEPLOY / "otc.example.yaml").read_text(encoding="utf-8")
    assert "data_dir: /var/lib/otc" in text
    (folder / "otc.yaml").write_text(text.replace("/var/lib/otc", str(folder / "state")), encoding="utf-8")
    example = ROOT / "docs" / "examples" / "first_invoice"
    shutil.copytree(example / "drop", folder / "inbox" / "erp")
    shutil.copytree(example / "bank", folder / "inbox" / "bank")
    return folder / "otc.yaml"


def _env_file(path: Path, databases: Mapping[str, str]) -> dict[str, str]:
    lines = [li for li in path.read_text(encoding="utf-8").splitlines() if li and not li.startswith("#")]
    found = {}
    for name, _, url in (line.partition("=") for line in lines):
        found[name] = url.partition("://")[0] + "://" + databases[name].partition("://")[2]
    return found


def _set_up(environment: Mapping[str, str], config: Path) -> None:
    """The warehouse's roles, made as docs/deploy.md says: by an administrator, once, before anything is started."""
    command = [*_OTC, "init", "--warehouse", "--config", str(config)]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _start(topology: Topology, part: str, environment: Mapping[str, str], more: list[str]) -> None:
    command = [*_OTC, "serve", part, *more]
    with (topology.folder / f"{part}.log").open("wb") as log:
        topology.processes[part] = subprocess.Popen(
            command, env=dict(environment), cwd=topology.folder, stdout=log, stderr=log
        )


def _proxy(topology: Topology) -> None:
    """nginx with the template of deploy/, filled in as the image of compose does it: variables named OTC_ alone."""
    values = {
        "OTC_HTTP_LISTEN": f"127.0.0.1:{topology.http}",
        "OTC_HTTPS_LISTEN": f"127.0.0.1:{topology.https}",
        "OTC_HTTPS_SUFFIX": f":{topology.https}",
        "OTC_SERVER_NAME": "localhost",
        "OTC_ACCESS_LOG": str(topology.folder / "access.log"),
        "OTC_FILES": str(topology.secrets),
        "OTC_UPSTREAM": f"127.0.0.1:{topology.webserver}",
    }
    template = (DEPLOY / "proxy" / "otc.conf.template").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(values)
    room = topology.folder / "nginx"
    (room / "tmp").mkdir(parents=True)
    (room / "otc.conf").write_text(re.sub(r"\$\{(OTC_\w+)\}", lambda m: values[m[1]], template), encoding="utf-8")
    places = "".join(
        f"{kind}_temp_path {room}/tmp/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (room / "nginx.conf").write_text(
        string.Template(
            "$user daemon off; worker_processes 1; pid $room/pid; error_log $room/error.log warn;\n"
            "events {}\nhttp { $places include $room/otc.conf; }\n"
        ).substitute(user=user, room=room, places=places),
        encoding="utf-8",
    )
    command = ["nginx", "-p", str(room), "-e", str(room / "error.log"), "-c", str(room / "nginx.conf")]
    with (topology.folder / "proxy.log").open("wb") as log:
        topology.processes["proxy"] = subprocess.Popen(command, stdout=log, stderr=log)


def _serves_grpc(address: str) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        try:
            said = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service="DagsterApi"), timeout=5
            )
        except grpc.RpcError:
            return False
        return bool(said.status == health_pb2.HealthCheckResponse.SERVING)


def _wait(topology: Topology, part: str, ready: Any) -> None:
    deadline = time.monotonic() + _START
    while True:
        with contextlib.suppress(OSError, AssertionError):
            if ready():
                return
        for name, process in topology.processes.items():
            assert process.poll() is None, f"{name} ended by itself: {topology.said(name)[-2000:]}"
        assert time.monotonic() < deadline, f"{part} does not answer: {topology.said(part)[-2000:]}"
        time.sleep(0.5)


def _answered(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Answer:
    try:
        with opener.open(request, timeout=60) as answer:
            return Answer(answer.status, _joined(answer.headers), answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, _joined(refused.headers), refused.read().decode("utf-8", "replace"))


def _joined(headers: Message) -> dict[str, str]:
    return {name: ", ".join(headers.get_all(name) or []) for name in headers}


class _NotFollowing(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None
