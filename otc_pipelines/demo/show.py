"""The closing summary of the demo, for people: six short tables and three commands to go on with.

Belongs here: how it looks. Not here: where the numbers come from (``summary``).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from connectors.kit.money import exponent
from otc_pipelines.demo.start import Demo
from otc_pipelines.demo.summary import Summary, TieOut, summarise
from otc_pipelines.settings import load

_MOST_ROWS = 12


def show(demo: Demo, seconds: float, console: Console | None = None) -> Summary:
    """Print what a pass of so many seconds came to, and return the numbers."""
    numbers = summarise(load(demo.config_path), demo.world, len(demo.drop.bad), len(demo.salesforce.writes()))
    here = Path(os.path.relpath(demo.config_path))
    (console or Console()).print(closing(numbers, here, str(demo.world.as_of), seconds))
    return numbers


def closing(numbers: Summary, config: Path, as_of: str, seconds: float) -> Group:
    """Return the summary as something that rich can print."""
    rows = sum(int(r["rows_new"] or 0) for r in numbers.came_in)
    return Group(
        Text(f"\nOne pass: {rows:,} rows in {seconds:.0f} s, as of {as_of}", style="bold"),
        _came_in(numbers.came_in),
        _quarantined(numbers),
        _ties(numbers.ties),
        _matched(numbers),
        _gates(numbers.gates),
        _delivered(numbers),
        _next(config, as_of),
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold cyan", header_style="bold", expand=False)
    for column in columns:
        name = column.lstrip(">")
        number = column.startswith(">")  # an amount that is broken over two lines is misread
        table.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def _came_in(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table("1  What came in", "source", "what", ">rows", ">kept as new", ">set aside")
    for source in sorted({r["source_system"] for r in rows}):
        for n, row in enumerate(r for r in rows if r["source_system"] == source):
            amounts = (f"{int(row[c] or 0):,}" for c in ("rows_in", "rows_new", "quarantined"))
            table.add_row(source if n == 0 else "", row["entity"], *amounts)
        table.add_section()
    return table


def _quarantined(numbers: Summary) -> Table:
    planted = f"the ERP's export has {numbers.expected_bad} bad rows, one bank statement does not close"
    table = _table(f"2  What was quarantined, and why ({planted})", "source", "what", ">rows", "where", "reason")
    for row in numbers.quarantined[:_MOST_ROWS]:
        where = f"{row['file'] or ''}{':' + str(row['line']) if row['line'] else ''}"
        table.add_row(row["source_system"], row["entity"], str(row["rows"]), where, _short(row["reason"]))
    if len(numbers.quarantined) > _MOST_ROWS:
        table.add_row("", "", "", "", f"and {len(numbers.quarantined) - _MOST_ROWS} reasons more: otc quarantine list")
    return table


def _ties(ties: Sequence[TieOut]) -> Table:
    title = "3  What ties out, to the cent: ledger = general ledger = what the simulated company knows to be true"
    table = _table(title, "entity", "account", ">ledger", ">general ledger", ">truth", "currency", "")
    for tie in ties:
        stated = "none" if tie.control is None else _money(tie.control, tie.currency)
        verdict = Text("ties", style="green") if tie.ties else Text("differs", style="bold red")
        amounts = (_money(tie.ledger, tie.currency), stated, _money(tie.truth, tie.currency))
        table.add_row(tie.legal_entity, tie.gl_account, *amounts, tie.currency, verdict)
    return table


def _matched(numbers: Summary) -> Table:
    score = numbers.matches
    title = f"4  What was matched: {score.pending} payments that the bank has and the ERP has not posted"
    table = _table(title, "measure", ">share", "of what")
    rate = f"{score.usable_applied} of {score.usable} payments with a usable reference, applied whole as meant"
    table.add_row("match rate", _percent(score.rate), rate)
    every = f"{score.meant_applied} of {score.meant} with those that name nothing, a part of it or mistype it"
    table.add_row("of all", _percent(score.rate_of_all), every)
    right = f"{score.right} of {score.applied} applications are what the payer meant"
    table.add_row("precision", _percent(score.precision), right)
    table.add_section()
    for row in numbers.by_rule[:_MOST_ROWS]:
        table.add_row(f"{row['outcome']}: {row['rule']}", "", f"{row['lines']} bank line{'s' * (row['lines'] != 1)}")
    return table


def _gates(rows: Sequence[dict[str, Any]]) -> RenderableType:
    if not rows:
        return Text("5  What the gates said: nothing was judged", style="bold red")
    table = _table("5  What the gates said", "suite", "guards", ">checks", ">failed", "")
    for row in rows:
        verdict = (
            Text("passed", style="green") if row["passed"] else Text(f"failed ({row['severity']})", style="bold red")
        )
        guards = ".".join(filter(None, (row["target"], row["object"]))) or "every delivery"
        suite = "the whole batch" if row["suite"] == "*" else row["suite"]
        table.add_row(suite, guards, str(row["checks"]), str(row["failed_checks"]), verdict)
    return table


def _delivered(numbers: Summary) -> RenderableType:
    if not numbers.delivered:
        return Text("6  What was delivered: nothing was delivered", style="bold red")
    title = f"6  What was delivered, in {numbers.writes} writing calls that the CRM saw"
    table = _table(title, "target", "object", "status", ">records", "why")
    for row in numbers.delivered:
        table.add_row(row["target"], row["object"], row["status"], f"{row['rows']:,}", _short(row["reason"] or ""))
    return table


def _next(here: Path, as_of: str) -> Panel:
    otc = _program()
    lines = [
        ("who owes what, how late, by customer", f"{otc} aging --config {here} --as-of {as_of}"),
        ("each payment, its rule, its reason, and what waits for a person", f"{otc} matches --config {here}"),
        ("every asset, check and chart, in the browser", f"{otc} ui --config {here}"),
    ]
    text = Text()
    for what, command in lines:
        text.append(f"{command}\n", style="bold")
        text.append(f"    {what}\n", style="dim")
    text.rstrip()
    return Panel(text, title="Three things to look at next", title_align="left", expand=False)


def _program() -> str:
    """How ``otc`` is called from here: by its name where that is found, else by where it is."""
    beside = Path(sys.executable).with_name("otc")
    return "otc" if shutil.which("otc") or not beside.is_file() else os.path.relpath(beside)


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,.{exponent(currency)}f}"


def _percent(share: Decimal | None) -> str:
    return "none" if share is None else f"{share * 100:.1f} %"


def _short(reason: str) -> str:
    return reason if len(reason) <= 160 else f"{reason[:159]}…"
