"""``otc migrate``: what was taken over from a legacy system, against that system's own list; and signing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.errors import FAILED
from otc_pipelines.cli.output import Format, emit

if TYPE_CHECKING:
    from otc_pipelines.reports.migration import Migration

group = typer.Typer(help="Taking over open items from a legacy system.", no_args_is_help=True)

List = Annotated[Path, typer.Argument(metavar="LIST", help="The legacy system's list of open items, as CSV.")]
Source = Annotated[str, typer.Option("--source", help="The source in otc.yaml that the items were loaded from.")]
AsOf = Annotated[str, typer.Option("--as-of", metavar="DATE", help="The cut-over day: the day of the list.")]
Column = Annotated[
    list[str] | None, typer.Option("--column", metavar="OURS=THEIRS", help="A header of the list; several times.")
]
DateFormat = Annotated[str, typer.Option("--date-format", help="How the list writes dates, as strptime.")]
Decimals = Annotated[str, typer.Option("--decimal", help="The list's decimal sign: . or ,")]
Delimiter = Annotated[str, typer.Option(help="What separates the list's cells.")]
Encoding = Annotated[str, typer.Option(help="The list's encoding.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="migrate")


@group.callback()
def migrate() -> None:
    """Opening items against the legacy system's list and the control account: by customer, currency and due date."""


@group.command("check")
def check(
    listed: List,
    source: Source,
    as_of: AsOf,
    everything: Annotated[bool, typer.Option("--all", help="Show what is equal too.")] = False,
    column: Column = None,
    date_format: DateFormat = "%Y-%m-%d",
    decimal: Decimals = ".",
    delimiter: Delimiter = ",",
    encoding: Encoding = "utf-8-sig",
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Name every difference between what is loaded and the list; exit 1 when there is one."""
    migration = _compared(config, listed, source, as_of, column, (date_format, decimal, delimiter, encoding))
    report = migration.report(everything=everything)
    emit(report.rows, report.columns, form, title="migration", facts=report.facts)
    if migration.differences:
        raise typer.Exit(FAILED)


@group.command("sign-off")
def sign_off(
    listed: List,
    source: Source,
    as_of: AsOf,
    out: Annotated[Path, typer.Option("--out", help="Where the signed report is written, as Markdown.")],
    column: Column = None,
    date_format: DateFormat = "%Y-%m-%d",
    decimal: Decimals = ".",
    delimiter: Delimiter = ",",
    encoding: Encoding = "utf-8-sig",
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Write the report and put its hash and who signs into the audit trail; refused while anything differs."""
    from otc_pipelines.flow.context import current_actor
    from otc_pipelines.reports.migration import NotSignableError, signed

    migration = _compared(config, listed, source, as_of, column, (date_format, decimal, delimiter, encoding))
    actor = current_actor()
    try:
        digest = signed(migration, options.instance(config), actor, out)
    except NotSignableError as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(FAILED) from None
    row = {"source": source, "as_of": as_of, "report": str(out), "sha256": digest, "signed_by": actor}
    emit([row], list(row), form, title="signed")


def _compared(
    config: Path | None,
    listed: Path,
    source: str,
    as_of: str,
    column: list[str] | None,
    written: tuple[str, str, str, str],
) -> Migration:
    from otc_pipelines.reports.legacy_list import ListFormat, read_list
    from otc_pipelines.reports.migration import compare

    headers = {}
    for pair in column or ():
        ours, equals, theirs = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--column {pair!r} is not OURS=THEIRS; write one such as amount=Open")
        headers[ours] = theirs
    day = options.a_date(as_of)
    date_format, decimal, delimiter, encoding = written
    form = ListFormat(headers, date_format, decimal, delimiter, encoding)
    return compare(options.instance(config), source, day, read_list(listed, form))
