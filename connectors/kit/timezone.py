"""A time zone as settings state one: by the name that the machine's database of zones has for it.

Not here: what is done with it.
"""

from __future__ import annotations

import zoneinfo
from typing import Annotated

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is not a time zone; use a name such as UTC or Europe/Berlin") from None
    return name


Timezone = Annotated[str, AfterValidator(_known)]
"""Name of a zone, such as ``UTC`` or ``Europe/Berlin``."""
