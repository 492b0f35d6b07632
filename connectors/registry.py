"""Finds connectors by itself: every ``connectors/<role>/<vendor>/connector.py`` that defines ``CONNECTOR``.

And every channel: ``connectors/messaging/<name>/channel.py`` that defines ``CHANNEL``. There is no list to edit: a new
vendor is a new folder.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path

from connectors.kit.contract import Connector, Role
from connectors.kit.errors import ConfigError
from connectors.kit.notifying import Channel

_ROOT = Path(__file__).parent


@cache
def connectors() -> dict[str, Connector]:
    """Every connector by its name. Raises ConfigError when two folders claim the same name or a folder lies."""
    found: dict[str, Connector] = {}
    for role in Role:
        for path in sorted((_ROOT / role.value).glob("*/connector.py")):
            vendor = path.parent.name
            module = importlib.import_module(f"connectors.{role.value}.{vendor}.connector")
            declared = getattr(module, "CONNECTOR", None)
            if not isinstance(declared, Connector) or declared.name != vendor or declared.role is not role:
                raise ConfigError(
                    f"connectors/{role.value}/{vendor}/connector.py must define CONNECTOR named {vendor!r}, role {role}"
                )
            if vendor in found:
                raise ConfigError(f"two connectors are named {vendor!r}: rename one folder")
            found[vendor] = declared
    return found


def connector(name: str) -> Connector:
    """Return the connector of that name; ConfigError names those there are."""
    try:
        return connectors()[name]
    except KeyError:
        raise ConfigError(f"connector {name!r} is not known; there are: {', '.join(connectors())}") from None


@cache
def channels() -> dict[str, Channel]:
    """Every channel by its name. Raises ConfigError when a folder lies."""
    found: dict[str, Channel] = {}
    for path in sorted((_ROOT / Role.MESSAGING.value).glob("*/channel.py")):
        name = path.parent.name
        declared = getattr(importlib.import_module(f"connectors.{Role.MESSAGING}.{name}.channel"), "CHANNEL", None)
        if not isinstance(declared, Channel) or declared.name != name:
            raise ConfigError(f"connectors/messaging/{name}/channel.py must define CHANNEL named {name!r}")
        found[name] = declared
    return found


def channel(name: str) -> Channel:
    """Return the channel of that name; ConfigError names those there are."""
    try:
        return channels()[name]
    except KeyError:
        raise ConfigError(f"channel {name!r} is not known; there are: {', '.join(channels())}") from None
