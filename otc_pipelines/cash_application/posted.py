"""Bank lines that the ERP has already posted: pending becomes posted, once.

Belongs here: recognising a line's receipt by reference, else by account, amount and date when there is only one.
Not here: open items. More than one candidate, in either direction, is an exception, never a second entry. Receipts
that all quote the line and are its amount together are its parts: an ERP books a payment of several invoices that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from otc_pipelines.cash_application.explain import SCORES, listed, money, sentence
from otc_pipelines.cash_application.line import Line
from otc_pipelines.cash_application.model import Application, Basis, Candidate, Decision, Outcome

_Receipt = tuple[str, str]


def recognised(lines: Sequence[Line]) -> Iterator[Decision]:
    """Yield a decision for each line that fits a posted receipt; the more certain basis claims receipts first."""
    claimed: set[_Receipt] = set()
    settled: set[tuple[str, str]] = set()
    for basis, rule in ((Basis.POSTED_REFERENCE, "posted"), (Basis.POSTED_AMOUNT, "posted_by_amount")):
        fits = {
            line.credit.key: {_receipt(c) for c in _plausible(line, basis)} - claimed
            for line in lines
            if line.credit.key not in settled
        }
        claims: dict[_Receipt, int] = {}
        for receipts in fits.values():
            for receipt in receipts:
                claims[receipt] = claims.get(receipt, 0) + 1
        for line in lines:
            receipts = fits.get(line.credit.key) or set()
            if not receipts:
                continue
            settled.add(line.credit.key)
            claimed |= receipts
            found = [c for c in line.of(basis) if _receipt(c) in receipts]
            alone = all(claims[r] == 1 for r in receipts)
            if alone and (len(receipts) == 1 or (basis is Basis.POSTED_REFERENCE and _parts(line, found))):
                yield _posted(line, rule, found)
            else:
                yield _ambiguous(line, receipts, max(claims[r] for r in receipts))


def _parts(line: Line, candidates: Iterable[Candidate]) -> bool:
    """Whether these receipts of one source are the line's amount together, in its currency."""
    found = {_receipt(c): c for c in candidates}
    if len({source for source, _ in found}) != 1 or {c.currency for c in found.values()} != {line.credit.currency}:
        return False
    return sum((c.receipt_amount or Decimal(0) for c in found.values()), Decimal(0)) == line.credit.amount


def _receipt(c: Candidate) -> _Receipt:
    return (c.source_system, c.receipt_id)


def _plausible(line: Line, basis: Basis) -> Iterable[Candidate]:
    """Candidates of the basis; by amount alone, a receipt of a customer that the line does not speak of is none."""
    candidates = line.of(basis)
    if basis is Basis.POSTED_REFERENCE:
        return candidates
    spoken_of = {c.party for c in line.of(Basis.STRUCTURED_REFERENCE, Basis.DOCUMENT_REFERENCE, Basis.PAYER_ACCOUNT)}
    return [
        c
        for c in candidates
        if c.currency == line.credit.currency and (not c.party_id or not spoken_of or c.party in spoken_of)
    ]


def _posted(line: Line, rule: str, candidates: Sequence[Candidate]) -> Decision:
    credit = line.credit
    first = candidates[0]
    receipts = {c.receipt_id: c.receipt_amount for c in candidates}
    stated = [a for a in receipts.values() if a is not None]
    total = sum(stated, Decimal(0)) if len(stated) == len(receipts) else None
    other = None if total in (None, credit.amount) else total
    difference = (
        "" if other is None else f" (of {money(other, credit.currency)}, not {money(credit.amount, credit.currency)})"
    )
    return Decision(
        credit=credit,
        outcome=Outcome.APPLIED,
        rule=rule,
        score=SCORES[rule],
        reason=sentence(rule, receipt=listed(receipts), difference=difference),
        evidence={
            "bases": sorted({c.basis.value for c in candidates}),
            "source_system": first.source_system,
            "receipt_id": first.receipt_id,
            "receipt_amount": "" if total is None else f"{total:f}",
            **({"receipts": sorted(receipts)} if len(receipts) > 1 else {}),
        },
        applications=tuple(_allocated(candidates, credit.amount)),
        receipt_id=first.receipt_id,
    )


def _allocated(candidates: Iterable[Candidate], amount: Decimal) -> Iterator[Application]:
    """What the ERP itself allocated from the receipt, as far as the line's amount reaches."""
    for c in {(c.receipt_id, c.installment): c for c in candidates if c.document_id}.values():
        part = min(c.open_amount, amount)
        if part > 0:
            amount -= part
            yield Application(c.source_system, c.party_id, c.document_id, c.installment_no, part, c.receipt_id)


def _ambiguous(line: Line, receipts: set[_Receipt], claims: int) -> Decision:
    rule = "posted_ambiguous"
    return Decision(
        credit=line.credit,
        outcome=Outcome.EXCEPTION,
        rule=rule,
        score=SCORES[rule],
        reason=sentence(rule, receipts=listed(r for _, r in receipts), lines=claims),
        evidence={"receipts": sorted(r for _, r in receipts), "lines": claims},
    )
