"""What payers write on a transfer: references as printed, abbreviated, mistyped, or nothing that helps.

Belongs here: the text. Not here: which payment gets which.
"""

from __future__ import annotations

from random import Random

from connectors.simulation.world.numbers import creditor_reference

CARD_NUMBER = "4111 1111 1111 1111"  #: the card schemes' public test number

_WITH = {
    "DE": ("Rechnung {}", "RG {}", "{}", "Zahlung {} vielen Dank", "Re-Nr. {} Kd {party}", "Ueberweisung zu {}"),
    "US": ("Invoice {}", "Payment for {}", "{}", "INV PMT {}", "{} thank you", "Acct {party} {}"),
    "JP": ("INVOICE {}", "PAYMENT {}", "{}", "SETTLEMENT {}"),
}
_WITHOUT = {
    "DE": ("Rechnung", "Zahlung", "Kundennummer {party}", "Ueberweisung", "wie besprochen"),
    "US": ("Payment", "Invoice payment", "Acct {party}", "Thank you", "Monthly payment"),
    "JP": ("PAYMENT", "SETTLEMENT", "{party}"),
}
_ON_ACCOUNT = {"DE": "Anzahlung Kd {party}", "US": "Deposit on account {party}", "JP": "ADVANCE PAYMENT {party}"}


def text(rng: Random, hint: str, country: str, party_id: str, references: list[str]) -> tuple[str, str | None]:
    """Return remittance text and structured reference for what a payer gives us to go by."""
    if hint == "structured":
        return "", creditor_reference(references[0])
    if hint == "on_account":
        return _ON_ACCOUNT[country].format(party=party_id), None
    if hint in ("amount", "ambiguous"):
        return rng.choice(_WITHOUT[country]).format(party=party_id), None
    written = [_written(rng, hint, r) for r in references]
    joined = rng.choice((", ", " / ", " + ", "; ", " ")).join(written)
    return rng.choice(_WITH[country]).format(joined, party=party_id), None


def _written(rng: Random, hint: str, reference: str) -> str:
    if hint == "compact":
        return "".join(c for c in reference if c.isalnum())
    if hint == "number":
        return reference.rpartition("-")[2]
    if hint == "typo":
        return mistyped(rng, reference)
    return reference.replace("-", " ") if rng.random() < 0.1 else reference


def mistyped(rng: Random, reference: str) -> str:
    """Return a document number with one slip: a digit lost, or another in its place."""
    spots = [n for n, c in enumerate(reference) if c.isdigit()][-5:]
    at = rng.choice(spots)
    if rng.random() < 0.5:
        return reference[:at] + reference[at + 1 :]
    other = rng.choice([d for d in "0123456789" if d != reference[at]])
    return reference[:at] + other + reference[at + 1 :]
