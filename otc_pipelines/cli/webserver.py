"""``otc ui``: Dagster's webserver, and the daemon that runs schedules and sensors, on loopback until Ctrl-C.

Belongs here: starting and stopping them. Not here: what they show (``definitions``). Dagster has no login of its own:
it is never bound to anything but 127.0.0.1.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType

from connectors.kit.errors import ConfigError
from otc_pipelines.cli.output import console
from otc_pipelines.settings import Instance

_HOST = "127.0.0.1"
_IN_TREE = Path(__file__).resolve().parents[2] / "workspace.yaml"
_GRACE_SECONDS = 20


def serve(instance: Instance, port: int, read_only: bool) -> int:
    """Serve until stopped; return the exit code. ConfigError when the port is taken."""
    from otc_pipelines.defs.home import dagster_home

    _require_free(port)
    environment = {
        **os.environ,
        "OTC_CONFIG": str(instance.path),
        "DAGSTER_HOME": str(dagster_home(instance)),
        "PYTHONWARNINGS": "ignore",
        "GRPC_VERBOSITY": "NONE",
    }
    mode = "to look at only; " if read_only else ""
    console.print(f"Dagster UI of {instance.company.name}: http://{_HOST}:{port} ({mode}Ctrl-C stops it)")
    console.print("  /asset-groups  the graph: every step from the sources to the targets")
    console.print("  /runs          every run, with what it said and how long each step took")
    if not read_only:
        console.print("  /automation    times and sensors; those that start something are off until they are turned on")
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        process.terminate()

    # Set before the start: what is started must not inherit that an interrupt is ignored, or it cannot be stopped.
    ended = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, signal.default_int_handler) for number in ended}
    try:
        process = subprocess.Popen(
            _command(port, read_only), env=environment, cwd=instance.path.parent, start_new_session=True
        )
        for number in ended:
            signal.signal(number, stop)
        try:
            code = process.wait()
        finally:
            _end(process)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if stopping or code == 0 else 3


def _command(port: int, read_only: bool) -> list[str]:
    """The webserver alone cannot start anything; with the daemon, schedules and sensors run."""
    where = ["--host", _HOST, "--port", str(port), "--workspace", str(_workspace())]
    if read_only:
        return [sys.executable, "-m", "dagster_webserver", *where, "--read-only", "--log-level", "warning"]
    return [sys.executable, "-m", "dagster", "dev", *where, "--log-level", "warning"]


def _workspace() -> Path:
    """The workspace file: inside the installed package, or beside it in a source tree."""
    packaged = files("otc_pipelines") / "_data" / "workspace.yaml"
    if packaged.is_file():
        with as_file(packaged) as path:
            return Path(path)
    return _IN_TREE


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OverflowError:
            raise ConfigError(f"--port {port} is not a port; name one from 1024 to 65535") from None
        except OSError as problem:
            raise ConfigError(f"--port {port} cannot be used: {problem.strerror}; name another with --port") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
