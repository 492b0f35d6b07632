"""``otc explain``: from a figure to the rows of sources behind it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.errors import FAILED
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("explain")(explain)


def explain(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="THING",
            help="An id such as INV-1001; or document:, receipt:, party:, bank_line:, allocation:, adjustment:,"
            " movement: and an id; bucket:PARTY/d31_60; total:US/USD; delivered:TARGET/OBJECT/KEY/FIELD.",
        ),
    ],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Movements effective up to this day [today].")
    ] = None,
    known_at: options.KnownAt = None,
    loaded_at: options.LoadedAt = None,
    since_known: Annotated[
        str | None,
        typer.Option("--since-known", metavar="TIME", help="Only what changed the figure since it was known so."),
    ] = None,
    since_loaded: Annotated[
        str | None,
        typer.Option("--since-loaded", metavar="TIME", help="Only what changed the figure since it was loaded so."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="due_date or document_date [otc.yaml: aging.by].")] = None,
    unapplied: Annotated[str | None, typer.Option(help="own_date: age unapplied amounts by their own date.")] = None,
    include_pending: Annotated[
        bool, typer.Option("--include-pending", help="Count cash that was matched and is not yet posted.")
    ] = False,
    settled: Annotated[bool, typer.Option("--settled", help="List the items that sum to 0 too.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show what a figure is made of: movements, the source rows that state them, decisions, verdicts, deliveries."""
    from otc_pipelines.cli.explanation import show
    from otc_pipelines.reports.explain import Question, explain_report

    question = Question(
        thing,
        as_of=options.a_date(as_of) if as_of else None,
        known_at=options.a_time_if_any(known_at),
        loaded_at=options.a_time_if_any(loaded_at),
        since_known=options.a_time_if_any(since_known),
        since_loaded=options.a_time_if_any(since_loaded),
        by=by,
        unapplied=unapplied,
        include_pending=include_pending,
        settled=settled,
    )
    report = explain_report(options.instance(config), question)
    if form is Format.TABLE:
        show(report.rows, report.facts)
    else:
        emit(report.rows, report.columns, form, facts=report.facts)
    if report.facts["differences"]:
        sys.stderr.write("; ".join(report.facts["differences"]) + "\n")
        raise typer.Exit(FAILED)
