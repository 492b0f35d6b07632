"""Operating: a whole pass, the demo, the UI, the parts of a server."""

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

RUN_COLUMNS = ["step", "name", "status", "rows_in", "rows_new", "quarantined", "seconds", "message"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("ui")(ui)
    app.command("serve")(serve)
    app.command("demo")(demo)


def run(
    full: Annotated[
        list[str] | None,
        typer.Option("--full", metavar="SOURCE", help="Read this source from its start; may be given more than once."),
    ] = None,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """One whole pass: extract, land, post, match, model, publish, gate, deliver; then a summary."""
    from otc_pipelines.cli.progress import shown_progress
    from otc_pipelines.flow.context import Flow
    from otc_pipelines.flow.occurrences import told
    from otc_pipelines.flow.run import run_pass

    flow = Flow(options.instance(config))
    with told(flow) as reports, shown_progress(console, enabled=form is Format.TABLE) as (announce, listen):
        report = run_pass(flow, listen, announce, anew=full or ())
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
    from otc_pipelines.cli.progress import line
    from otc_pipelines.demo.main import run_demo

    code = run_demo(folder, seed=seed, customers=customers, invoices=invoices, console=console, line=line)
    if code:
        raise typer.Exit(code)
