"""One whole pass, in order, with the grave stopped and the rest going on.

A source that fails stops no other; a failed model, gate or delivery shows in the report and in the exit code. Nothing
is caught here that is not a ``ConnectorError``: a defect of ours must be seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.errors import ConfigError, ConnectorError
from otc_pipelines.audit import append, audited
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.flow.extract import extract, prepare
from otc_pipelines.flow.gates import judge
from otc_pipelines.flow.matching import match
from otc_pipelines.flow.models import publish_marts, transform
from otc_pipelines.flow.posting import post
from otc_pipelines.flow.summary import closing
from otc_pipelines.flow.sync import deliver_targets

Listener = Callable[[StepReport], None]


@dataclass
class RunReport:
    """What a pass did, step by step, and its closing facts. ``code`` is its exit code; ``error`` the gravest line."""

    steps: list[StepReport] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The gravest of the steps' codes: 2, then 3, then 1."""
        codes = {s.code for s in self.steps}
        return next((c for c in (2, 3, 1) if c in codes), 0)

    @property
    def error(self) -> str:
        """One line for stderr: what failed first among the gravest; '' when nothing did."""
        return next((s.message for s in self.steps if s.code and s.code == self.code), "")


@dataclass
class Pass:
    """A pass under way: whoever runs the steps, plainly or through Dagster, tells it what is done."""

    flow: Flow
    listen: Listener = lambda _report: None
    announce: Callable[[str], None] = lambda _name: None
    report: RunReport = field(default_factory=RunReport)

    def begin(self) -> None:
        """Clear what a pass that died left behind, and write what the configuration says. Raises ConfigError."""
        shutil.rmtree(self.flow.instance.data_dir / "work", ignore_errors=True)
        prepare(self.flow)

    def done(self, step: StepReport) -> StepReport:
        """Keep what a step reports; of a step that was tried again, the last."""
        again = [
            n for n, s in enumerate(self.report.steps) if (s.step, s.name, s.status) == (step.step, step.name, "failed")
        ]
        if again:
            self.report.steps[again[0]] = step
        else:
            self.report.steps.append(step)
        self.listen(step)
        return step

    def close(self) -> RunReport:
        """Add the closing facts, record the pass, and return what it came to."""
        with self.flow.warehouse.held():
            self.report.facts = closing(self.flow, self.report.steps)
            _record(self.flow, self.report)
        return self.report


def run_pass(
    flow: Flow,
    listen: Listener = lambda _report: None,
    announce: Callable[[str], None] = lambda _n: None,
    anew: Collection[str] = (),
) -> RunReport:
    """Run every step once. Raises ConfigError before anything is done, WarehouseError when it cannot be written.

    ``anew``: sources that are read from their start, whatever was read of them.
    """
    for name in anew:
        flow.instance.source(name)
    current = Pass(flow, listen, announce)
    with flow.warehouse.writing():
        current.begin()
        for source in flow.instance.sources:
            announce(f"extract {source.name}")
            current.done(extract(flow, source, anew=source.name in anew))
        for name, step in _steps(flow):
            announce(name)
            try:
                results = step()
            except ConnectorError as problem:
                current.done(failed(name, name, problem))
                break
            for one in results:
                current.done(one)
        return current.close()


def failed(step: str, name: str, problem: ConnectorError) -> StepReport:
    """The report of a step that an error stopped."""
    return StepReport(step, name, "failed", message=str(problem), code=2 if isinstance(problem, ConfigError) else 3)


def _steps(flow: Flow) -> Iterator[tuple[str, Callable[[], list[StepReport]]]]:
    yield "model", lambda: [transform(flow, "conform")[0]]
    yield "post", lambda: [post(flow)]
    yield "match", lambda: [match(flow)]
    yield "model", lambda: [transform(flow, "marts")[0]]
    yield "publish", lambda: [publish_marts(flow)]
    yield "gate", lambda: judge(flow)
    yield "deliver", lambda: deliver_targets(flow)[0]


def _record(flow: Flow, report: RunReport) -> None:
    if (
        not any(s.rows_new for s in report.steps if s.step in ("extract", "post", "match", "deliver"))
        and not report.code
    ):
        return
    with audited(flow.warehouse) as tx:
        append(
            tx,
            kind="run",
            subject="pass",
            actor=flow.actor,
            details={
                "run_id": flow.run_id,
                "exit_code": report.code,
                "steps": len(report.steps),
                "failed": sum(1 for s in report.steps if s.status == "failed"),
                "sources": len(flow.instance.sources),
            },
        )
