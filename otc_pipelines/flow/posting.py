"""Posting: the versions that are new, and all that hangs together with them, become movements of the ledger.

Belongs here: which rows must be posted again, reading and writing them. Not here: any accounting rule (``posting/``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from otc_pipelines.audit import append, audited
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.exchanges import Links, standing
from otc_pipelines.flow.snapshots import keep_snapshots
from otc_pipelines.posting import (
    AdjustmentVersion,
    AllocationVersion,
    DocumentVersion,
    Finding,
    FxRateVersion,
    InstallmentVersion,
    LegalEntity,
    Movement,
    Rates,
    ReceiptEventVersion,
    ReceiptVersion,
    Settings,
    clusters,
)
from otc_pipelines.posting import post as post_cluster
from otc_pipelines.warehouse import Tx
from otc_pipelines.warehouse.killpoint import killpoint

_VERSIONS: dict[str, tuple[type[Any], str]] = {
    "documents": (DocumentVersion, "document_id"),
    "installments": (InstallmentVersion, "document_id"),
    "receipts": (ReceiptVersion, "receipt_id"),
    "receipt_events": (ReceiptEventVersion, "receipt_id"),
    "allocations": (AllocationVersion, "allocation_id"),
    "adjustments": (AdjustmentVersion, "adjustment_id"),
}
_NODE = {"document_id": "D", "receipt_id": "R", "allocation_id": "A", "adjustment_id": "J"}
_EDGES = """
    select source_system, 'A' as a_kind, allocation_id as a, 'D' as b_kind, document_id as b
    from conformed.int_allocations__unioned where document_id is not null
    union select source_system, 'A', allocation_id, case when source_type = 'receipt' then 'R' else 'D' end, source_id
    from conformed.int_allocations__unioned where source_id is not null
    union select source_system, 'A', allocation_id, 'A', reverses_id
    from conformed.int_allocations__unioned where reverses_id is not null
    union select source_system, 'J', adjustment_id, 'D', document_id
    from conformed.int_adjustments__unioned where document_id is not null
    union select source_system, 'J', adjustment_id, 'J', reverses_id
    from conformed.int_adjustments__unioned where reverses_id is not null"""

_MOVEMENTS = pa.schema(
    [
        (name, pa.string())
        for name in ("movement_id", "source_system", "legal_entity", "party_id", "item_type", "item_id")
    ]
    + [("installment_no", pa.int64()), ("document_type", pa.string())]
    + [("document_date", pa.date32()), ("due_date", pa.date32())]
    + [(name, pa.string()) for name in ("movement_type", "cause_entity", "cause_id")]
    + [("effective_date", pa.date32())]
    + [(name, pa.timestamp("us", tz="UTC")) for name in ("recorded_at", "loaded_at")]
    + [("amount", pa.decimal128(18, 4)), ("currency", pa.string())]
    + [("base_amount", pa.decimal128(18, 4)), ("base_currency", pa.string())]
    + [(name, pa.string()) for name in ("gl_account", "posted_in_load", "allocation_id", "exchange_id")]
)


def post(flow: Flow) -> StepReport:
    """Post what was loaded since the last posting, and take the snapshots of aging that follow from it.

    With nothing new nothing is written.
    """
    started = time.monotonic()
    with audited(flow.warehouse) as tx:
        since = tx.scalar("select max(posted_to) from ops.posting_run")
        newest = tx.scalar("select max(loaded_at) from ops.load")
        linked = _link(tx, flow)
        if newest is None or (since is not None and newest <= since):
            days = keep_snapshots(tx, flow.instance, flow.instance.company.today(), flow.run_id)
            message = "; ".join(m for m in ("nothing new to post", linked, days) if m)
            return StepReport("post", "ledger", rows_new=0, seconds=time.monotonic() - started, message=message)
        movements, findings = _post(tx, flow, since)
        tx.insert_arrow("ops.ar_movement", _table(movements))
        opened, resolved = _hold(tx, findings, flow.run_id, newest)
        tx.insert("ops.posting_run", [{"posted_to": newest, "run_id": flow.run_id, "posted_at": datetime.now(UTC)}])
        append(
            tx,
            kind="posting",
            subject="ledger",
            actor=flow.actor,
            details={
                "run_id": flow.run_id,
                "movements": len(movements),
                "quarantined": opened,
                "posted_to": newest.isoformat(),
            },
        )
        days = keep_snapshots(tx, flow.instance, flow.instance.company.today(), flow.run_id)
        killpoint("post.before_commit")
    return StepReport(
        "post",
        "ledger",
        rows_new=len(movements),
        quarantined=opened,
        seconds=time.monotonic() - started,
        message="; ".join(
            m for m in (f"{resolved} held rows could be posted now" if resolved else "", linked, days) if m
        ),
    )


def _post(tx: Tx, flow: Flow, since: datetime | None) -> tuple[list[Movement], list[Finding]]:
    _touched(tx, since)
    rows = {entity: list(_read(tx, entity, kind, key)) for entity, (kind, key) in _VERSIONS.items()}
    rates = Rates(FxRateVersion._make(r) for r in _tuples(tx, "fx_rates", FxRateVersion._fields, "true"))
    settings = _settings(flow)
    movements: list[Movement] = []
    findings: list[Finding] = []
    for cluster in clusters(**rows):
        posted = post_cluster(cluster, settings, rates, since, flow.run_id)
        movements += posted.movements
        findings += posted.findings
    return movements, findings


def _link(tx: Tx, flow: Flow) -> str:
    """Link what an earlier version posted without saying which allocation it is a side of; say what was done."""
    due = tx.scalar("select max(posted_to) from ops.exchange_due")
    if due is None:
        return ""
    links = Links(standing(tx))
    _touched(tx, None)
    rows = {
        entity: [row for row in _read(tx, entity, kind, key) if row.loaded_at <= due]
        for entity, (kind, key) in _VERSIONS.items()
    }
    rates = Rates(
        rate
        for rate in (FxRateVersion._make(r) for r in _tuples(tx, "fx_rates", FxRateVersion._fields, "true"))
        if rate.loaded_at <= due
    )
    settings = _settings(flow)
    for cluster in clusters(**rows):
        links.add(post_cluster(cluster, settings, rates, None, flow.run_id).movements)
    links.write(tx)
    tx.insert_arrow("ops.ar_movement", _table(links.appended))
    tx.execute("delete from ops.exchange_due")
    said = {"linked": len(links.told), "movements": len(links.appended), "left_alone": links.left_alone}
    append(tx, kind="posting", subject="exchanges", actor=flow.actor, details={"run_id": flow.run_id, **said})
    left = f", {links.left_alone} groups of rows left as they were" if links.left_alone else ""
    return f"{len(links.told) + len(links.appended)} earlier movements linked to their allocations{left}"


def _settings(flow: Flow) -> Settings:
    instance = flow.instance
    entities = {
        name: LegalEntity(instance.base_currency(name), own.ar_account) for name, own in instance.legal_entities.items()
    }
    return Settings(instance.company.base_currency, entities, instance.company.zone)


def _touched(tx: Tx, since: datetime | None) -> None:
    """Leave in ``otc_touched`` every document and receipt whose component has a version loaded after ``since``."""
    if since is None:
        parts = [
            f"select source_system, '{_NODE[key]}' as kind, {key} as id from conformed.int_{entity}__unioned"  # noqa: S608
            for entity, (_, key) in _VERSIONS.items()
        ]
        tx.temp("otc_touched", f"select distinct * from ({' union all '.join(parts)}) as p where id is not null")  # noqa: S608
        return
    parts = [
        f"select source_system, '{_NODE[key]}' as kind, {key} as id from conformed.int_{entity}__unioned"  # noqa: S608
        " where loaded_at > :since"
        for entity, (_, key) in _VERSIONS.items()
    ]
    rated = """select v.source_system, '{kind}', v.{key} from conformed.int_{entity}__unioned as v
        where v.fx_rate is null and v.currency in
            (select from_currency from conformed.int_fx_rates__unioned where loaded_at > :since)"""
    parts += [rated.format(kind="D", key="document_id", entity="documents")]
    parts += [rated.format(kind="R", key="receipt_id", entity="receipts")]
    tx.temp(
        "otc_touched",
        f"select distinct * from ({' union all '.join(parts)}) as p where id is not null",  # noqa: S608
        since=since,
    )
    tx.temp("otc_edges", _EDGES)
    before = -1
    while (count := int(tx.scalar("select count(*) from otc_touched"))) != before:
        before = count
        tx.temp(
            "otc_reached",
            """select source_system, kind, id from otc_touched
            union select e.source_system, e.a_kind, e.a from otc_edges as e join otc_touched as t
                on t.source_system = e.source_system and t.kind = e.b_kind and t.id = e.b
            union select e.source_system, e.b_kind, e.b from otc_edges as e join otc_touched as t
                on t.source_system = e.source_system and t.kind = e.a_kind and t.id = e.a""",
        )
        tx.temp("otc_touched", "select * from otc_reached")


def _read(tx: Tx, entity: str, kind: type[Any], key: str) -> Iterable[Any]:
    where = f"""exists (select 1 from otc_touched as t where t.source_system = v.source_system
        and t.kind = '{_NODE[key]}' and t.id = v.{key})"""  # noqa: S608
    for values in _tuples(tx, entity, kind._fields, where):
        yield kind._make(values)


def _tuples(tx: Tx, entity: str, columns: Iterable[str], where: str) -> Iterable[tuple[Any, ...]]:
    listed = ", ".join(f'v."{c}"' for c in columns)
    for batch in tx.arrow_batches(f"select {listed} from conformed.int_{entity}__unioned as v where {where}"):  # noqa: S608
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _table(movements: Iterable[Movement]) -> pa.Table:
    columns = list(zip(*movements, strict=True)) or [()] * len(_MOVEMENTS)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, _MOVEMENTS, strict=True)], schema=_MOVEMENTS)


def _hold(tx: Tx, findings: Iterable[Finding], run_id: str, newest: datetime) -> tuple[int, int]:
    """Show what cannot be posted in quarantine; release what can be now. Returns (newly held, released)."""
    wanted = {_finding_id(f): f for f in findings}
    held = tx.rows(
        "select quarantine_id, source_system, entity, row_key from ops.quarantine"
        " where status = 'open' and stage = 'posting'"
    )
    open_now = {r["quarantine_id"] for r in held}
    touched = {
        (r["source_system"], r["entity"], r["row_key"])
        for entity, (_, key) in _VERSIONS.items()
        for r in tx.rows(
            f"""select distinct v.source_system, '{entity}' as entity, v.row_key
            from conformed.int_{entity}__unioned as v
            where v.row_key in (select row_key from ops.quarantine where status = 'open' and stage = 'posting')
                and exists (select 1 from otc_touched as t where t.source_system = v.source_system
                    and t.kind = '{_NODE[key]}' and t.id = v.{key})"""  # noqa: S608
        )
    }
    released = [
        r["quarantine_id"]
        for r in held
        if (r["source_system"], r["entity"], r["row_key"]) in touched and r["quarantine_id"] not in wanted
    ]
    for quarantine_id in released:
        tx.execute(
            "update ops.quarantine set status = 'resolved', resolved_at = :at, resolved_by = :by"
            " where quarantine_id = :id",
            at=newest,
            by=run_id,
            id=quarantine_id,
        )
    fresh = [(key, f) for key, f in wanted.items() if key not in open_now]
    tx.insert(
        "ops.quarantine",
        [
            {
                "quarantine_id": key,
                "stage": "posting",
                "source_system": f.source_system,
                "connector": "",
                "entity": f.entity,
                "file": f.file,
                "line": f.line,
                "row_key": f.key,
                "reason": f.reason,
                "row_json": "{}",
                "loaded_at": f.loaded_at,
                "load_id": run_id,
                "status": "open",
                "resolved_at": None,
                "resolved_by": None,
            }
            for key, f in fresh
        ],
    )
    return len(fresh), len(released)


def _finding_id(finding: Finding) -> str:
    said = "|".join(
        str(part) for part in (finding.source_system, finding.entity, finding.key, finding.code, finding.reason)
    )
    return hashlib.sha256(f"posting|{said}".encode()).hexdigest()
