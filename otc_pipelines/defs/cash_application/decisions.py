"""What cash application decided for each bank line, with the rule and the reason."""

import dagster as dg

from otc_pipelines.defs import shown
from otc_pipelines.defs.steps import RESOURCE, attempted, current_pass, finished, numbers
from otc_pipelines.defs.transform import model_key
from otc_pipelines.flow.matching import match
from otc_pipelines.naming import OWNERS

DECISIONS = dg.AssetKey(["ops", "match_decision"])
_READ = (
    "int_bank_credits",
    "int_bank_lines__left_out",
    "int_match_candidates",
    "int_bank_posted_candidates",
    "int_allocations__current",
    "int_open_items",
)


def decision_asset(stored: str) -> dg.AssetsDefinition:
    """``ops.match_decision``: applied, proposed, or left to a person."""

    @dg.asset(
        key=DECISIONS,
        deps=[model_key("conformed", name) for name in _READ],
        group_name="match",
        owners=[OWNERS["match"]],
        kinds={"python", stored},
        tags={"layer": "match"},
        required_resource_keys={RESOURCE},
        description="What cash application decided for each bank credit, by which rule, why, and what superseded it.",
    )
    def match_decision(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        current = current_pass(context)
        report = finished(current, attempted(current, "match", "bank credits", lambda: match(current.flow)))
        facts = report.facts
        rules = [{"rule": name, "bank lines": lines} for name, lines in facts["rules"].items()]
        rate = {"match_rate_pct": float(facts["match_rate"])} if facts["match_rate"] is not None else {}
        return dg.MaterializeResult(
            metadata={
                **numbers(report),
                **rate,
                **{outcome: facts[outcome] for outcome in ("applied", "proposed", "exception")},
                "rules": shown.table(rules),
            }
        )

    return match_decision
