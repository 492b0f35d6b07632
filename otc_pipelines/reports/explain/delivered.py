"""A field that was delivered: the outbox and its attempts, the verdict that allowed it, the model's row, the movements.

Belongs here: what a value in a target rests on. Not here: what is delivered, and how (``reverse_sync``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.kit.errors import ConfigError
from connectors.kit.money import rounded
from otc_pipelines.naming import outbound_model
from otc_pipelines.reports.explain.around import verdict
from otc_pipelines.reports.explain.behind import Behind
from otc_pipelines.reports.explain.ledger import base_of, movements, open_only
from otc_pipelines.reports.explain.model import Figure, Key, Moved, Question
from otc_pipelines.reports.explain.source_rows import SourceRows
from otc_pipelines.reports.explain.told import Asked, Told, disagreeing, listed
from otc_pipelines.reports.explain.trail import Trail

_LINKS = {
    "account_ar_status": ("int_crm_accounts", "account_id", "customer_key", "party_key", "crm_accounts"),
    "order_payment_status": ("int_crm_orders", "crm_order_id", "order_key", "erp_order_key", "crm_orders"),
}
"""Object → the conformed model of the target's records, their id, their key, the key of ours, the entity of them."""


@dataclass(frozen=True)
class _Field:
    """What was asked for: of which target's object and record, which field of ours."""

    target: str
    source: str
    connector: str
    object_name: str
    key: str
    name: str


def explain_delivered(asked: Asked) -> Told:
    """Explain a value that stands in a target: of the newest version that was put into the outbox for its record."""
    field = _field(asked)
    entries = asked.tx.rows(
        "select * from ops.outbox where target = :target and object = :object and key = :key order by version",
        target=field.target,
        object=field.object_name,
        key=field.key,
    )
    if not entries:
        raise ConfigError(
            f"nothing was ever planned for {field.key!r} of {field.target}/{field.object_name}; "
            f"its keys are those of `otc sync --target {field.target}`"
        )
    delivered = [e for e in entries if e["status"] == "delivered"]
    entry = (delivered or entries)[-1]
    payload = json.loads(entry["payload"])
    name = _name(asked, field, payload)
    trail = Trail()
    for e in entries:
        _entry(asked, trail, field, e, name, e is entry)
    moved, figures, as_of = _value(asked, trail, field, entry, payload, name)
    about = {
        "record": f"{field.target}/{field.object_name}/{field.key}",
        "field": name,
        "value": payload[name],
        "status": entry["status"],
    }
    thing = replace(asked.thing, id=f"{field.target}/{field.object_name}/{field.key}/{name}")
    return Told(thing, as_of, trail, figures, about, disagreeing(figures, moved))


def _field(asked: Asked) -> _Field:
    parts = asked.thing.id.split("/")
    if len(parts) < 4 or not all(parts):
        raise ConfigError(f"{str(asked.thing)!r} is not delivered:TARGET/OBJECT/KEY/FIELD")
    target_name, object_name, key, name = parts[0], parts[1], "/".join(parts[2:-1]), parts[-1]
    target = next((t for t in asked.instance.targets if t.name == target_name), None)
    if target is None:
        known = ", ".join(t.name for t in asked.instance.targets) or "none"
        raise ConfigError(f"target {target_name!r} is not in {asked.instance.path.name}; there are: {known}")
    if object_name not in target.objects:
        raise ConfigError(f"target {target_name} has no object {object_name!r}; it has {', '.join(target.objects)}")
    connector = asked.instance.source(target.source).connector
    if object_name in _LINKS:
        model, id_column, key_column, _, _ = _LINKS[object_name]
        found = asked.tx.scalar(
            f"select {key_column} from conformed.{model}__linked"  # noqa: S608
            f" where source_system = :source and {id_column} = :id",
            source=target.source,
            id=key,
        )
        key = str(found) if found is not None else key
    return _Field(target_name, target.source, connector, object_name, key, name)


