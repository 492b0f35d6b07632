"""`otc demo`: plays the demo around a whole pass through Dagster, with a line for each step that is done.

Belongs here: which pass it is, and its progress. Not here: making, running or showing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from otc_pipelines.demo.play import play
from otc_pipelines.demo.start import DemoOptions
from otc_pipelines.flow.context import StepReport
from otc_pipelines.flow.run import RunReport


def run_demo(
    folder: Path,
    *,
    seed: int,
    customers: int,
    invoices: int,
    console: Console,
    line: Callable[[StepReport], Text],
) -> int:
    """Play the demo in ``folder`` and return the exit code; ``line`` says what a step did, as it does for any pass."""
    options = DemoOptions(folder, seed, customers, invoices)
    return play(options, lambda config: _through_dagster(config, console, line), console)[1]


def _through_dagster(config: Path, console: Console, line: Callable[[StepReport], Text]) -> RunReport:
    with console.status("starting Dagster …") as status:
        from otc_pipelines.defs.whole_way import run_whole_way  # takes seconds to import: say so first

        def announce(name: str) -> None:
            status.update(f"{name} …")

        def listen(step: StepReport) -> None:
            console.print(line(step))

        return run_whole_way(config, listen, announce)
