"""An S3 server, moto's, in a process of its own on loopback; stopped by pid.

Belongs here: starting, stopping, buckets and objects. Not here: what an inbox makes of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.live.postgres import free_port

KEY, SECRET = "TESTKEY", "only-on-loopback-secret"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False)
server.start()
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class StoreServer:
    """A running server; ``client`` is botocore's, for the side that sends files."""

    endpoint: str
    client: Any

    def bucket(self) -> str:
        """Make a bucket of its own and return its name."""
        name = f"inbox-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Send an object."""
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def keys(self, bucket: str) -> list[str]:
        """The names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [o["Key"] for page in pages for o in page.get("Contents", [])]


def missing() -> str:
    """Why there can be no server here, or ''."""
    absent = [m for m in ("moto", "flask", "s3fs") if importlib.util.find_spec(m) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextlib.contextmanager
def running() -> Iterator[StoreServer]:
    """Start a server without any bucket and stop it afterwards."""
    import botocore.session

    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVE, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        else:
            raise RuntimeError("moto's server ended at once")
        endpoint = f"http://127.0.0.1:{port}"
        client = botocore.session.Session().create_client(
            "s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id=KEY, aws_secret_access_key=SECRET
        )
        try:
            yield StoreServer(endpoint, client)
        finally:
            client.close()
            process.terminate()


@pytest.fixture(scope="session")
def store() -> Iterator[StoreServer]:
    """A server for as long as the tests of this process run. Skips where there can be none, and says why."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running() as server:
        yield server
