"""``otc sync``: what would change in the targets, and, asked twice, doing it."""

from __future__ import annotations

from typing import Annotated

import typer

from otc_pipelines.cli import options
from otc_pipelines.cli.errors import gravest
from otc_pipelines.cli.output import Format, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sync")(sync)


def sync(
    target: Annotated[str | None, typer.Option("--target", help="Only this target of otc.yaml.")] = None,
    deliver: Annotated[bool, typer.Option("--deliver", help="Write; the target's mode must be deliver too.")] = False,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="BATCH", help="Release what a limit held, and deliver it.")
    ] = None,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Show what a delivery would do; a dry run unless --deliver is given and the target means it."""
    from connectors.kit.errors import ConfigError
    from otc_pipelines.flow import sync as flow_sync
    from otc_pipelines.flow.context import Flow

    flow = Flow(options.instance(config))
    if deliver and target is None and not any(t.mode == "deliver" for t in flow.instance.targets):
        raise ConfigError(
            f"no target of {flow.instance.path.name} is in mode deliver; set mode: deliver on the one that is meant"
        )
    if approve is not None:
        reports, rows = flow_sync.approve_batch(flow, approve)
    elif deliver:
        reports, rows = flow_sync.deliver_targets(flow, target)
    else:
        reports, rows = [], flow_sync.plan_targets(flow, target)
    summary = {r.name: r.message for r in reports}
    changes = [r for r in rows if r["action"] != "skip"] if form is Format.TABLE else rows
    emit(
        changes,
        flow_sync.COLUMNS,
        form,
        title="sync" if deliver or approve else "sync (dry run)",
        facts={"summary": summary},
    )
    code = gravest(*(r.code for r in reports))
    if code:
        raise typer.Exit(code)
