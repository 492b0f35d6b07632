"""Reverse sync as a step: plan what would change, deliver where both the target and the caller mean it, say what came.

Belongs here: configuration into policy, reports into rows. Not here: how a delivery works (``reverse_sync/``).
"""

from __future__ import annotations

import json
import time
from typing import Any

from connectors.kit.contract import Writer
from connectors.kit.errors import ConfigError, ConnectorError
from otc_pipelines.audit import audited
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.outbound import outbound_batches
from otc_pipelines.reverse_sync import (
    DeliveryReport,
    OutboundBatch,
    Policy,
    RowResult,
    approve,
    deliver,
    deliver_approved,
    plan_sync,
    planned_rows,
)
from otc_pipelines.settings import Target

COLUMNS = ["target", "object", "key", "action", "fields", "status", "reason"]


def plan_targets(flow: Flow, only: str | None = None) -> list[dict[str, Any]]:
    """Return what a delivery would do now, a row per record; nothing is written."""
    _known(flow, only)
    rows: list[dict[str, Any]] = []
    with flow.warehouse.reading() as tx:
        for target, batch in outbound_batches(flow, tx, only):
            rows += _rows(target.name, batch.object_name, planned_rows(plan_sync(tx, batch, _policy(flow, target))))
    return rows


def deliver_targets(flow: Flow, only: str | None = None) -> tuple[list[StepReport], list[dict[str, Any]]]:
    """Deliver to every target in mode ``deliver`` (or to the one named). Returns a report per object, and the rows.

    ConfigError for a named target that is in mode ``dry_run``: a flag does not overrule the configuration.
    """
    _known(flow, only)
    for target in flow.instance.targets:
        if only == target.name and target.mode != "deliver":
            raise ConfigError(
                f"target {target.name} is in mode dry_run; "
                f"set mode: deliver in {flow.instance.path.name} to write to it"
            )
    with flow.warehouse.reading() as tx:
        batches = [(t, b) for t, b in outbound_batches(flow, tx, only) if t.mode == "deliver"]
    reports, rows = [], []
    for target, batch in batches:
        report, delivered = _deliver(flow, target, batch)
        reports.append(report)
        rows += delivered
    return reports, rows


def deliver_object(flow: Flow, target: Target, object_name: str) -> tuple[StepReport, list[dict[str, Any]]]:
    """Deliver one object of one target. Refused without a passing verdict for exactly its batch, like any delivery."""
    with flow.warehouse.reading() as tx:
        batch = next(b for _, b in outbound_batches(flow, tx, target.name) if b.object_name == object_name)
    return _deliver(flow, target, batch)


def approve_batch(flow: Flow, batch: str) -> tuple[list[StepReport], list[dict[str, Any]]]:
    """Release a held batch, by someone other than who ran it, and deliver it."""
    with audited(flow.warehouse) as tx:
        released = approve(tx, batch, flow.actor)
    reports, rows = [], []
    for one in released:
        target = next((t for t in flow.instance.targets if t.name == one.target), None)
        if target is None:
            raise ConfigError(
                f"target {one.target!r} is not in {flow.instance.path.name} any more; add it to deliver its batch"
            )
        report = deliver_approved(
            flow.warehouse, one, _writer(flow, target), flow.actor, _policy(flow, target), run_id=flow.run_id
        )
        reports.append(_report(target, report, 0.0))
        rows += _rows(target.name, report.object_name, report.rows)
    return reports, rows


def _deliver(flow: Flow, target: Target, batch: OutboundBatch) -> tuple[StepReport, list[dict[str, Any]]]:
    started = time.monotonic()
    try:
        report = deliver(
            flow.warehouse, batch, _writer(flow, target), flow.actor, _policy(flow, target), run_id=flow.run_id
        )
    except ConnectorError as problem:
        code = 2 if isinstance(problem, ConfigError) else 3
        failed = StepReport(
            "deliver",
            f"{target.name}/{batch.object_name}",
            "failed",
            seconds=time.monotonic() - started,
            message=str(problem),
            code=code,
        )
        return failed, []
    return _report(target, report, time.monotonic() - started), _rows(target.name, batch.object_name, report.rows)


def _writer(flow: Flow, target: Target) -> Writer:
    source = flow.instance.source(target.source)
    make = flow.instance.connector_of(source).writer
    if make is None:
        raise ConfigError(f"targets: {target.name}: connector {source.connector!r} cannot be written to")
    return make(flow.instance.settings_of(source))


def _policy(flow: Flow, target: Target) -> Policy:
    return Policy.of(target, flow.instance.connector_of(flow.instance.source(target.source)).creates)


def _report(target: Target, report: DeliveryReport, seconds: float) -> StepReport:
    counts = {s: report.count(s) for s in ("delivered", "failed", "unknown", "conflict", "held", "blocked", "planned")}
    skipped = sum(1 for r in report.rows if r.action == "skip")
    said = ", ".join(f"{n} {s}" for s, n in counts.items() if n) or "nothing to change"
    status = "done" if report.ok else "failed"
    if report.ok and counts["held"]:
        status = "held"
        said += f"; release with `otc sync --approve {report.batch_hash[:12]}`"
    return StepReport(
        "deliver",
        f"{target.name}/{report.object_name}",
        status,
        rows_in=len(report.rows),
        rows_new=counts["delivered"],
        seconds=seconds,
        message=report.unreachable or report.refused or said,
        code=3 if report.unreachable else 0 if report.ok else 1,
        facts={**counts, "skipped": skipped, "batch": report.batch_hash, "recovered": report.recovered},
    )


def _rows(target: str, object_name: str, results: tuple[RowResult, ...]) -> list[dict[str, Any]]:
    return [
        {
            "target": target,
            "object": object_name,
            "key": r.key,
            "action": r.action,
            "fields": json.dumps(dict(r.fields), ensure_ascii=False),
            "status": r.status,
            "reason": r.reason,
        }
        for r in results
    ]


def _known(flow: Flow, only: str | None) -> None:
    names = [t.name for t in flow.instance.targets]
    if only is not None and only not in names:
        raise ConfigError(
            f"target {only!r} is not in {flow.instance.path.name}; there are: {', '.join(names) or 'none'}"
        )