def _name(asked: Asked, field: _Field, payload: Mapping[str, Any]) -> str:
    """Return our name of the field, which may be asked for by the vendor's."""
    source = asked.instance.source(field.source)
    spelled = asked.instance.connector_of(source).outbound_fields.get(field.object_name, {})
    ours = {vendor.lower(): name for name, vendor in spelled.items()} | {name.lower(): name for name in payload}
    found = ours.get(field.name.lower())
    if found is None or found not in payload:
        raise ConfigError(
            f"{field.object_name} of {field.target} has no field {field.name!r}; it has {', '.join(sorted(payload))}"
        )
    return found


def _entry(asked: Asked, trail: Trail, field: _Field, e: Mapping[str, Any], name: str, chosen: bool) -> None:
    """Add a version of the outbox, its attempts and the verdicts on its batch; of older ones the version alone."""
    payload = json.loads(e["payload"])
    n = trail.add(
        "delivery",
        None,
        role=name,
        status=e["status"],
        source_system=field.source,
        connector=field.connector,
        entity=field.object_name,
        key=field.key,
        version=e["version"],
        stated_amount=str(payload.get(name)),
        stated_currency=payload.get("currency"),
        stated_date=payload.get("as_of"),
        reason=e["reason"] or None,
        evidence=e["batch_hash"],
        actor=e["approved_by"] or e["created_by"],
        decided_at=e["created_at"],
        recorded_at=e["updated_at"],
    )
    if not chosen:
        return
    for a in asked.tx.rows("select * from ops.sync_attempt where outbox_id = :id order by attempt", id=e["outbox_id"]):
        trail.add(
            "attempt", n, role=f"attempt {a['attempt']}", status=a["outcome"], reason=a["reason"] or None,
            recorded_at=a["started_at"], decided_at=a["finished_at"],
        )  # fmt: skip
    rows = asked.tx.rows(
        "select * from ops.gate_verdict where target = :target and object = :object and batch_hash = :batch_hash"
        " order by decided_at desc, suite",
        target=field.target,
        object=field.object_name,
        batch_hash=e["batch_hash"],
    )
    for row in (r for r in rows if r["decided_at"] == rows[0]["decided_at"]):
        verdict(trail, n, row)


def _value(
    asked: Asked, trail: Trail, field: _Field, entry: Mapping[str, Any], payload: Mapping[str, Any], name: str
) -> tuple[list[Moved], tuple[Figure, ...], date]:
    """Add what the value was summed from, as it was loaded when it was planned."""
    as_of = date.fromisoformat(payload["as_of"]) if payload.get("as_of") else asked.as_of
    posted_to = asked.tx.scalar(
        "select max(posted_to) from ops.posting_run where posted_at <= cast(:at as timestamptz)",
        at=entry["created_at"].isoformat(),
    )
    then = replace(
        asked,
        as_of=as_of,
        question=Question(
            asked.question.thing,
            as_of,
            loaded_at=posted_to,
            settled=asked.question.settled,
            decided_by=entry["created_at"],
        ),
    )
    rows = SourceRows(asked.tx)
    if field.object_name == "order_payment_status":
        return _order(then, trail, field, payload, name, rows)
    if field.object_name == "receipt":
        return _receipt(then, trail, field, payload)
    ours = _linked(then, trail, field, rows) or f"{field.source}:{field.key}"
    source, _, party = ours.partition(":")
    found = movements(
        then.tx, then.warehouse, "source_system = :source and party_id = :id and item_type = 'installment'",
        as_of, False, source=source, id=party,
    )  # fmt: skip
    late = [m for m in found if m.due_date is not None and m.due_date < as_of]
    chosen = found if name == "open_amount" else late
    mine = open_only(chosen, then.question)
    counted = [m for m in mine if then.question.counts(m.recorded_at, m.loaded_at)]
    figures: tuple[Figure, ...] = ()
    model = f"outbound.{outbound_model(field.connector, field.object_name)}"
    if name in ("open_amount", "past_due_amount"):
        currency = payload["currency"]
        base = base_of(counted)
        amount = Decimal(0) if base is None else rounded(base, currency)
        figures = (Figure(f"{name} (base)", f"{model}, as delivered", None, currency, amount, Decimal(payload[name])),)
    elif name == "oldest_days_late":
        days = max(((as_of - m.due_date).days for m in counted if m.due_date), default=0)
        shown = Decimal(payload[name])
        figures = (Figure(name, f"{model}, as delivered", None, payload["currency"], Decimal(days), shown),)
    listed(then, trail, counted)
    return counted, figures, as_of


