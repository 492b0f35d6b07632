"""One movement, allocation or adjustment, and one bank line: what they moved, and what they rest on.

Belongs here: things that are no balance. Not here: balances, deliveries.
"""

from __future__ import annotations

from decimal import Decimal

from otc_pipelines.reports.explain.behind import Behind
from otc_pipelines.reports.explain.ledger import movements
from otc_pipelines.reports.explain.model import Figure
from otc_pipelines.reports.explain.source_rows import SourceRows
from otc_pipelines.reports.explain.told import Asked, Told, disagreeing, listed
from otc_pipelines.reports.explain.trail import Trail
from otc_pipelines.warehouse.publish import published


def explain_moved(asked: Asked) -> Told:
    """Explain one movement, or all that an allocation or adjustment moved on either side."""
    thing = asked.thing
    if thing.kind == "movement":
        where, parameters = "movement_id = :id", {"id": thing.id}
    else:
        where = f"source_system = :source and cause_entity = '{thing.kind}s' and cause_id = :id"
        parameters = {"source": thing.source, "id": thing.id}
    found = movements(asked.tx, asked.warehouse, where, asked.as_of, asked.question.include_pending, **parameters)
    trail = Trail()
    listed(asked, trail, found)
    figures = []
    with published(asked.warehouse) as tx:
        for name in dict.fromkeys(m.item_type for m in found):
            mine = [m for m in found if m.item_type == name]
            counted = [m for m in mine if asked.question.counts(m.recorded_at, m.loaded_at)]
            names = {f"id{n}": m.movement_id for n, m in enumerate(counted)}
            other = tx.scalar(
                f"select sum(amount) from marts.fct_ar_ledger where movement_id in ({_bound(names)})",  # noqa: S608
                **names,
            ) if names else None  # fmt: skip
            m = mine[0]
            amount = sum((c.amount for c in counted), Decimal(0))
            figures.append(
                Figure(
                    f"moved on {name}", "marts.fct_ar_ledger", m.legal_entity, m.currency, amount, other or Decimal(0)
                )
            )
    also = () if thing.kind == "movement" else ((f"{thing.kind}s", (thing.source, thing.id)),)
    return Told(thing, asked.as_of, trail, tuple(figures), {}, disagreeing(figures, found), also)


def explain_bank_line(asked: Asked) -> Told:
    """Explain a bank line: where it came from, every decision on it, and what its money moved."""
    thing, question = asked.thing, asked.question
    line = (thing.source, thing.id)
    rows = SourceRows(asked.tx)
    Behind.fetch_lines(rows, [line])
    decided = asked.tx.rows(
        "select * from ops.match_decision where bank_source = :source and bank_line_id = :id"
        " order by decided_at, decision_id",
        source=thing.source,
        id=thing.id,
    )
    trail = Trail()
    receipts = sorted({(r["document_source"], r["receipt_id"]) for r in decided if r["receipt_id"]}, key=str)
    moved = []
    for source, receipt in receipts:
        moved += movements(
            asked.tx,
            asked.warehouse,
            "(cause_entity = 'receipts' and cause_id = :id) and source_system = :source",
            asked.as_of,
            False,
            source=source,
            id=receipt,
        )
    moved += movements(
        asked.tx, asked.warehouse, "cause_entity = 'bank_lines' and cause_id = :id", asked.as_of, True, id=thing.id
    )
    behind = Behind(asked.tx, rows, moved, question)
    n = behind.line(trail, None, line)
    behind.decided(trail, n, line, decided, with_line=False)
    listed(asked, trail, moved)
    figures = []
    standing = [r for r in decided if r["superseded_at"] is None]
    if standing:
        with published(asked.warehouse) as tx:
            other = tx.scalar(
                "select sum(amount) from marts.fct_match_decisions where is_current and bank_source = :source"
                " and bank_line_id = :id",
                source=thing.source,
                id=thing.id,
            )
        amount = sum((r["amount"] for r in standing), Decimal(0))
        name, currency = standing[0]["outcome"], standing[0]["currency"]
        figures.append(Figure(name, "otc matches", standing[0]["legal_entity"], currency, amount, other or Decimal(0)))
    also = (("bank_lines", line),)
    return Told(thing, asked.as_of, trail, tuple(figures), {}, disagreeing(figures, moved), also)


def _bound(names: dict[str, str]) -> str:
    return ", ".join(f":{name}" for name in names)
