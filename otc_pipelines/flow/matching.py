"""Cash application as a step: bank credits and candidates from the warehouse, decisions back into it.

Belongs here: which lines are decided anew, reading and writing. Not here: any rule (``cash_application/``).
A decision that stands is left alone: an applied one is decided again only when the ERP has posted the line, or when
what it was applied to is no longer open.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from otc_pipelines.audit import append, audited
from otc_pipelines.cash_application import BankCredit, Basis, Candidate, Decision, decide
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.standing import Line, counted, current_decisions, less, standing, taken_by, takers_of
from otc_pipelines.warehouse import Tx

_BASES = {
    "structured_reference": Basis.STRUCTURED_REFERENCE,
    "document_reference": Basis.DOCUMENT_REFERENCE,
    "text_token": Basis.DOCUMENT_REFERENCE,
    "payer_account_amount": Basis.PAYER_ACCOUNT,
    "payer_name_amount": Basis.AMOUNT,  # a name alone is not safe: it proposes, it never applies
    "amount_only": Basis.AMOUNT,
}
_POSTED = {"reference": Basis.POSTED_REFERENCE, "amount": Basis.POSTED_AMOUNT}


def match(flow: Flow) -> StepReport:
    """Decide every bank credit that has no standing decision. With nothing new nothing is written."""
    started = time.monotonic()
    with flow.warehouse.held():
        return _matched(flow, started)


def _matched(flow: Flow, started: float) -> StepReport:
    with audited(flow.warehouse) as tx:
        credits = [_credit(r) for r in tx.rows(_CREDITS)]
        posted = [_posted(r) for r in tx.rows(_POSTED_CANDIDATES)]
        current = current_decisions(tx)
        credits, withdrawn = counted(tx, credits, current)
        kept = standing(current, {c.line for c in posted} | {c.key for c in credits if c.returned_by}, tx)
        taken = taken_by(rows for line, rows in current.items() if line in kept)
        undecided = [c for c in credits if c.key not in kept]
        candidates = (_candidate(r) for r in tx.rows(_CANDIDATES)) if undecided else ()  # they look at all that is open
        offered = [less(c, taken) for c in candidates if c.line not in kept]
        decided = decide(
            undecided,
            [*offered, *(c for c in posted if c.line not in kept)],
            standing=takers_of(rows for line, rows in current.items() if line in kept),
        )
        new, superseded = _store(tx, flow, decided, current, withdrawn)
        if new or superseded:
            outcomes = [d.outcome.value for d in decided]
            append(
                tx,
                kind="decision",
                subject="bank lines",
                actor=flow.actor,
                details={
                    "run_id": flow.run_id,
                    "lines": len(decided),
                    "applied": outcomes.count("applied"),
                    "proposed": outcomes.count("proposed"),
                    "exceptions": outcomes.count("exception"),
                    "new": new,
                    "superseded": superseded,
                },
            )
    facts = summary(flow)
    return StepReport(
        "match",
        "bank credits",
        rows_in=len(credits),
        rows_new=new,
        seconds=time.monotonic() - started,
        message=_said(facts),
        facts=facts,
    )


def summary(flow: Flow) -> dict[str, Any]:
    """How the bank credits stand: lines by outcome, and the share that needed no person."""
    with flow.warehouse.reading() as tx:
        rows = tx.rows(
            """select outcome, rule, count(distinct bank_source || '|' || bank_line_id) as lines
            from ops.match_decision where superseded_at is null group by outcome, rule order by outcome, rule"""
        )
    lines: dict[str, int] = defaultdict(int)
    for r in rows:
        lines[r["outcome"]] += r["lines"]
    total = sum(lines.values())
    rate = (Decimal(lines["applied"]) * 100 / total).quantize(Decimal("0.1")) if total else None
    return {
        "lines": total,
        **{o: lines[o] for o in ("applied", "proposed", "exception")},
        "match_rate": str(rate) if rate is not None else None,
        "rules": {r["rule"]: r["lines"] for r in rows},
    }


def _said(facts: Mapping[str, Any]) -> str:
    if not facts["lines"]:
        return "no bank credits"
    return f"{facts['match_rate']} % applied; {facts['proposed']} proposed, {facts['exception']} for a person"


_CREDITS = """select source_system, bank_line_id, legal_entity, currency, amount, value_date,
        returned_by_line_id, batch_difference
    from conformed.int_bank_credits order by source_system, bank_line_id"""
_CANDIDATES = """select bank_source, bank_line_id, source_system, legal_entity, party_id, document_id, installment_no,
        currency, due_date, open_amount, kind, evidence
    from conformed.int_match_candidates order by bank_source, bank_line_id, document_id, installment_no, kind"""
_POSTED_CANDIDATES = """select p.bank_source, p.bank_line_id, p.source_system, p.receipt_id, p.legal_entity, p.party_id,
        p.currency, p.receipt_amount, p.how, a.document_id, a.installment_no, a.amount as allocated
    from conformed.int_bank_posted_candidates as p
    left join (
        select source_system, source_id, document_id, coalesce(installment_no, 1) as installment_no,
            sum(amount) as amount
        from conformed.int_allocations__current where source_type = 'receipt'
        group by source_system, source_id, document_id, coalesce(installment_no, 1) having sum(amount) > 0
    ) as a on a.source_system = p.source_system and a.source_id = p.receipt_id
    order by p.bank_source, p.bank_line_id, p.source_system, p.receipt_id, a.document_id, a.installment_no"""


def _credit(r: Mapping[str, Any]) -> BankCredit:
    return BankCredit(
        r["source_system"],
        r["bank_line_id"],
        r["legal_entity"],
        r["currency"],
        r["amount"],
        r["value_date"],
        r["returned_by_line_id"] or "",
        r["batch_difference"],
    )


def _candidate(r: Mapping[str, Any]) -> Candidate:
    return Candidate(
        bank_source=r["bank_source"],
        bank_line_id=r["bank_line_id"],
        basis=_BASES[r["kind"]],
        source_system=r["source_system"],
        legal_entity=r["legal_entity"],
        party_id=r["party_id"],
        currency=r["currency"],
        document_id=r["document_id"],
        installment_no=r["installment_no"],
        due_date=r["due_date"],
        open_amount=r["open_amount"],
        token=r["evidence"] or "",
    )


def _posted(r: Mapping[str, Any]) -> Candidate:
    return Candidate(
        bank_source=r["bank_source"],
        bank_line_id=r["bank_line_id"],
        basis=_POSTED[r["how"]],
        source_system=r["source_system"],
        legal_entity=r["legal_entity"],
        party_id=r["party_id"] or "",
        currency=r["currency"],
        document_id=r["document_id"] or "",
        installment_no=r["installment_no"] or 1,
        open_amount=r["allocated"] or Decimal(0),
        receipt_id=r["receipt_id"],
        receipt_amount=r["receipt_amount"],
    )


def _store(
    tx: Tx,
    flow: Flow,
    decided: Sequence[Decision],
    current: Mapping[Line, Sequence[Mapping[str, Any]]],
    withdrawn: Sequence[str],
) -> tuple[int, int]:
    """Write decisions that differ from those that stand; return how many lines, and how many rows they replace."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    replaced: list[str] = [*withdrawn]
    lines = 0
    for d in decided:
        fresh = [_row(flow, d, n, now) for n in range(max(1, len(d.applications)))]
        before = current.get(d.credit.key, [])
        if [_content(r) for r in before] == [_content(r) for r in sorted(fresh, key=lambda r: str(r["decision_id"]))]:
            continue
        lines += 1
        replaced += [r["decision_id"] for r in before]
        rows += fresh
    if replaced:
        tx.execute(
            "update ops.match_decision set superseded_at = :now"
            " where decision_id = any(:ids) and superseded_at is null",
            now=now,
            ids=replaced,
        )
    tx.insert("ops.match_decision", rows)
    return lines, len(replaced)


