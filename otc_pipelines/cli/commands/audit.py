"""``otc audit``: is the chain of events whole."""

from __future__ import annotations

import typer

from otc_pipelines.audit import verify
from otc_pipelines.cli import options
from otc_pipelines.cli.errors import FAILED
from otc_pipelines.cli.output import Format, emit
from otc_pipelines.warehouse import Warehouse

group = typer.Typer(help="The audit trail.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="audit")


@group.callback()
def trail() -> None:
    """Hash-chained events: loads, decisions, verdicts, approvals, deliveries."""


@group.command("verify")
def verify_command(
    config: options.Config = None, form: options.Form = Format.TABLE, debug: options.Debug = False
) -> None:
    """Recompute every hash; name the first row that was edited, removed, added or moved."""
    found = verify(Warehouse.of(options.instance(config)))
    row = {"events": found.events, "ok": found.ok, "first_broken": found.broken, "message": found.message}
    emit([row], list(row), form, title="audit trail")
    if not found.ok:
        raise typer.Exit(FAILED)
