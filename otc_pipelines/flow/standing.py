"""Which decisions of earlier passes stand, and what they leave to be decided.

Belongs here: keeping, withdrawing, what standing decisions have taken. Not here: deciding (``cash_application``),
storing (``matching``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from otc_pipelines.cash_application import BankCredit, Candidate, DocumentKey
from otc_pipelines.warehouse import Tx

Line = tuple[str, str]
Item = tuple[str, str, int]

_SENT_SUMS = """select p.source_system, p.whole_line_id, p.bank_line_id
    from conformed.int_bank_batch_parts as p
    where exists (
        select 1 from ops.outbox as o
        where o.object = 'receipt' and o.key = p.whole_line_id and o.status in ('sending', 'unknown', 'delivered')
    )
    order by p.source_system, p.whole_line_id, p.bank_line_id"""

#: What is open on the instalments that standing decisions name, 0 included; all of them may be millions.
_STILL_OPEN = """select i.source_system, i.document_id, i.installment_no, i.open_amount
    from conformed.int_installment_balances as i
    where i.document_id in (
        select d.document_id from ops.match_decision as d where d.superseded_at is null and d.document_id is not null
    )"""


def current_decisions(tx: Tx) -> dict[Line, list[dict[str, Any]]]:
    """The standing decision of each line: its rows, one per application."""
    found: dict[Line, list[dict[str, Any]]] = defaultdict(list)
    for r in tx.rows("select * from ops.match_decision where superseded_at is null order by decision_id"):
        found[r["bank_source"], r["bank_line_id"]].append(r)
    return found


def counted(
    tx: Tx, credits: Sequence[BankCredit], current: dict[Line, list[dict[str, Any]]]
) -> tuple[list[BankCredit], list[str]]:
    """Take out of the standing decisions those of lines whose money another line counts now.

    Return the credits to decide and the ids of the decisions withdrawn. A sum whose receipt is on its way to the ERP,
    and not read back, keeps its decision: its payments wait, so that the same money is not posted twice.
    """
    parts: dict[Line, set[Line]] = defaultdict(set)
    for r in tx.rows(_SENT_SUMS):
        whole = (r["source_system"], r["whole_line_id"])
        if any(d["outcome"] == "applied" and not d["receipt_id"] for d in current.get(whole, ())):
            parts[whole].add((r["source_system"], r["bank_line_id"]))
    waiting = set().union(*parts.values())
    left_out = tx.rows("select source_system, bank_line_id from conformed.int_bank_lines__left_out")
    gone = {(r["source_system"], r["bank_line_id"]) for r in left_out}
    withdrawn = [d["decision_id"] for line in sorted((gone - parts.keys()) | waiting) for d in current.pop(line, [])]
    return [c for c in credits if c.key not in waiting], withdrawn


def standing(current: Mapping[Line, Sequence[Mapping[str, Any]]], settled: set[Line], tx: Tx) -> set[Line]:
    """Lines whose applied decision stays: not posted or returned since, and what it is applied to is still open."""
    asked = {
        line: taken_by([rows])
        for line, rows in current.items()
        if line not in settled and all(r["outcome"] == "applied" and not r["receipt_id"] for r in rows)
    }
    if not asked:
        return set()
    still_open = {
        (r["source_system"], r["document_id"], r["installment_no"]): r["open_amount"] for r in tx.rows(_STILL_OPEN)
    }
    taken: dict[Item, Decimal] = defaultdict(Decimal)
    kept: set[Line] = set()
    for line, wanted in asked.items():
        if all(taken[i] + amount <= still_open.get(i, Decimal(0)) for i, amount in wanted.items()):
            kept.add(line)
            for i, amount in wanted.items():
                taken[i] += amount
    return kept


def takers_of(decisions: Iterable[Sequence[Mapping[str, Any]]]) -> dict[DocumentKey, set[str]]:
    """Return the bank lines that took from each document."""
    takers: dict[DocumentKey, set[str]] = defaultdict(set)
    for rows in decisions:
        for r in rows:
            if r["document_id"]:
                key = DocumentKey(r["document_source"], r["legal_entity"], r["document_id"])
                takers[key].add(r["bank_line_id"])
    return takers


def taken_by(decisions: Iterable[Sequence[Mapping[str, Any]]]) -> dict[Item, Decimal]:
    """Return what was taken from each instalment, in its currency."""
    taken: dict[Item, Decimal] = defaultdict(Decimal)
    for rows in decisions:
        for r in rows:
            if r["document_id"]:
                taken[r["document_source"], r["document_id"], r["installment_no"]] += r["amount"]
    return taken


def less(candidate: Candidate, taken: Mapping[Item, Decimal]) -> Candidate:
    """The candidate with what standing decisions have taken off it: an item that is settled by them stays one."""
    gone = taken.get((candidate.source_system, candidate.document_id, candidate.installment_no), Decimal(0))
    return replace(candidate, open_amount=max(candidate.open_amount - gone, Decimal(0))) if gone else candidate
