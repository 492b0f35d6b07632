"""The rules, in the order of their certainty, and ``decide``, which asks them.

Belongs here: which candidate a line may take, and when it must abstain. Not here: the arithmetic of what is open
(allocate), recognising what the ERP has already posted (posted), the sentences (explain).

Every rule that applies is asked for all lines before the next one is, so that a certain line is never robbed by a less
certain one; within a rule, lines are served by value date, amount and id. What no rule applies is proposed or an
exception, told against what is then left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from otc_pipelines.cash_application.allocate import OpenItems
from otc_pipelines.cash_application.explain import SCORES, listed, money, sentence
from otc_pipelines.cash_application.line import Line, lines_of
from otc_pipelines.cash_application.model import (
    Application,
    BankCredit,
    Basis,
    Candidate,
    Decision,
    DocumentKey,
    InstallmentKey,
    Outcome,
    Policy,
    RunnerUp,
)
from otc_pipelines.cash_application.posted import recognised

Rule: TypeAlias = Callable[[Line, OpenItems, Policy], Decision | None]
_TOO = "exactly the amount too"
_POSTED = (Basis.POSTED_REFERENCE, Basis.POSTED_AMOUNT)


def decide(
    credits: Iterable[BankCredit],
    candidates: Iterable[Candidate],
    policy: Policy | None = None,
    standing: Mapping[DocumentKey, Iterable[str]] | None = None,
) -> list[Decision]:
    """Decide every bank credit once; the result is in the order served and does not depend on the order given.

    ``standing``: by document, the bank lines whose decisions are left alone; their amounts are off the candidates.
    """
    policy = policy or Policy()
    lines = lines_of(credits, candidates)
    offered = (c for line in lines for c in line.candidates if c.document_id and c.basis not in _POSTED)
    items = OpenItems(offered, standing or {})
    decided = {d.credit.key: d for d in recognised(lines)}
    for line in lines:
        if line.credit.returned_by and line.credit.key not in decided:
            evidence = {"returned_by": line.credit.returned_by}
            decided[line.credit.key] = Decision(
                line.credit, Outcome.EXCEPTION, "returned", SCORES["returned"], sentence("returned"), evidence
            )
        elif line.credit.batch_difference is not None and line.credit.key not in decided:
            decided[line.credit.key] = _differing(line.credit, line.credit.batch_difference)
    found = True
    while found:  # a line that took its part can leave exactly what another one pays
        found = False
        for rule in (_reference_exact, _reference_partial, _payer_exact_amount):
            for line in lines:
                if line.credit.key in decided or line.credit.legal_entity is None:
                    continue
                decision = rule(line, items, policy)
                if decision is not None:
                    items.take(line.credit, line.credit.legal_entity, decision.applications)
                    decided[line.credit.key] = decision
                    found = True
    for line in lines:
        if line.credit.key not in decided:
            decided[line.credit.key] = _abstain(line, items)
    return [decided[line.credit.key] for line in lines]


def _differing(credit: BankCredit, difference: Decimal) -> Decision:
    facts = {"amount": money(credit.amount, credit.currency), "difference": money(difference, credit.currency)}
    reason = sentence("batch_differs", **facts)
    return Decision(credit, Outcome.EXCEPTION, "batch_differs", SCORES["batch_differs"], reason, facts)


def _reference_exact(line: Line, items: OpenItems, policy: Policy) -> Decision | None:
    amount = line.credit.amount
    for named in line.references():
        if line.one_party(named) and items.total(named) == amount:
            return _decision(line, items, "reference_exact", Outcome.APPLIED, items.split(named, amount), named)
    return None


def _reference_partial(line: Line, items: OpenItems, policy: Policy) -> Decision | None:
    exact = _reference_exact(line, items, policy)
    if exact is not None or not policy.apply_partial:
        return exact
    named = line.all_references()
    if len(items.documents(named)) != 1 or len({k.document for k in named}) != 1 or line.named_elsewhere():
        return None
    if not line.one_party(named) or line.paid_by_another(named) or items.total(named) < line.credit.amount:
        return None
    return _decision(line, items, "reference_partial", Outcome.APPLIED, items.split(named, line.credit.amount), named)


def _payer_exact_amount(line: Line, items: OpenItems, policy: Policy) -> Decision | None:
    if not policy.apply_payer_amount or line.refers() or len(line.payers()) != 1:
        return None
    exact = items.exact(line.payer_items(), line.credit.amount)
    if len(exact) != 1:
        return None
    paid = exact[0].installments
    return _decision(line, items, "payer_exact_amount", Outcome.APPLIED, items.split(paid, line.credit.amount), paid)


def _abstain(line: Line, items: OpenItems) -> Decision:
    if line.credit.legal_entity is None:
        return _decision(line, items, "no_legal_entity", Outcome.EXCEPTION, (), ())
    if line.refers():
        return _abstain_reference(line, items)
    if line.payers():
        return _abstain_payer(line, items)
    exact = items.exact(line.items(Basis.AMOUNT), line.credit.amount)
    if not exact:
        return _decision(line, items, "no_candidate", Outcome.EXCEPTION, (), ())
    named = [k for t in exact for k in t.installments]
    if len(exact) > 1:
        return _decision(line, items, "amount_ambiguous", Outcome.EXCEPTION, (), named, count=len(exact))
    return _decision(line, items, "amount_unique", Outcome.PROPOSED, items.split(named, line.credit.amount), named)


def _abstain_reference(line: Line, items: OpenItems) -> Decision:
    amount = line.credit.amount
    named = line.all_references()
    if not named:
        return _decision(line, items, "reference_other_books", Outcome.EXCEPTION, (), line.named_elsewhere())
    if not line.one_party(named):
        parties = line.count_parties(named)
        return _decision(line, items, "reference_ambiguous", Outcome.EXCEPTION, (), named, parties=parties)
    documents = items.documents(named)
    total = items.total(named)
    if not documents:
        takers = set().union(*(items.takers(k.document) for k in named))
        taken = f" any more: bank line {listed(takers)} pays it" if takers else ""
        return _decision(line, items, "reference_settled", Outcome.EXCEPTION, (), named, taken=taken)
    if amount > total:
        difference = money(amount - total, line.credit.currency)
        offered = items.split(named, amount)
        return _decision(line, items, "reference_over", Outcome.PROPOSED, offered, named, difference=difference)
    if len({k.document for k in named}) == 1:
        rule = "reference_other_payer" if line.paid_by_another(named) else "reference_partial"
        return _decision(line, items, rule, Outcome.PROPOSED, items.split(named, amount), named)
    exact = items.exact(named, amount)
    offered = items.split(exact[0].installments if len(exact) == 1 else named, amount)
    return _decision(line, items, "reference_sum_differs", Outcome.PROPOSED, offered, named)


def _abstain_payer(line: Line, items: OpenItems) -> Decision:
    exact = items.exact(line.payer_items(), line.credit.amount)
    if not exact:
        return _decision(line, items, "payer_no_exact_amount", Outcome.EXCEPTION, (), ())
    named = [k for t in exact for k in t.installments]
    offered = items.split(exact[0].installments, line.credit.amount)
    if len(exact) > 1:
        second = exact[1]
        runner_up = RunnerUp(second.party.party_id, second.document.document_id, second.amount, _TOO)
        return _decision(
            line, items, "payer_ambiguous", Outcome.PROPOSED, offered, named, count=len(exact), runner_up=runner_up
        )
    parties = len(line.payers())
    rule = "payer_exact_amount" if parties == 1 else "payer_shared_account"
    return _decision(line, items, rule, Outcome.PROPOSED, offered, named, parties=parties)


def _decision(
    line: Line,
    items: OpenItems,
    rule: str,
    outcome: Outcome,
    applications: tuple[Application, ...],
    named: Sequence[InstallmentKey] | frozenset[InstallmentKey],
    runner_up: RunnerUp | None = None,
    **facts: object,
) -> Decision:
    credit = line.credit
    documents = {k.document for k in named}
    shown = {
        "amount": money(credit.amount, credit.currency),
        "documents": listed(d.document_id for d in documents),
        "open": money(items.total(named), credit.currency),
        "difference": "",
        **facts,
    }
    chosen = {DocumentKey(a.source_system, credit.legal_entity or "", a.document_id) for a in applications}
    return Decision(
        credit=credit,
        outcome=outcome,
        rule=rule,
        score=SCORES[rule],
        reason=sentence(rule, **shown),
        evidence=line.evidence(items, documents),
        applications=applications,
        runner_up=runner_up or _runner_up(line, items, chosen),
    )


def _runner_up(line: Line, items: OpenItems, chosen: set[DocumentKey]) -> RunnerUp | None:
    """The open document nearest in amount among the line's candidates that were not chosen."""
    others = [t for t in items.documents(line.items()) if t.document not in chosen]
    if not others:
        return None
    amount = line.credit.amount
    best = min(others, key=lambda t: (abs(t.amount - amount), t.due_date, t.document))
    off = best.amount - amount
    why = f"off by {money(off, line.credit.currency)}" if off else _TOO
    return RunnerUp(best.party.party_id, best.document.document_id, best.amount, why)
