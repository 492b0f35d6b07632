"""How customers pay: one SQL definition (``macros/payment_behaviour.sql``), rendered for the question.

The mart of payment behaviour is made by the same macro, so that BI and the command line cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from connectors.kit.errors import ConfigError
from otc_pipelines.reports import Report
from otc_pipelines.reports.clocks import clock_facts
from otc_pipelines.reports.figures import figure_text
from otc_pipelines.settings import Instance
from otc_pipelines.transform.behaviour_sql import behaviour_sql
from otc_pipelines.transform.measures_sql import MOST_DAYS
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


@dataclass(frozen=True)
class BehaviourQuestion:
    """As-of day T, window of N days to T, knowledge time K, load time L (None: all known now).

    Raises ConfigError for a window that is none.
    """

    as_of: date
    days: int
    known_at: datetime | None = None
    loaded_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MOST_DAYS:
            raise ConfigError(f"--days {self.days} is no window; use a whole number from 1 to {MOST_DAYS}")


def behaviour_report(instance: Instance, question: BehaviourQuestion) -> Report:
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
    with published(Warehouse.of(instance)) as tx:
        found = tx.arrow(named).to_pylist()
        first = tx.scalar("select min(loaded_at) from marts.fct_ar_ledger")
    columns = [*WHO, *FIGURES]
    rows = [{name: _text(row[name]) for name in columns} for row in found]
    test = f"rank sum of days of payment, two-sided; the {question.days} days against the {3 * question.days} before"
    alarms = f"of 1,000 customers who pay as ever, at most {int(1000 * instance.measures.alarm_rate)} are flagged"
    facts = {
        "as_of": question.as_of.isoformat(),
        "window_days": question.days,
        "change_test": test,
        "change_alarm_rate": f"{rate}: {alarms}",
        **clock_facts(question.known_at, question.loaded_at, first),
    }
    return Report(rows, columns, facts)


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else figure_text(value)
