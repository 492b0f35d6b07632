"""``otc tie-out``: does everything add up, and where it does not, which rows could be the reason."""

from __future__ import annotations

from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.errors import FAILED
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("tie-out")(tie_out)


def tie_out(
    check: Annotated[
        str | None, typer.Option(help="control, roll_forward, receipts, buckets or source [all of them].")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Control balances and months up to this day [all].")
    ] = None,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """List every difference of the tie-outs, with the rows that could explain it; exit 1 when there is one."""
    from otc_pipelines.reports.tie_out import TieOutQuestion, tie_out_report

    day = options.a_date(as_of) if as_of else None
    report = tie_out_report(options.instance(config), TieOutQuestion(check=check, as_of=day))
    emit(report.rows, report.columns, form, title="differences", facts=report.facts)
    if report.rows:
        raise typer.Exit(FAILED)
