"""A bank line with its candidates, and the questions that rules ask of them.

Belongs here: grouping candidates, what is in the line's own books, who is named, who pays. Not here: rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from otc_pipelines.cash_application.allocate import OpenItems
from otc_pipelines.cash_application.model import BankCredit, Basis, Candidate, DocumentKey, InstallmentKey, PartyKey

_REFERENCES = (Basis.STRUCTURED_REFERENCE, Basis.DOCUMENT_REFERENCE)
_OPEN = (*_REFERENCES, Basis.PAYER_ACCOUNT, Basis.AMOUNT)
_EVIDENCE_SHOWN = 20


class Line:
    """A bank credit and every candidate that was put beside it, in a stable order."""

    __slots__ = ("_elsewhere", "_inside", "_parties_of", "_payers", "candidates", "credit")

    def __init__(self, credit: BankCredit, candidates: tuple[Candidate, ...]) -> None:
        self.credit = credit
        self.candidates = candidates
        self._inside: dict[Basis, frozenset[InstallmentKey]] = {}
        self._parties_of: dict[InstallmentKey, set[PartyKey]] = {}
        inside: dict[Basis, set[InstallmentKey]] = {}
        elsewhere: set[InstallmentKey] = set()
        payers: set[PartyKey] = set()
        for c in candidates:
            if c.basis is Basis.PAYER_ACCOUNT:
                payers.add(c.party)
            if not c.document_id or c.basis not in _OPEN:
                continue
            self._parties_of.setdefault(c.installment, set()).add(c.party)
            if c.legal_entity == credit.legal_entity and c.currency == credit.currency:
                inside.setdefault(c.basis, set()).add(c.installment)
            elif c.basis in _REFERENCES:
                elsewhere.add(c.installment)
        self._inside = {basis: frozenset(keys) for basis, keys in inside.items()}
        self._elsewhere = frozenset(elsewhere)
        self._payers = frozenset(payers)

    def of(self, *bases: Basis) -> tuple[Candidate, ...]:
        """Candidates of these bases, whichever books they are in."""
        return tuple(c for c in self.candidates if c.basis in bases)

    def items(self, *bases: Basis) -> frozenset[InstallmentKey]:
        """Instalments of these bases (default: any but posted) in the line's own books."""
        found = [self._inside[basis] for basis in bases or _OPEN if basis in self._inside]
        return found[0] if len(found) == 1 else frozenset[InstallmentKey]().union(*found)

    def refers(self) -> bool:
        """True if a reference of the line is a known document's, in any books."""
        return bool(self._elsewhere) or any(basis in self._inside for basis in _REFERENCES)

    def payers(self) -> frozenset[PartyKey]:
        """Customers that the other side's account is known to be."""
        return self._payers

    def payer_items(self) -> frozenset[InstallmentKey]:
        """Open instalments of the known payer."""
        return self.items(Basis.PAYER_ACCOUNT)

    def references(self) -> tuple[frozenset[InstallmentKey], ...]:
        """What is named: by the structured reference alone, then with the document numbers."""
        structured = self._of_payer(self.items(Basis.STRUCTURED_REFERENCE))
        every = self._of_payer(self.items(*_REFERENCES))
        return tuple(named for named in dict.fromkeys((structured, every)) if named)

    def all_references(self) -> frozenset[InstallmentKey]:
        """Everything named; by the structured reference alone where the rest belongs to several customers."""
        named = self.references()
        if not named:
            return frozenset()
        return named[-1] if self.one_party(named[-1]) else named[0]

    def named_elsewhere(self) -> frozenset[InstallmentKey]:
        """What a reference names in other books."""
        return self._elsewhere

    def one_party(self, keys: frozenset[InstallmentKey]) -> bool:
        """True if all of them are one customer's."""
        return len(self._parties(keys)) == 1

    def count_parties(self, keys: frozenset[InstallmentKey]) -> int:
        """How many customers these are items of."""
        return len(self._parties(keys))

    def paid_by_another(self, keys: frozenset[InstallmentKey]) -> bool:
        """True if the payer is known and is none of the customers whose items these are."""
        payers = self.payers()
        return bool(payers) and payers.isdisjoint(self._parties(keys))

    def evidence(self, items: OpenItems, documents: Iterable[DocumentKey]) -> dict[str, Any]:
        """What the decision rests on, as plain values: bases, tokens that hit, documents with what was open."""
        named = set(documents)
        hits = [c for c in self.candidates if c.document_id and c.document in named]
        keys: dict[DocumentKey, set[InstallmentKey]] = {}
        for c in hits:
            keys.setdefault(c.document, set()).add(c.installment)
        opened = {d: items.total(keys.get(d, ())) for d in sorted(named)}
        return {
            "bases": sorted({c.basis.value for c in hits}),
            "tokens": sorted({c.token for c in hits if c.token})[:_EVIDENCE_SHOWN],
            "documents": [
                {"source_system": d.source_system, "document_id": d.document_id, "open": f"{amount:f}"}
                for d, amount in list(opened.items())[:_EVIDENCE_SHOWN]
            ],
            "payers": sorted(p.party_id for p in self.payers())[:_EVIDENCE_SHOWN],
            "candidates": len({c.document for c in self.candidates if c.document_id}),
        }

    def _parties(self, keys: frozenset[InstallmentKey]) -> set[PartyKey]:
        return set[PartyKey]().union(*(self._parties_of[key] for key in keys))

    def _of_payer(self, keys: frozenset[InstallmentKey]) -> frozenset[InstallmentKey]:
        """Of items of several customers, those of the one that is known to pay; all of them if it is none of these."""
        payers = self.payers()
        parties = self._parties(keys)
        if len(parties) < 2 or len(payers) != 1 or payers.isdisjoint(parties):
            return keys
        return frozenset(key for key in keys if not self._parties_of[key].isdisjoint(payers))


def lines_of(credits: Iterable[BankCredit], candidates: Iterable[Candidate]) -> list[Line]:
    """Put each credit with its candidates, in the order served. ValueError if a line is given twice."""
    served = sorted(credits, key=lambda c: c.order)
    grouped: dict[tuple[str, str], list[Candidate]] = {c.key: [] for c in served}
    if len(grouped) != len(served):
        raise ValueError("a bank line is given more than once; give each line of each source once")
    for candidate in candidates:
        if candidate.line in grouped:
            grouped[candidate.line].append(candidate)
    return [Line(c, _ordered(grouped[c.key])) for c in served]


def _ordered(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    return tuple(candidates) if len(candidates) < 2 else tuple(sorted(set(candidates), key=_stable))


def _stable(c: Candidate) -> tuple[str, ...]:
    return (
        c.basis,
        c.source_system,
        c.legal_entity,
        c.document_id,
        f"{c.installment_no:09d}",
        c.receipt_id,
        c.party_id,
        c.token,
        f"{c.open_amount}|{c.receipt_amount}",
    )
