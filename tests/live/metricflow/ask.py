"""Questions to MetricFlow, in its own environment: a line of JSON on stdin for each, a line on stdout for its answer.

Belongs here: handing over. Not here: what is asked, what must come of it. The working folder is a dbt project that was
parsed. A question: ``metrics`` or ``saved``, ``by``, ``where``, ``start``, ``end``, and ``edits``: (old, new) texts of
the semantic manifest, so that a definition that somebody altered can be asked too. An answer: the SQL that MetricFlow
makes, and the rows that its own client reads with it, whose amounts are floats.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup


def main() -> None:
    """Answer all questions, in order."""
    config = CLIConfiguration()
    config.setup(configure_file_logging=False)
    written = Path("target/semantic_manifest.json").read_text(encoding="utf-8")
    engines: dict[str, MetricFlowEngine] = {}
    for line in sys.stdin:
        question = json.loads(line)
        told = written
        for old, new in question.get("edits", []):
            if old not in told:
                raise SystemExit(f"the semantic manifest has no {old}")
            told = told.replace(old, new)
        if told not in engines:
            lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(told))
            engines[told] = MetricFlowEngine(semantic_manifest_lookup=lookup, sql_client=config.sql_client)
        print(json.dumps(_answer(engines[told], question)), flush=True)


def _answer(engine: MetricFlowEngine, question: dict[str, Any]) -> dict[str, Any]:
    request = MetricFlowQueryRequest.create(
        saved_query_name=question.get("saved"),
        metric_names=question.get("metrics"),
        group_by_names=question.get("by"),
        where_constraints=question.get("where"),
        time_constraint_start=_day(question.get("start")),
        time_constraint_end=_day(question.get("end")),
    )
    result = engine.query(request)
    table = result.result_df
    names = [] if table is None else [column.column_name for column in table.column_descriptions]
    rows = [] if table is None else [dict(zip(names, map(_told, row), strict=True)) for row in table.rows]
    return {"sql": result.sql, "rows": rows}


def _day(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _told(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return str(cell) if isinstance(cell, Decimal) else cell


main()
