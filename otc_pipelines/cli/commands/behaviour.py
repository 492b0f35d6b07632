"""Reading how customers pay, for any window and any state of knowledge."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from textwrap import wrap
from typing import Any

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.output import Format, console, emit

_SHOWN = ("books", "customer", "paid", "days late", "before", "late %", "method", "overdue", "change")
"""What fits beside one another; json and csv have all of it."""
_LEAST = 8
"""Of a customer's name on one line."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("behaviour")(behaviour)


def behaviour(
    as_of: options.WindowEnd,
    days: options.WindowDays,
    known_at: options.KnownAt = None,
    loaded_at: options.LoadedAt = None,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show how each customer pays: days late, share late, method, what is overdue, and whether that has changed."""
    from otc_pipelines.reports.behaviour import behaviour_report
    from otc_pipelines.reports.windows import Window

    report = behaviour_report(
        options.instance(config),
        Window(
            as_of=options.a_date(as_of),
            days=days,
            known_at=options.a_time_if_any(known_at),
            loaded_at=options.a_time_if_any(loaded_at),
        ),
    )
    title = f"payments of {days} days to {as_of}"
    if form is not Format.TABLE:
        emit(report.rows, report.columns, form, title=title, facts=report.facts)
        return
    told = [row for row in report.rows if row["payments"] or row["overdue"] != "0.00"]
    told.sort(key=lambda row: row["change"] not in ("slower", "faster"))
    facts = dict(report.facts)
    if told:
        facts["days late"] = "average by amount, ± standard deviation of instalments; before: the average then"
    if len(told) < len(report.rows):
        facts["not_shown"] = f"{len(report.rows) - len(told)} who paid nothing and have nothing overdue; csv has them"
    emit(_side_by_side(told), _SHOWN, form, title=title, facts=facts)


def _side_by_side(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Rows short enough for a terminal: days to one decimal, names over several lines, so that amounts stay whole."""
    short = [
        {
            "books": f"{row['legal_entity']}\n{row['base_currency']}",
            "customer": str(row["party_name"] or "not known"),
            "paid": "not known" if row["paid"] is None else row["paid"],
            "days late": _days(row["days_late"]) + _days(row["days_late_deviation"], " ±"),
            "before": _days(row["earlier_days_late"]),
            "late %": _days(row["late_pct"]),
            "method": "\n".join(wrap((row["preferred_method"] or "").replace("_", " "), _LEAST)),
            "overdue": "not known" if row["overdue"] is None else row["overdue"],
            "change": row["change"] or "not known",
        }
        for row in rows
    ]
    others = [c for c in _SHOWN if c != "customer"]
    taken = sum(max(len(line) for row in [{c: c}, *short] for line in row[c].split("\n")) for c in others)
    left = console.width - taken - 3 * len(_SHOWN) - 1
    return [{**row, "customer": "\n".join(wrap(row["customer"], max(_LEAST, left)))} for row in short]


def _days(value: str | None, before: str = "") -> str:
    return "" if value is None else f"{before}{Decimal(value).quantize(Decimal('0.1'), ROUND_HALF_UP)}"
