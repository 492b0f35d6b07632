"""Running tools side by side: a process a run, interleaved, one warm-up, median and spread, ratios within a round.

Belongs here: processes and figures. Not here: what is measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Figures:
    """One run: wall and CPU seconds of the work alone, peak memory of the process in MB, what the result came to."""

    wall: float
    cpu: float
    peak_mb: float
    content: str


def once(module: str, tool: str, arguments: Sequence[str]) -> Figures:
    """Run one tool once in a process of its own; it prints its figures as one line of JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, tool, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {tool} failed: {done.stderr.strip().splitlines()[-1:]}")
    return Figures(**json.loads(done.stdout.strip().splitlines()[-1]))


def contest(title: str, module: str, tools: Sequence[str], arguments: Sequence[str], runs: int = 5) -> None:
    """Run all tools in turn, and print the median, the spread and the ratio to the first tool of the same round."""
    for tool in tools:
        once(module, tool, arguments)
    found: dict[str, list[Figures]] = {t: [] for t in tools}
    for _ in range(runs):
        for tool in tools:
            found[tool].append(once(module, tool, arguments))
    table = Table(
        "tool", "wall median", "min - max", "cpu", "peak MB", f"speed against {tools[0]}", "content", title=title
    )
    for tool in tools:
        walls = [f.wall for f in found[tool]]
        ratio = statistics.median(first.wall / f.wall for first, f in zip(found[tools[0]], found[tool], strict=True))
        table.add_row(
            tool,
            f"{statistics.median(walls):.2f} s",
            f"{min(walls):.2f} - {max(walls):.2f}",
            f"{statistics.median(f.cpu for f in found[tool]):.2f} s",
            f"{max(f.peak_mb for f in found[tool]):.0f}",
            f"{ratio:.2f}",
            found[tool][0].content,
        )
    Console(width=140).print(table)
