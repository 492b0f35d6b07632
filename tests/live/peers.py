"""Programs that other people wrote, each in an environment of its own: where they are, or why they are not there.

Belongs here: finding them. Not here: installing them (``make peers``), what is asked of them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def home(name: str) -> Path:
    """Where a peer's environment is."""
    return ROOT / ".peers" / name


def missing(name: str, program: str = "") -> str:
    """Why a peer cannot be used here, or ''."""
    if program and shutil.which(program) is None:
        return f"{program} is not on this machine"
    if not (home(name) / ".ready").exists():
        return f"{name} is not installed: make peers"
    return ""
