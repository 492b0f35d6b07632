"""A file put in another's place: whole or not at all, and on the disk before anybody is told.

Not here: what is in it.
"""

from __future__ import annotations

import os
from pathlib import Path


def replace(fresh: Path, target: Path) -> None:
    """Put a finished file in the place of ``target``, which may not be there yet. OSError where that does not work."""
    with fresh.open("rb+") as handle:
        os.fsync(handle.fileno())
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
