"""Progress of a pass on a terminal: the step under way, and a line for each that ended. Silent where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from otc_pipelines.flow.context import StepReport

_MARKS = {
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "warned": ("!", "yellow"),
    "held": ("‖", "yellow"),
    "skipped": ("-", "dim"),
}


@contextmanager
def shown_progress(
    console: Console, *, enabled: bool
) -> Iterator[tuple[Callable[[str], None], Callable[[StepReport], None]]]:
    """Yield (announce a step by name, tell that one ended)."""
    if not enabled or not console.is_terminal:
        yield (lambda _name: None), (lambda _report: None)
        return
    with console.status("starting") as status:
        yield (lambda name: status.update(name)), (lambda report: console.print(line(report)))


def line(report: StepReport) -> Text:
    """One step in one line: mark, name, rows, seconds, what it said; a gate counts checks, and says so itself."""
    mark, style = _MARKS.get(report.status, ("?", "yellow"))
    text = Text(f"{mark} ", style=style)
    text.append(f"{report.step:<10} {report.name:<28}", style="bold" if report.status == "failed" else "")
    counted = [] if report.step == "gate" else [(report.rows_in, "in"), (report.rows_new, "new")]
    rows = ", ".join(f"{count:,} {what}" for count, what in counted if count is not None)
    text.append(f"{rows:<26}{report.seconds:6.1f} s  ")
    aside = f"{report.quarantined:,} set aside" if report.quarantined else ""
    text.append("; ".join(filter(None, (aside, report.message))), style="dim")
    return text
