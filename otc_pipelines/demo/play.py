"""The demo from beginning to end: make the company, run one pass over it, show what came of it.

Belongs here: the order of these three, and telling people what is going on. Not here: the pass itself, which the caller
gives: the same one that `otc run` or Dagster would do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rich.console import Console

from otc_pipelines.demo.show import show
from otc_pipelines.demo.start import Demo, DemoOptions, running
from otc_pipelines.demo.summary import Summary


class Pass(Protocol):
    """What a pass says of itself: the exit code that its steps ask for."""

    @property
    def code(self) -> int:
        """0 when all of it was done."""
        ...


def play(options: DemoOptions, run: Callable[[Path], Pass], console: Console | None = None) -> tuple[Summary, int]:
    """Play the demo; ``run`` does one whole pass over the instance of a configuration file.

    Returns the numbers, and the exit code: that of the pass, or 1 where the outcome is not what the company knows.
    """
    console = console or Console()
    started = time.monotonic()
    size = f"{options.customers:,} customers, {options.invoices:,} invoices over {options.months} months"
    console.print(f"Making a company: {size}, seed {options.seed} …")
    with running(options) as demo:
        console.print(f"  {_made(demo)}, in {time.monotonic() - started:.0f} s", style="dim")
        started = time.monotonic()
        report = run(demo.config_path)
        numbers = show(demo, time.monotonic() - started, console)
    return numbers, report.code or int(not all(tie.ties for tie in numbers.ties))


def _made(demo: Demo) -> str:
    erp = f"{sum(demo.drop.rows.values()):,} rows in {len(demo.drop.files)} ERP files"
    bank = f"{demo.statements.lines:,} bank lines in {demo.statements.statements} statements"
    return f"{erp}, {bank}, a CRM at {demo.salesforce.url}"
