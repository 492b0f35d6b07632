"""``otc serve``: one part of a server, as a process of its own: the code location, the webserver or the daemon.

Belongs here: which program a part is, and what it is told. Not here: a whole UI on one machine (``webserver``), what
is put in front of it (the deployment). A part becomes its program: signals and exit codes are that program's own.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from connectors.kit.errors import ConfigError
from otc_pipelines.settings import load

MODULE = "otc_pipelines.definitions"


class Part(StrEnum):
    """The processes of a server. Only ``code`` knows the configuration and its secrets; it executes the runs."""

    CODE = "code"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


def serve_part(part: Part, host: str, port: int, code: str, config: Path | None, read_only: bool) -> NoReturn:
    """Become one part of a server. ConfigError where something is missing, FatalError where it cannot be reached."""
    from otc_pipelines.defs.home import STORAGE, dagster_home, end_orphans, opened, settled

    if not os.environ.get(STORAGE):
        raise ConfigError(
            f"{STORAGE} is not set; parts of a server share their record of runs in PostgreSQL: "
            "postgresql+psycopg2://user:password@host/name (on one machine, `otc ui` needs none)"
        )
    if part is Part.CODE:
        instance = load(config)
        home = dagster_home(instance)
        os.environ["OTC_CONFIG"] = str(instance.path)
        with opened(home) as record:
            ended = end_orphans(record)
        if ended:
            sys.stderr.write(f"{ended} run(s) that ended with the last code location are marked as failed\n")
    else:
        home = settled(_home(), _address(code))
    os.environ["DAGSTER_HOME"] = str(home)
    command = program(part, host, port, home, read_only)
    sys.stderr.flush()
    os.execv(sys.executable, command)  # noqa: S606 - this process is to become that program


def program(part: Part, host: str, port: int, home: Path, read_only: bool) -> list[str]:
    """Return the program that a part is, with its arguments."""
    where = ["--host", host, "--port", str(port)]
    quiet = ["--log-level", "warning"]
    python = [sys.executable, "-W", "ignore", "-m"]
    match part:
        case Part.CODE:
            return [*python, "dagster", "code-server", "start", "--module-name", MODULE, *where, *quiet]
        case Part.WEBSERVER:
            looking = ["--read-only"] if read_only else []
            return [*python, "dagster_webserver", *where, "--workspace", str(home / "workspace.yaml"), *looking, *quiet]
        case Part.DAEMON:
            return [*python, "dagster._daemon", "run", "--workspace", str(home / "workspace.yaml"), *quiet]


def _home() -> Path:
    found = os.environ.get("DAGSTER_HOME")
    if not found:
        raise ConfigError(
            "DAGSTER_HOME is not set; name a folder that this process may write, under the code location's name of it"
        )
    return Path(found)


def _address(code: str) -> tuple[str, int]:
    host, _, port = code.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"--code {code!r} is not HOST:PORT; write it like code:4000")
    return host, int(port)
