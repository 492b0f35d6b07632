"""``otc fx``: what was realised on exchange, for any days and any state of knowledge."""

from __future__ import annotations

from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("fx")(fx)


def fx(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day, which counts.")],
    known_at: options.KnownAt = None,
    loaded_at: options.LoadedAt = None,
    group_by: Annotated[
        str, typer.Option("--group-by", help="pair (of currencies), party, or allocation with both its sides.")
    ] = "pair",
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show realised exchange gain and loss: each allocation's two sides at their own booked rates."""
    from otc_pipelines.reports.fx import FxQuestion, fx_report

    report = fx_report(
        options.instance(config),
        FxQuestion(
            first=options.a_date(first),
            last=options.a_date(last),
            known_at=options.a_time_if_any(known_at),
            loaded_at=options.a_time_if_any(loaded_at),
            group_by=group_by,
        ),
    )
    emit(report.rows, report.columns, form, title=f"realised on exchange, {first} to {last}", facts=report.facts)
