"""Reading the measures: how well receivables turn into cash, for any window and any state of knowledge."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("metrics")(metrics)


def metrics(
    as_of: options.WindowEnd,
    days: options.WindowDays,
    known_at: options.KnownAt = None,
    loaded_at: options.LoadedAt = None,
    group_by: Annotated[str, typer.Option("--group-by", help="legal_entity, segment or party.")] = "legal_entity",
    segment: Annotated[
        str, typer.Option(help="What makes a segment: country, payment_terms or currency of the customer.")
    ] = "country",
    reference: Annotated[
        bool, typer.Option("--reference", help="Beside the reference values of each legal entity's industry.")
    ] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show DSO, collection effectiveness and the other measures of a window, in base currency."""
    from otc_pipelines.reports.metrics import MetricsQuestion, metrics_report
    from otc_pipelines.reports.references import reference_report

    question = MetricsQuestion(
        as_of=options.a_date(as_of),
        days=days,
        known_at=options.a_time_if_any(known_at),
        loaded_at=options.a_time_if_any(loaded_at),
        group_by=group_by,
        segment=segment,
    )
    if reference:
        compared = reference_report(options.instance(config), question)
        title = f"measures of {days} days to {as_of}, and reference values"
        emit(compared.rows, compared.columns, form, title=title, facts=compared.facts)
        return
    report = metrics_report(options.instance(config), question)
    rows, columns = _standing(report.rows, report.columns) if form is Format.TABLE else (report.rows, report.columns)
    emit(rows, columns, form, title=f"measures of {days} days to {as_of}", facts=report.facts)


def _standing(rows: list[dict[str, Any]], columns: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Put the measures of each row below one another: too many to be read side by side."""
    first = columns.index("dso")
    who, measures = columns[:first], [c for c in columns[first:] if c != "notes"]
    turned = []
    for row in rows:
        notes = dict(note.split(": ", 1) for note in (row["notes"] or "").split("; ") if note)
        turned += [
            {**{name: row[name] for name in who}, "measure": m, "value": row[m], "note": notes.get(m)} for m in measures
        ]
    return turned, [*who, "measure", "value", "note"]
