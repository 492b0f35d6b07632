"""Setting up: write a configuration, test it, scaffold a connector, serve a simulated vendor."""

from __future__ import annotations

import importlib
import importlib.resources
import os
from pathlib import Path
from typing import Annotated

import typer

from connectors.kit.errors import ConfigError
from otc_pipelines.cli import options
from otc_pipelines.cli.errors import DONE, UNREACHABLE, WRONG_USE, gravest
from otc_pipelines.cli.output import Format, console, emit


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("new-connector")(new_connector)
    app.command("simulate")(simulate)


def init(
    folder: Annotated[Path, typer.Argument(help="Where the instance shall live.")] = Path(),
    warehouse: Annotated[
        bool, typer.Option("--warehouse", help="Make the roles and schemas of the server that otc.yaml names instead.")
    ] = False,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Write a commented otc.yaml and .env.example; existing files are left as they are.

    With --warehouse: make the database, the roles loader, transformer and bi_reader, and the schemas, signed in by
    OTC_WAREHOUSE_ADMIN_URL or else as the login itself. May be repeated.
    """
    if warehouse:
        _init_warehouse(config if config or folder == Path() else folder / "otc.yaml", form)
        return
    templates = importlib.resources.files("otc_pipelines.cli") / "templates"
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in (("otc.yaml", "otc.yaml"), (".env.example", "env.example")):
        target = config if config is not None and name == "otc.yaml" else folder / name
        if target.exists():
            rows.append({"file": str(target), "written": False, "message": "is there already, left as it is"})
            continue
        target.write_text((templates / source).read_text(encoding="utf-8"), encoding="utf-8")
        rows.append({"file": str(target), "written": True, "message": "edit it, then run `otc check`"})
    for place in ("drop", "bank"):
        (folder / place).mkdir(exist_ok=True)
    emit(rows, ["file", "written", "message"], form)


def _init_warehouse(config: Path | None, form: Format) -> None:
    from otc_pipelines.warehouse.setting_up import ADMINISTRATOR, set_up_server

    instance = options.instance(config)
    said = [line.partition(": ") for line in set_up_server(instance, os.environ.get(ADMINISTRATOR))]
    rows = [{"what": what, "message": message} for what, _, message in said]
    emit(rows, ["what", "message"], form, title="the warehouse's server")


def check(config: options.Config = None, form: options.Form = Format.TABLE, debug: options.Debug = False) -> None:
    """Test each connection, the warehouse and permissions, one line each."""
    from connectors.kit.errors import ConnectorError
    from otc_pipelines.cli.errors import exit_code
    from otc_pipelines.flow.check import check_instance

    instance = options.instance(config)
    code = DONE
    rows = []
    for name, result, problem in check_instance(instance):
        rows.append({"what": f"{name}: {result.what}", "ok": result.ok, "message": result.message})
        if problem is not None:
            code = gravest(code, exit_code(problem) if isinstance(problem, ConnectorError) else UNREACHABLE)
        elif not result.ok:
            code = gravest(code, WRONG_USE)
    emit(rows, ["what", "ok", "message"], form, title=f"check of {instance.path.name}")
    if code:
        raise typer.Exit(code)


def new_connector(
    role: Annotated[str, typer.Argument(help="erp, crm, bank, payments or messaging.")],
    name: Annotated[str, typer.Argument(help="Lower case, such as sage_intacct.")],
    root: Annotated[Path, typer.Option(help="A checkout of the project.")] = Path(),
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Write the folders of a new connector, its staging twin and its contract case, ready to be filled in."""
    from connectors.kit.scaffold import scaffold

    written = scaffold(role, name, root)
    emit([{"file": str(p)} for p in written], ["file"], form, title=f"new connector {role}/{name}")


def simulate(
    vendor: Annotated[str, typer.Argument(help="A connector that has a simulator, such as salesforce.")],
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 0,
    config: options.Config = None,
    form: options.Form = Format.TABLE,
    debug: options.Debug = False,
) -> None:
    """Serve a vendor's wire format on loopback until stopped."""
    from connectors.registry import connectors

    able = {c.name: c.simulator for c in connectors().values() if c.simulator}
    if vendor not in able:
        raise ConfigError(f"{vendor!r} has no simulator; there are: {', '.join(sorted(able))}")
    module, _, function = str(able[vendor]).partition(":")
    console.print(f"simulating {vendor}; stop with Ctrl-C")
    getattr(importlib.import_module(module), function)(port)
