"""How a measure is written where people and programs read it.

Not here: amounts of money in a currency of their own (``connectors.kit.money.shown``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def figure_text(value: Any) -> Any:
    """Return a measure with two decimals, or with more, to four, where it has them; what is no decimal as it is."""
    if not isinstance(value, Decimal):
        return value
    own = -int(value.normalize().as_tuple().exponent)
    return f"{value:.{max(2, own)}f}"
