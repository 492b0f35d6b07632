"""Reading the books: aging at any day and any state of knowledge, and what was matched."""

from __future__ import annotations

from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("aging")(aging)
    app.command("matches")(matches)


def aging(
    as_of: Annotated[str, typer.Option("--as-of", metavar="DATE", help="Movements effective up to this day.")],
    known_at: options.KnownAt = None,
    loaded_at: options.LoadedAt = None,
    by: Annotated[str | None, typer.Option(help="due_date or document_date [otc.yaml: aging.by].")] = None,
    group_by: Annotated[str, typer.Option("--group-by", help="party, document, total or parent.")] = "party",
    unapplied: Annotated[str | None, typer.Option(help="own_date: age unapplied amounts by their own date.")] = None,
    include_pending: Annotated[
        bool, typer.Option("--include-pending", help="Count cash that was matched and is not yet posted.")
    ] = False,
    revalue: Annotated[
        bool, typer.Option("--revalue", help="Also in base currency at the rates that the day closed at.")
    ] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show what was open on a day, by days late; what was known then, where asked."""
    from otc_pipelines.reports.aging import AgingQuestion, aging_report

    report = aging_report(
        options.instance(config),
        AgingQuestion(
            as_of=options.a_date(as_of),
            known_at=options.a_time_if_any(known_at),
            loaded_at=options.a_time_if_any(loaded_at),
            by=by,
            group_by=group_by,
            unapplied=unapplied,
            include_pending=include_pending,
            revalue=revalue,
        ),
    )
    emit(report.rows, report.columns, form, title=f"aging as of {as_of}", facts=report.facts)


def matches(config: options.Config = None, form: options.Form = Format.TABLE, debug: options.Debug = False) -> None:
    """Show which bank lines pay what, by which rule, and why the others wait for a person."""
    from otc_pipelines.reports.matches import matches_report

    report = matches_report(options.instance(config))
    emit(report.rows, report.columns, form, title="matches", facts=report.facts)
