"""Numbers with check digits, as banks and tax offices give them: IBAN, ABA routing, creditor reference, VAT number.

Belongs here: how such a number is made up. Not here: who has it.
"""

from __future__ import annotations

from random import Random


def _mod97(text: str) -> int:
    return int("".join(str(int(c, 36)) for c in text)) % 97


def iban(country: str, bban: str) -> str:
    """Return the IBAN of a national account number (ISO 13616)."""
    return f"{country}{98 - _mod97(f'{bban}{country}00'):02d}{bban}"


def creditor_reference(reference: str) -> str:
    """Return the ISO 11649 creditor reference of a document number: RF, check digits, its letters and digits."""
    plain = "".join(c for c in reference.upper() if c.isalnum())
    return f"RF{98 - _mod97(f'{plain}RF00'):02d}{plain}"


def german_iban(rng: Random) -> tuple[str, str]:
    """Return an IBAN and BIC of a made-up German bank."""
    bank = rng.choice(_GERMAN_BANKS)
    return iban("DE", f"{bank[0]}{rng.randrange(10**10):010d}"), bank[1]


def american_account(rng: Random) -> tuple[str, str]:
    """Return an account number and an ABA routing number whose check digit holds."""
    eight = [0, *(rng.randrange(10) for _ in range(7))]
    weights = (3, 7, 1, 3, 7, 1, 3, 7)
    check = -sum(d * w for d, w in zip(eight, weights, strict=True)) % 10
    return str(rng.randrange(10**8, 10**10)), "".join(map(str, eight)) + str(check)


def japanese_account(rng: Random) -> tuple[str, str]:
    """Return a Zengin account (bank, branch, number) and the bank's BIC."""
    return f"{rng.randrange(1, 10**4):04d}{rng.randrange(1, 10**3):03d}{rng.randrange(10**7):07d}", "NIPPJPJT"


def german_vat(rng: Random) -> str:
    """Return a German VAT number with its ISO 7064 (mod 11, 10) check digit."""
    digits = [rng.randrange(1, 10), *(rng.randrange(10) for _ in range(7))]
    product = 10
    for digit in digits:
        total = (digit + product) % 10 or 10
        product = 2 * total % 11
    return "DE" + "".join(map(str, digits)) + str((11 - product) % 10)


def american_ein(rng: Random) -> str:
    """Return an American employer identification number."""
    return f"{rng.choice(('12', '26', '35', '46', '61', '74', '84', '95'))}-{rng.randrange(10**7):07d}"


def japanese_corporate_number(rng: Random) -> str:
    """Return a Japanese corporate number: a check digit before twelve digits."""
    digits = [rng.randrange(10) for _ in range(12)]
    weighted = sum(d * (1 if n % 2 == 0 else 2) for n, d in enumerate(reversed(digits)))
    return str(9 - weighted % 9) + "".join(map(str, digits))


_GERMAN_BANKS = (
    ("37040044", "COBADEFFXXX"),
    ("10010010", "PBNKDEFFXXX"),
    ("50070010", "DEUTDEFFXXX"),
    ("70150000", "SSKMDEMMXXX"),
    ("20050550", "HASPDEHHXXX"),
    ("60050101", "SOLADEST600"),
)
