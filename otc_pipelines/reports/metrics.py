"""How well receivables turn into cash: one SQL definition (``macros/measures.sql``), rendered for the question.

The mart of measures is made by the same macro, so that BI and the command line cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.kit.errors import ConfigError
from otc_pipelines.reports import Report
from otc_pipelines.reports.figures import figure_text
from otc_pipelines.reports.windows import Window
from otc_pipelines.settings import Instance
from otc_pipelines.transform.measures_sql import GROUPED_BY, SEGMENTS, measures_sql
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

MEASURES = (
    *("dso", "dso_countback", "best_possible_dso", "add", "cei", "collection_rate", "bad_debt_ratio"),
    *("unapplied_pct", "unapplied_of_ar_pct", "promise_kept_rate", "promise_kept_count_rate", "ar_turnover"),
    *("weighted_days_to_pay", "dso_net", "dso_countback_net", "add_net", "cei_net", "ar_turnover_net"),
)
"""Days: dso, dso_countback, best_possible_dso, add, weighted_days_to_pay and their net variants. Turnover: times. The
others: percent."""
_WHO = {
    "legal_entity": ("legal_entity",),
    "segment": ("legal_entity", "segment"),
    "party": ("legal_entity", "source_system", "party_id", "party_name"),
}


@dataclass(frozen=True)
class MetricsQuestion(Window):
    """A window at a state of knowledge, and what a row is. Raises ConfigError for a value that is not allowed."""

    group_by: str = "legal_entity"
    segment: str = "country"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = (("--group-by", self.group_by, GROUPED_BY), ("--segment", self.segment, SEGMENTS))
        for option, value, allowed in chosen:
            if value not in allowed:
                raise ConfigError(f"{option} {value!r} is not known; use {' or '.join(allowed)}")


def metrics_report(instance: Instance, question: MetricsQuestion) -> Report:
    """Answer the question from the published marts. Measures are decimal text; without a value None, and noted."""
    sql = measures_sql(
        as_of=question.as_of,
        days=question.days,
        known_at=question.known_at,
        loaded_at=question.loaded_at,
        group_by=question.group_by,
        segment=question.segment,
    )
    if question.group_by == "party":
        sql = f"""select measured.*, coalesce(named.party_name, measured.party_id) as party_name
            from ({sql}) as measured
            left join marts.dim_party as named
                on measured.source_system = named.source_system and measured.party_id = named.party_id
            order by measured.legal_entity, party_name, measured.party_id, measured.source_system"""  # noqa: S608
    with published(Warehouse.of(instance)) as tx:
        found = tx.arrow(sql).to_pylist()
        facts = question.facts(tx)
    columns = [*_WHO[question.group_by], "base_currency", "days", *MEASURES, "notes"]
    rows = [{name: figure_text(row[name]) for name in columns} for row in found]
    return Report(rows, columns, facts)
