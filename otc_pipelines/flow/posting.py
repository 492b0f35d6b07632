"""Posting: the versions that are new, and all that hangs together with them, become movements of the ledger.

Belongs here: the transaction that posts, and what it writes. Not here: which rows are posted again (``posting_rows``),
any accounting rule (``posting/``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain

import pyarrow as pa

from otc_pipelines.audit import append, audited
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.exchanges import Links, link, stand, standing
from otc_pipelines.flow.posting_rows import NODE, VERSIONS, clusters_of, cut, rates, touch
from otc_pipelines.flow.snapshots import keep_snapshots
from otc_pipelines.posting import Finding, LegalEntity, Movement, Settings
from otc_pipelines.posting import post as post_cluster
from otc_pipelines.warehouse import Tx
from otc_pipelines.warehouse.killpoint import killpoint

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
        opened, resolved = _hold(tx, findings, flow.run_id, newest)
        tx.insert("ops.posting_run", [{"posted_to": newest, "run_id": flow.run_id, "posted_at": datetime.now(UTC)}])
        append(
            tx,
            kind="posting",
            subject="ledger",
            actor=flow.actor,
            details={
                "run_id": flow.run_id,
                "movements": movements,
                "quarantined": opened,
                "posted_to": newest.isoformat(),
            },
        )
        days = keep_snapshots(tx, flow.instance, flow.instance.company.today(), flow.run_id)
        killpoint("post.before_commit")
    return StepReport(
        "post",
        "ledger",
        rows_new=movements,
        quarantined=opened,
        seconds=time.monotonic() - started,
        message="; ".join(
            m for m in (f"{resolved} held rows could be posted now" if resolved else "", linked, days) if m
        ),
    )


def _post(tx: Tx, flow: Flow, since: datetime | None) -> tuple[int, list[Finding]]:
    """Append the movements, a chunk of clusters at a time; return how many there are, and what is held."""
    touch(tx, since)
    known, settings = rates(tx), _settings(flow)
    count = 0
    findings: list[Finding] = []
    for chunk in range(cut(tx)):
        posted = [post_cluster(cluster, settings, known, since, flow.run_id) for cluster in clusters_of(tx, chunk)]
        findings += chain.from_iterable(p.findings for p in posted)
        count += tx.insert_arrow("ops.ar_movement", _table(chain.from_iterable(p.movements for p in posted)))
        killpoint("post.part")
    return count, findings


def _link(tx: Tx, flow: Flow) -> str:
    """Link what an earlier version posted without saying which allocation it is a side of; say what was done."""
    due = tx.scalar("select max(posted_to) from ops.exchange_due")
    if due is None:
        return ""
    touch(tx, None)
    known, settings = rates(tx, until=due), _settings(flow)
    chunks = cut(tx, until=due)
    stand(tx)
    said = {"linked": 0, "movements": 0, "left_alone": 0}
    for chunk in range(chunks):
        links = Links(standing(tx, chunk))
        for cluster in clusters_of(tx, chunk):
            links.add(post_cluster(cluster, settings, known, None, flow.run_id).movements)
        links.write(tx)
        said["linked"] += len(links.told)
        said["movements"] += tx.insert_arrow("ops.ar_movement", _table(links.appended))
        said["left_alone"] += links.left_alone
    link(tx)
    append(tx, kind="posting", subject="exchanges", actor=flow.actor, details={"run_id": flow.run_id, **said})
    left = f", {said['left_alone']} groups of rows left as they were" if said["left_alone"] else ""
    return f"{said['linked'] + said['movements']} earlier movements linked to their allocations{left}"


def _settings(flow: Flow) -> Settings:
    instance = flow.instance
    entities = {
        name: LegalEntity(instance.base_currency(name), own.ar_account) for name, own in instance.legal_entities.items()
    }
    return Settings(instance.company.base_currency, entities, instance.company.zone)


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
        for entity, (_, key) in VERSIONS.items()
        for r in tx.rows(
            f"""select distinct v.source_system, '{entity}' as entity, v.row_key
            from conformed.int_{entity}__unioned as v
            where v.row_key in (select row_key from ops.quarantine where status = 'open' and stage = 'posting')
                and exists (select 1 from otc_touched as t where t.source_system = v.source_system
                    and t.kind = '{NODE[key]}' and t.id = v.{key})"""  # noqa: S608
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