def _linked(asked: Asked, trail: Trail, field: _Field, rows: SourceRows) -> str | None:
    """Return our key of the target's record, and add the record that carries it."""
    if field.object_name not in _LINKS:
        return None
    model, id_column, key_column, our_key, entity = _LINKS[field.object_name]
    found = asked.tx.rows(
        f"select {id_column} as id, {our_key} as ours from conformed.{model}__linked"  # noqa: S608
        f" where source_system = :source and {key_column} = :key",
        source=field.source,
        key=field.key,
    )
    rows.fetch(entity, [(field.source, r["id"]) for r in found])
    for r in found:
        for v in rows.of(entity, (field.source, r["id"]))[-1:]:
            trail.source(v, None, "record in the target", "counts")
    return next((str(r["ours"]) for r in found if r["ours"]), None)


def _order(
    asked: Asked, trail: Trail, field: _Field, payload: Mapping[str, Any], name: str, rows: SourceRows
) -> tuple[list[Moved], tuple[Figure, ...], date]:
    """What was paid of an order: what was billed of it less what is open of that, in the order's currency."""
    ours = _linked(asked, trail, field, rows) or field.key
    source, _, order = ours.partition(":")
    rows.fetch("orders", [(source, order)])
    for v in rows.of("orders", (source, order))[-1:]:
        trail.source(v, None, "order", "counts")
    billed = asked.tx.rows(
        """select document_id, amount from conformed.int_documents__current
        where source_system = :source and order_id = :order and coalesce(status, 'posted') = 'posted'
            and document_type in ('invoice', 'debit_memo') and currency = :currency
            and coalesce(posting_date, document_date) <= cast(:day as date)""",
        source=source, order=order, currency=payload["currency"], day=asked.as_of.isoformat(),
    )  # fmt: skip
    ids = [r["document_id"] for r in billed]
    found = _of_items(asked, source, ids)
    paid = [m for m in found if m.movement_type != "document" and asked.question.counts(m.recorded_at, m.loaded_at)]
    amount = -sum((m.amount for m in paid), Decimal(0))
    figures: tuple[Figure, ...] = ()
    if name == "paid_amount":
        model = f"outbound.{outbound_model(field.connector, field.object_name)}"
        shown = Decimal(payload[name])
        figures = (Figure(name, f"{model}, as delivered", None, payload["currency"], amount, shown),)
    listed(asked, trail, found)
    return found, figures, asked.as_of


def _of_items(asked: Asked, source: str, ids: Sequence[str]) -> list[Moved]:
    if not ids:
        return []
    return movements(
        asked.tx, asked.warehouse, "source_system = :source and item_type = 'installment' and item_id = any(:ids)",
        asked.as_of, False, source=source, ids=list(ids),
    )  # fmt: skip


def _receipt(
    asked: Asked, trail: Trail, field: _Field, payload: Mapping[str, Any]
) -> tuple[list[Moved], tuple[Figure, ...], date]:
    """A bank line that was posted in an ERP: the decision on it, and the line."""
    decided = asked.tx.rows(
        "select * from ops.match_decision where bank_line_id = :id order by decided_at, decision_id", id=field.key
    )
    lines: list[Key] = list(dict.fromkeys((r["bank_source"], r["bank_line_id"]) for r in decided))
    rows = SourceRows(asked.tx)
    Behind.fetch_lines(rows, lines)
    behind = Behind(asked.tx, rows, [], asked.question)
    for line in lines:
        behind.decided(trail, None, line, [r for r in decided if r["bank_source"] == line[0]])
    found = [v for line in lines for v in rows.of("bank_lines", line)[-1:]]
    amount = sum((v.said["amount"] for v in found), Decimal(0))
    shown = Decimal(payload["amount"])
    figures = (Figure("amount", "the batch as delivered", None, payload["currency"], amount, shown),)
    return [], figures, asked.as_of
