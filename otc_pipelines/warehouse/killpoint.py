"""Named points at which a test can end the process the hard way, as a power cut would.

``OTC_KILL_AT=name`` arms one; ``name:3`` the third time it is reached. Unset, a kill point costs a dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_reached: Counter[str] = Counter()


def killpoint(name: str) -> None:
    """End this process with SIGKILL if ``OTC_KILL_AT`` names this point and this occurrence of it."""
    armed = os.environ.get("OTC_KILL_AT")
    if not armed:
        return
    wanted, _, nth = armed.partition(":")
    if wanted == name:
        _reached[name] += 1
        if _reached[name] == int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)
