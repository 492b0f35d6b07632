"""What was set aside: listing it, showing one row as it came, trying rows again after a fix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.output import Format, emit

group = typer.Typer(help="Rows set aside with a reason.", invoke_without_command=True)

COLUMNS = ["source", "entity", "file", "line", "key", "reason", "loaded_at"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="quarantine")


@group.callback()
def quarantine(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what was mended since.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """List what was set aside and why."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    _show_list(config, everything, form)


@group.command("list")
def quarantine_list(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what was mended since.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """List what was set aside and why."""
    _show_list(config or context.obj, everything, form)


def _show_list(config: Path | None, everything: bool, form: Format) -> None:
    from otc_pipelines.landing import quarantined
    from otc_pipelines.warehouse import Warehouse

    with Warehouse.of(options.instance(config)).reading() as tx:
        found = quarantined(tx, everything=everything)
    rows = [
        {
            "id": r.quarantine_id[:12],
            "source": r.source,
            "entity": r.entity,
            "file": r.file,
            "line": r.line,
            "key": r.key,
            "reason": r.reason,
            "loaded_at": r.loaded_at.isoformat(),
            "status": r.status,
        }
        for r in found
    ]
    emit(rows, ["id", *COLUMNS, *(["status"] if everything else [])], form, title="quarantine")


@group.command("show")
def quarantine_show(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="An id from the list, or its beginning.")],
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show one row as it came, card numbers removed."""
    from connectors.kit.errors import ConfigError
    from otc_pipelines.landing import quarantined
    from otc_pipelines.warehouse import Warehouse

    with Warehouse.of(options.instance(config or context.obj)).reading() as tx:
        found = [r for r in quarantined(tx, everything=True) if r.quarantine_id.startswith(identity)]
    if len(found) != 1:
        raise ConfigError(f"quarantine id {identity!r} names {len(found)} rows; take one from `otc quarantine`")
    one = found[0]
    about = {"reason": one.reason, "file": one.file, "line": one.line, "key": one.key, "status": one.status}
    rows = [{"column": k, "value": v} for k, v in (*one.row.items(), *((f"({k})", v) for k, v in about.items()))]
    emit(rows, ["column", "value"], form, title=f"{one.source}/{one.entity}")


@group.command("replay")
def quarantine_replay(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Try the rows again after a fix; what can stand now is landed, the rest stays."""
    from otc_pipelines.landing import replay
    from otc_pipelines.warehouse import Warehouse

    instance = options.instance(config or context.obj)
    chosen = [instance.source(source)] if source else list(instance.sources)
    rows = []
    for one in chosen:
        done = replay(Warehouse.of(instance), instance.connector_of(one), one.name, instance.settings_of(one))
        rows.append({"source": one.name, "tried": done.rows_in, "landed": done.rows_new})
    emit(rows, ["source", "tried", "landed"], form, title="replay; `otc run` posts what was landed")
