"""What tests of the UI share: ``otc ui`` on a free port until the test ends, and where pictures are kept.

Belongs here: starting, stopping, naming. Not here: what is looked at.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otc_pipelines.settings import Instance
from tests.pipeline.house import ROOT


def artefacts() -> Path:
    """The folder that keeps pictures after the tests: ``OTC_ARTEFACTS``, else ``artefacts/ui`` of the project."""
    return Path(os.environ.get("OTC_ARTEFACTS") or ROOT / "artefacts") / "ui"


def shown(url: str) -> bool:
    """Say whether the UI answers."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, query: str) -> dict[str, Any]:
    """What the UI's own interface answers: the state behind what is seen."""
    body = json.dumps({"query": query}).encode()
    asked = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        said: dict[str, Any] = json.load(answer)
    assert "errors" not in said, said["errors"]
    data: dict[str, Any] = said["data"]
    return data


def recorded(url: str) -> list[dict[str, Any]]:
    """The runs on record, the oldest first: id, job, status, tags."""
    found = ask(
        url, "{ runsOrError(limit: 50) { ... on Runs { results { runId jobName status tags { key value } } } } }"
    )
    runs: list[dict[str, Any]] = found["runsOrError"]["results"]
    return runs[::-1]


@contextmanager
def serving(instance: Instance, *words: str) -> Iterator[str]:
    """Run ``otc ui`` of an instance and give its address; end it as a person does, by Ctrl-C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("otc")), "ui", *words, "--port", str(port)]
    process = subprocess.Popen([*command, "--config", str(instance.path)], stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while not shown(url):
            assert process.poll() is None, "otc ui ended by itself"
            assert time.monotonic() < deadline, "otc ui does not answer"
            time.sleep(1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert said.startswith(f"Dagster UI of Acme: {url}")
    assert not shown(url)
