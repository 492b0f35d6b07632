"""Amounts as the books know them: Decimal, never float, with the number of decimals that ISO 4217 gives the currency.

Belongs here: parsing and rounding an amount, what a currency is. Not here: exchange rates, balances.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

from iso4217 import Currency

#: Codes that ISO 4217 has withdrawn since 1999 and old documents and statements still carry, with their decimals.
_WITHDRAWN = {
    **dict.fromkeys(("ATS", "BEF", "BGN", "CYP", "DEM", "EEK", "FIM", "FRF", "GRD", "HRK", "IEP"), 2),
    **dict.fromkeys(("LTL", "LUF", "LVL", "MTL", "NLG", "SIT", "SKK", "ZMK"), 2),
    **dict.fromkeys(("ESP", "ITL", "PTE"), 0),
}


@cache
def exponent(currency: str) -> int:
    """Decimals of an ISO 4217 currency: 2 for USD, 0 for JPY, 3 for KWD. Raises ValueError for an unknown code.

    A withdrawn code (DEM, BGN) keeps its decimals. A code without minor units in the list (XAU and the like) is
    refused too: nobody is invoiced in it.
    """
    try:
        digits = Currency(currency).exponent
    except ValueError:
        digits = _WITHDRAWN.get(currency)
    if digits is None:
        raise ValueError(f"currency {currency!r} is not an ISO 4217 code; use one such as USD, EUR or JPY")
    return int(digits)


@cache
def currencies() -> frozenset[str]:
    """Every ISO 4217 code that an amount may be stated in, withdrawn ones included."""
    return frozenset(str(c.code) for c in Currency if c.exponent is not None) | frozenset(_WITHDRAWN)


def amount(value: str | int | Decimal) -> Decimal:
    """Return ``value`` as a Decimal. A float is refused: it has already lost the cent."""
    if isinstance(value, (float, bool)):
        raise TypeError(f"{value!r} is a {type(value).__name__}; money is Decimal, text or int")
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount") from None
    if not parsed.is_finite():
        raise ValueError(f"{value!r} is not an amount")
    return parsed


def rounded(value: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's own decimals, as amounts are booked."""
    return value.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)


def shown(value: Decimal, currency: str | None) -> str:
    """Return an amount as text with the currency's own decimals; with more only where the amount really has more."""
    places = exponent(currency) if currency else 2
    own = max(0, -int(value.normalize().as_tuple().exponent))
    return f"{value:.{max(places, own)}f}"
