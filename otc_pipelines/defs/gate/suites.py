"""A check a suite. All are judged together, and their verdicts stored for exactly the rows that were read.

Belongs here: verdicts as checks. Not here: judging. A failed suite of an outbound table keeps Dagster from starting
what delivers it. Those of the marts stop no asset, so that people keep the marts that they need to find the
difference: delivery asks for the stored verdict by itself, however it is started, and refuses.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import dagster as dg

from otc_pipelines.defs import shown
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass
from otc_pipelines.defs.transform import model_key
from otc_pipelines.flow.context import StepReport
from otc_pipelines.flow.gates import judge
from otc_pipelines.gate import Suite, docs_path, load_suites

REFUSED = "refused"
"""Metadata key under which a check names the batches that it refuses, as target/object."""


def gate_checks(models: Collection[dg.AssetKey]) -> list[dg.AssetChecksDefinition]:
    """The checks of every suite whose table is one of the models."""
    suites = {s.table: s for s in load_suites() if model_key(s.schema, s.table) in models}
    if not suites:
        return []
    judged = [model_key(s.schema, s.table) for s in suites.values()]

    @dg.multi_asset_check(
        name="gate",
        specs=[_spec(s, judged) for s in suites.values()],
        can_subset=True,
        required_resource_keys={RESOURCE},
        description="Accounting identities and tie-outs over what is about to leave the house.",
    )
    def gate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        current = current_pass(context)
        reports = attempted(current, "gate", "gate", lambda: judge(current.flow))
        by_suite: dict[str, list[StepReport]] = defaultdict(list)
        for report in reports:
            current.done(report)
            by_suite[str(report.facts["suite"])].append(report)
        pages = docs_path(current.flow.warehouse)
        for key in sorted(context.selected_asset_check_keys):
            suite = suites[key.asset_key.path[-1]]
            yield _result(suite, by_suite[suite.table], pages)

    return [gate]


def _spec(suite: Suite, judged: Sequence[dg.AssetKey]) -> dg.AssetCheckSpec:
    """``judged``: the tables of all suites. No check goes ahead of them: what is made early waits for the rest."""
    guards = "everything that is delivered" if suite.guards is None else ", ".join(sorted(suite.guards))
    effect = "nothing is delivered while it fails" if suite.severity == "block" else "it is shown, and stops nothing"
    count = len(suite.expectations)
    return dg.AssetCheckSpec(
        "gate",
        asset=model_key(suite.schema, suite.table),
        additional_deps=[key for key in judged if key != model_key(suite.schema, suite.table)],
        description=f"{count} expectation{'s' * (count != 1)}. Guards {guards}: {effect}.",
        blocking=suite.outbound and suite.severity == "block",
        metadata={
            "owner": suite.owner,
            "severity": suite.severity,
            "expectations": shown.table([{"expectation": e.description} for e in suite.expectations]),
        },
    )


def _result(suite: Suite, reports: Sequence[StepReport], pages: Path) -> dg.AssetCheckResult:
    failed = [f for r in reports for f in r.facts["failed"]]
    refused = [r.name for r in reports if r.code and suite.outbound]
    page = next((r.facts["page"] for r in reports if r.facts["page"]), "")
    return dg.AssetCheckResult(
        asset_key=model_key(suite.schema, suite.table),
        check_name="gate",
        passed=not failed and all(r.status == "done" for r in reports),
        severity=dg.AssetCheckSeverity.ERROR if suite.severity == "block" else dg.AssetCheckSeverity.WARN,
        description="; ".join(dict.fromkeys(r.message for r in reports)) or "no target is configured: nothing to judge",
        metadata={
            "checks": sum(int(r.facts["checks"]) for r in reports),
            "failed": len(failed),
            "owner": suite.owner,
            "data docs": dg.MetadataValue.path(str(pages / (page or "index.html"))),
            **({REFUSED: dg.MetadataValue.json(refused)} if refused else {}),
            **({"failed checks": shown.table(failed)} if failed else {}),
        },
    )
