"""How a decision is told to a person: one sentence a rule, and the score that goes with it.

Belongs here: words and scores. Not here: deciding. No name, account or remittance text is ever put in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from connectors.kit.money import rounded

SCORES = {
    "posted": Decimal("1.00"),
    "posted_by_amount": Decimal("0.95"),
    "posted_ambiguous": Decimal("0.00"),
    "returned": Decimal("0.00"),
    "batch_differs": Decimal("0.00"),
    "reference_exact": Decimal("0.99"),
    "reference_partial": Decimal("0.95"),
    "reference_over": Decimal("0.70"),
    "reference_sum_differs": Decimal("0.60"),
    "reference_other_payer": Decimal("0.60"),
    "reference_ambiguous": Decimal("0.00"),
    "reference_settled": Decimal("0.00"),
    "reference_other_books": Decimal("0.00"),
    "payer_exact_amount": Decimal("0.97"),
    "payer_ambiguous": Decimal("0.40"),
    "payer_shared_account": Decimal("0.50"),
    "payer_no_exact_amount": Decimal("0.00"),
    "amount_unique": Decimal("0.50"),
    "amount_ambiguous": Decimal("0.00"),
    "no_legal_entity": Decimal("0.00"),
    "no_candidate": Decimal("0.00"),
}
"""Rule → score. A rule that applies without a touch scores 0.9 or more."""

_SENTENCES = {
    "posted": "Already posted in the ERP as receipt {receipt}{difference}, which quotes this bank line.",
    "posted_by_amount": "Already posted in the ERP as receipt {receipt}, the only one of its account, amount, date.",
    "posted_ambiguous": "Posted receipts {receipts} fit {lines} bank line(s); say which belongs to this one.",
    "returned": "The bank took it back; nothing was paid by it.",
    "batch_differs": "The statement gives {amount} as one sum; its notified payments leave {difference} of it.",
    "reference_exact": "The reference names {documents}, open {open}, which is exactly the amount.",
    "reference_partial": "The reference names {documents}, open {open}; {amount} is a part of it, oldest due first.",
    "reference_over": "The reference names {documents}, open {open}; {amount} is more than that by {difference}.",
    "reference_sum_differs": "The reference names {documents}, open {open} together, but {amount} came.",
    "reference_other_payer": "The reference names {documents}, but another customer's account paid a part of it.",
    "reference_ambiguous": "The reference fits documents of {parties} customers: {documents}.",
    "reference_settled": "The reference names {documents}, where nothing is open{taken}.",
    "reference_other_books": "The reference names {documents}, which is in another legal entity or currency.",
    "payer_exact_amount": "The payer's account is known and {documents} is the only open item of exactly {amount}.",
    "payer_ambiguous": "The payer's account is known, but {count} open items are exactly {amount}: {documents}.",
    "payer_shared_account": "The account is that of {parties} customers; only {documents} is open at exactly {amount}.",
    "payer_no_exact_amount": "The payer's account is known, but no open item is exactly {amount}.",
    "amount_unique": "The payer is unknown; {documents} is the only open item of exactly {amount}.",
    "amount_ambiguous": "The payer is unknown and {count} open items are exactly {amount}: {documents}.",
    "no_legal_entity": "The account belongs to no legal entity; name it under bank_accounts in otc.yaml.",
    "no_candidate": "No reference, payer or open amount fits.",
}

SHOWN = 5


def sentence(rule: str, **facts: object) -> str:
    """The reason for a decision by ``rule``, in one sentence."""
    return _SENTENCES[rule].format(**facts)


def money(amount: Decimal, currency: str) -> str:
    """An amount with the currency's own decimals."""
    return f"{rounded(amount, currency):f} {currency}"


def listed(names: Iterable[str]) -> str:
    """Names in a row, the first few of them."""
    unique = sorted(set(names))
    more = f" and {len(unique) - SHOWN} more" if len(unique) > SHOWN else ""
    return ", ".join(unique[:SHOWN]) + more
