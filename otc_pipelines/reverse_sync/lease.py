"""Who holds a row: a claim's name, and whether its process is still there.

Belongs here: names of claims. Not here: claiming (ledger). A claim ends with its time, or at once when its process on
this machine is gone, so that a killed run does not keep its rows for the rest of the lease.
"""

from __future__ import annotations

import os
import secrets
import socket

_TOKEN = secrets.token_hex(4)


def claim() -> str:
    """A new claim's name: machine, process, this start of it, and a number of its own."""
    return f"{_prefix()}:{secrets.token_hex(6)}"


def is_dead(owner: str) -> bool:
    """True if the process behind a claim is certainly gone; False where that cannot be known."""
    host, pid, token, _ = (*owner.split(":"), "", "", "", "")[:4]
    if host != _host() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return token != _TOKEN  # this process has the number of one that is gone
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _prefix() -> str:
    return f"{_host()}:{os.getpid()}:{_TOKEN}"


def _host() -> str:
    return socket.gethostname().replace(":", "_")
