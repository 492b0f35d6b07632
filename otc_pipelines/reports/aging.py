"""What was open on a day: one SQL definition (``dbt_project/macros/aging.sql``), rendered for the question.

The mart of today's aging is made by the same macro, so that BI and the command line cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.errors import ConfigError
from connectors.kit.money import shown
from otc_pipelines.reports import Report
from otc_pipelines.reports.clocks import clock_facts
from otc_pipelines.settings import Instance
from otc_pipelines.transform.aging_sql import aging_sql
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

_ALLOWED = {
    "by": ("due_date", "document_date"),
    "group_by": ("party", "document", "total", "parent"),
    "unapplied": ("own_date",),
}


@dataclass(frozen=True)
class AgingQuestion:
    """As-of day T, knowledge time K, load time L (None: all known now), and how to group and age.

    Raises ConfigError for a value that is not one of those allowed.
    """

    as_of: date
    known_at: datetime | None = None
    loaded_at: datetime | None = None
    by: str | None = None
    group_by: str = "party"
    unapplied: str | None = None
    include_pending: bool = False
    revalue: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise ConfigError(f"--{name.replace('_', '-')} {value!r} is not known; use {' or '.join(allowed)}")


def aging_report(instance: Instance, question: AgingQuestion) -> Report:
    """Answer the question from the published marts. Amounts are text with the currency's decimals."""
    sql = aging_sql(
        ledger="marts.fct_ar_ledger",
        parties="marts.dim_party",
        as_of=question.as_of,
        known_at=question.known_at,
        loaded_at=question.loaded_at,
        edges=instance.aging.edges,
        by=question.by or instance.aging.by,
        group_by=question.group_by,
        unapplied=question.unapplied or "column",
        include_pending=question.include_pending,
        rates="marts.fct_fx_rates" if question.revalue else None,
        rate_type=instance.revaluation.rate_type,
    )
    with published(Warehouse.of(instance)) as tx:
        found = tx.arrow(sql)
        clocks = clock_facts(tx, question.known_at, question.loaded_at)
    rows = [_as_text(row) for row in found.to_pylist()]
    columns = [c for c in found.column_names if c != "base_currency"]
    return Report(rows, columns, {"as_of": question.as_of.isoformat(), **clocks})


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    own, base = row.get("currency"), row.pop("base_currency", None)
    texts: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Decimal):
            texts[name] = shown(value, base if name.startswith(("base_", "revalu")) else own)
        else:
            texts[name] = value.isoformat() if isinstance(value, date) else value
    return texts
