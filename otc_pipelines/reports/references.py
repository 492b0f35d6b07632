"""A legal entity's measures beside what its industry comes to, for any window and any state of knowledge.

Belongs here: asking. Not here: the measures (``metrics``, ``behaviour``), where reference values come from.
"""

from __future__ import annotations

from connectors.kit.errors import ConfigError
from otc_pipelines.reports import Report
from otc_pipelines.reports.figures import figure_text
from otc_pipelines.reports.metrics import MetricsQuestion
from otc_pipelines.settings import Instance
from otc_pipelines.transform.behaviour_sql import behaviour_sql
from otc_pipelines.transform.measures_sql import measures_sql
from otc_pipelines.transform.reference_sql import reference_sql
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

COLUMNS = (
    *("legal_entity", "base_currency", "measure", "unit", "own_value", "reference_value", "difference"),
    *("industry", "region", "year", "source", "note"),
)
_NOTHING = (
    "no legal entity has an industry: name one in otc.yaml, such as legal_entities: {US: {industry: construction}}"
)


def reference_report(instance: Instance, question: MetricsQuestion) -> Report:
    """Answer from the published marts, a row per measure and reference value; figures are decimal text."""
    if question.group_by != "legal_entity":
        raise ConfigError(f"--reference is of legal entities, not of --group-by {question.group_by}; leave one out")
    industries = instance.industries()
    as_of, days, known, loaded = question.as_of, question.days, question.known_at, question.loaded_at
    sql = reference_sql(
        measures_sql(as_of=as_of, days=days, known_at=known, loaded_at=loaded),
        behaviour_sql(as_of=as_of, days=days, known_at=known, loaded_at=loaded),
        industries,
    )
    with published(Warehouse.of(instance)) as tx:
        found = tx.arrow(sql).to_pylist()
        facts = question.facts(tx)
    if not industries:
        facts["notes"] = "; ".join(note for note in (facts["notes"], _NOTHING) if note)
    rows = [{name: figure_text(row[name]) for name in COLUMNS} for row in found]
    return Report(rows, list(COLUMNS), facts)