def _row(flow: Flow, d: Decision, nth: int, now: datetime) -> dict[str, Any]:
    applied = d.applications[nth] if d.applications else None
    identity = f"{flow.run_id}|{d.credit.source_system}|{d.credit.bank_line_id}"
    return {
        "decision_id": f"{hashlib.sha256(identity.encode()).hexdigest()[:28]}-{nth:03d}",
        "run_id": flow.run_id,
        "decided_at": now,
        "superseded_at": None,
        "bank_source": d.credit.source_system,
        "bank_line_id": d.credit.bank_line_id,
        "legal_entity": d.credit.legal_entity,
        "party_id": applied.party_id if applied else None,
        "document_source": applied.source_system if applied else None,
        "document_id": applied.document_id if applied else None,
        "installment_no": applied.installment_no if applied else None,
        "due_date": None,
        "receipt_id": (applied.receipt_id if applied else "") or d.receipt_id or None,
        "amount": applied.amount if applied else d.credit.amount,
        "currency": d.credit.currency,
        "value_date": d.credit.value_date,
        "rule": d.rule,
        "score": d.score,
        "outcome": d.outcome.value,
        "reason": d.reason,
        "evidence": json.dumps(d.evidence, default=str, sort_keys=True),
        "runner_up": None
        if d.runner_up is None
        else json.dumps(
            {
                "party_id": d.runner_up.party_id,
                "document_id": d.runner_up.document_id,
                "open_amount": str(d.runner_up.open_amount),
                "why": d.runner_up.why,
            }
        ),
        "actor": flow.actor,
    }


def _content(r: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("document_source", "document_id", "installment_no", "receipt_id", "rule", "outcome", "reason")
    return (*(r[n] for n in names), Decimal(r["amount"]), r["currency"])
