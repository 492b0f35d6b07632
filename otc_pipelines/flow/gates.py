"""The gates as a step: every suite over the marts and over each batch that would leave; a report per suite.

Belongs here: which batches there are, verdicts into reports. Not here: judging (``gate/``).
"""

from __future__ import annotations

import time

from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.outbound import outbound_batches
from otc_pipelines.gate import GuardedBatch, SuiteVerdict, run_gates
from otc_pipelines.naming import outbound_model


def judge(flow: Flow) -> list[StepReport]:
    """Run every gate. A suite that blocks asks for exit code 1; one that warns is only told of."""
    started = time.monotonic()
    with flow.warehouse.reading() as tx:
        batches = [
            GuardedBatch(
                target.name,
                batch.object_name,
                outbound_model(flow.instance.source(target.source).connector, batch.object_name),
                target.source,
                batch.batch_hash,
            )
            for target, batch in outbound_batches(flow, tx)
        ]
    report = run_gates(flow.warehouse, batches, flow.run_id, flow.actor)
    seconds = time.monotonic() - started
    return [_step(v, seconds if n == 0 else 0.0) for n, v in enumerate(report.suites)]


def _step(verdict: SuiteVerdict, seconds: float) -> StepReport:
    name = verdict.suite if verdict.batch is None else f"{verdict.batch.target}/{verdict.batch.object_name}"
    return StepReport(
        "gate",
        name,
        "done" if verdict.passed else "failed" if verdict.blocks else "warned",
        rows_in=len(verdict.checks),
        seconds=seconds,
        message=verdict.message,
        code=1 if verdict.blocks else 0,
        facts={
            "suite": verdict.suite,
            "severity": verdict.severity,
            "owner": verdict.owner,
            "checks": len(verdict.checks),
            "failed": [{"expectation": c.what, "found": c.error or c.found} for c in verdict.failed],
            "page": verdict.page,
        },
    )
