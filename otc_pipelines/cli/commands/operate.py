"""Operating: a whole pass, the demo, the UI, and what was set aside."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from otc_pipelines.cli import options
from otc_pipelines.cli.closing import closing_lines
from otc_pipelines.cli.output import Format, console, emit
from otc_pipelines.cli.serving import Part

quarantine_group = typer.Typer(help="Rows set aside with a reason.", invoke_without_command=True)

RUN_COLUMNS = ["step", "name", "status", "rows_in", "rows_new", "quarantined", "seconds", "message"]
QUARANTINE_COLUMNS = ["source", "entity", "file", "line", "key", "reason", "loaded_at"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("ui")(ui)
    app.command("serve")(serve)
    app.command("demo")(demo)
    app.add_typer(quarantine_group, name="quarantine")


def run(config: options.Config = None, form: options.Form = Format.TABLE, debug: options.Debug = False) -> None:
    """One whole pass: extract, land, post, match, model, publish, gate, deliver; then a summary."""
    from otc_pipelines.cli.progress import shown_progress
    from otc_pipelines.flow.context import Flow
    from otc_pipelines.flow.occurrences import told
    from otc_pipelines.flow.run import run_pass

    flow = Flow(options.instance(config))
    with told(flow) as reports, shown_progress(console, enabled=form is Format.TABLE) as (announce, listen):
        report = run_pass(flow, listen, announce)
        reports.append(report)
    rows = [{c: getattr(s, c) for c in RUN_COLUMNS} | {"seconds": round(s.seconds, 2)} for s in report.steps]
    programs = {} if form is Format.TABLE else {"summary": report.facts}
    emit(rows, RUN_COLUMNS, form, title=f"otc run, {flow.instance.company.name}", facts=programs)
    if form is Format.TABLE:
        for what, sentence in closing_lines(report.facts):
            console.print(Text(f"{what:<12}{sentence}"))
    if report.error and report.code > 1:
        sys.stderr.write(report.error + "\n")
    if report.code:
        raise typer.Exit(report.code)


def ui(
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 3000,
    read_only: Annotated[bool, typer.Option("--read-only", help="Look, do not touch.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Open the Dagster UI of the instance on loopback; it has no login of its own."""
    from otc_pipelines.cli.webserver import serve
    from otc_pipelines.demo.vendors import is_demo, serving_again

    instance = options.instance(config)
    with ExitStack() as beside:
        if is_demo(instance) and not read_only:
            console.print(beside.enter_context(serving_again(instance)))
        code = serve(instance, port, read_only)
    raise typer.Exit(code)


def serve(
    part: Annotated[Part, typer.Argument(help="code, webserver or daemon.")],
    host: Annotated[str, typer.Option(help="Address to listen on; it has no login of its own.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port: code 4000, webserver 3000.")] = None,
    code: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the code location is.")] = "127.0.0.1:4000",
    read_only: Annotated[bool, typer.Option("--read-only", help="A webserver to look at only.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Be one part of a server that is made of several processes: code location, webserver or daemon."""
    from otc_pipelines.cli.serving import serve_part

    chosen = port if port is not None else (4000 if part is Part.CODE else 3000)
    serve_part(part, host, chosen, code, config, read_only)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's instance is written.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
    customers: Annotated[int, typer.Option(min=20, help="Customers of the simulated company.")] = 2000,
    invoices: Annotated[int, typer.Option(min=100, help="Invoices over 24 months.")] = 20000,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Start simulated vendors with a seeded company and go the whole way, through Dagster."""
    from otc_pipelines.demo.main import run_demo

    code = run_demo(folder, seed=seed, customers=customers, invoices=invoices, console=console)
    if code:
        raise typer.Exit(code)


@quarantine_group.callback()
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
    emit(rows, ["id", *QUARANTINE_COLUMNS, *(["status"] if everything else [])], form, title="quarantine")


@quarantine_group.command("list")
def quarantine_list(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what was mended since.")] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """List what was set aside and why."""
    chosen = config or context.obj
    context.invoked_subcommand = None
    quarantine(context, everything, chosen, form, debug)


@quarantine_group.command("show")
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


@quarantine_group.command("replay")
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
