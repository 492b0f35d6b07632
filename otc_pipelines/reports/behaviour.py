"""How customers pay: one SQL definition (``macros/payment_behaviour.sql``), rendered for the question.

The mart of payment behaviour is made by the same macro, so that BI and the command line cannot differ.
"""

from __future__ import annotations

from datetime import date

from otc_pipelines.reports import Report
from otc_pipelines.reports.figures import figure_text
from otc_pipelines.reports.windows import Window
from otc_pipelines.settings import Instance
from otc_pipelines.transform.behaviour_sql import behaviour_sql
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

WHO = ("legal_entity", "source_system", "party_id", "party_name", "base_currency")
FIGURES = (
    *("payments", "instalments", "paid", "days_late", "days_late_plain", "days_late_deviation", "days_late_median"),
    *("days_late_p90", "days_to_pay", "paid_late", "late_pct", "days_late_of_late", "paid_early", "early_pct"),
    *(
        "preferred_method",
        "preferred_method_pct",
        "last_paid_on",
        "overdue",
        "oldest_overdue_days",
        "earlier_days_late",
    ),
    *("change", "change_recent", "change_earlier", "change_statistic", "change_later_pct", "notes"),
)


def behaviour_report(instance: Instance, question: Window) -> Report:
    """Answer from the published marts, a row per customer. Figures are decimal text; what has no value is None."""
    rate = instance.measures.alarm_rate_text
    sql = behaviour_sql(
        as_of=question.as_of,
        days=question.days,
        alarm_rate=rate,
        known_at=question.known_at,
        loaded_at=question.loaded_at,
    )
    named = f"""select paying.*, coalesce(named.party_name, paying.party_id) as party_name
        from ({sql}) as paying
        left join marts.dim_party as named
            on paying.source_system = named.source_system and paying.party_id = named.party_id
        order by paying.legal_entity, party_name, paying.party_id, paying.source_system, paying.base_currency"""  # noqa: S608
    test = f"rank sum of days of payment, two-sided; the {question.days} days against the {3 * question.days} before"
    alarms = f"of 1,000 customers who pay as ever, at most {int(1000 * instance.measures.alarm_rate)} are flagged"
    with published(Warehouse.of(instance)) as tx:
        found = tx.arrow(named).to_pylist()
        facts = question.facts(tx, change_test=test, change_alarm_rate=f"{rate}: {alarms}")
    columns = [*WHO, *FIGURES]
    return Report([{name: _text(row[name]) for name in columns} for row in found], columns, facts)


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else figure_text(value)
