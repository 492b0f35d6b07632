"""`otc demo`: plays the demo around a whole pass through Dagster, with a line for each step that is done.

Belongs here: which pass it is, and its progress. Not here: making, running or showing.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from otc_pipelines.demo.play import play
from otc_pipelines.demo.start import DemoOptions
from otc_pipelines.flow.context import StepReport
from otc_pipelines.flow.run import RunReport


def run_demo(folder: Path, *, seed: int, customers: int, invoices: int, console: Console) -> int:
    """Play the demo in ``folder`` and return the exit code."""
    options = DemoOptions(folder, seed, customers, invoices)
    return play(options, lambda config: _through_dagster(config, console), console)[1]


def _through_dagster(config: Path, console: Console) -> RunReport:
    with console.status("starting Dagster …") as status:
        from otc_pipelines.defs.whole_way import run_whole_way  # takes seconds to import: say so first

        def announce(name: str) -> None:
            status.update(f"{name} …")

        def listen(step: StepReport) -> None:
            console.print(_line(step))

        return run_whole_way(config, listen, announce)


def _line(step: StepReport) -> str:
    rows = f"{step.rows_in:,} rows" if step.rows_in else ""
    aside = f"{step.quarantined:,} set aside" if step.quarantined else ""
    said = escape(", ".join(filter(None, (rows, aside, step.message))))
    mark = {"done": "[green]done[/]", "failed": "[bold red]failed[/]"}.get(step.status, f"[yellow]{step.status}[/]")
    return f"  {mark} {step.step} {step.name}: {said or 'nothing new'} [dim]({step.seconds:.1f} s)[/]"
