"""The words for a payment on its way: what becomes of an invoice, what a payer decides, what was sent.

Belongs here: those three. Not here: who decides (``payer``) and who posts (``clerk``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.simulation.world.books import ZERO
from connectors.simulation.world.company import Buyer
from connectors.simulation.world.model import Receipt

PAID_WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an invoice; ``pay_on`` and ``hint`` override its customer's habits.

    ``kind``: full, partial, short, over, discount, never, bounced, misapplied, charged_back, disputed, other_currency,
    on_account.
    """

    kind: str = "full"
    pay_on: date | None = None
    hint: str | None = None
    card_number: bool = False
    twin: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A payer's decision: which instalments, what share of what is open of each, how much more, in which currency."""

    buyer: Buyer
    market: tuple[str, str]
    pieces: tuple[tuple[str, int], ...]
    fate: Fate
    share: Decimal = PAID_WHOLE
    extra: Decimal = ZERO
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Money on its way into the ERP: the receipt to be, what it is meant for, and what the bank calls it."""

    payment: Payment
    receipt: Receipt
    meant: tuple[tuple[str, int, Decimal], ...]
    bank_reference: str
    returns_on: date | None
