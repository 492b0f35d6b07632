"""Options that several commands take, what is written in them, and the instance that they name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from otc_pipelines.cli.output import Format
from otc_pipelines.settings import Instance, load

Config = Annotated[
    Path | None, typer.Option("--config", help="The instance's otc.yaml [$OTC_CONFIG, else ./otc.yaml].")
]
Form = Annotated[Format, typer.Option("--format", help="table for people, json or csv for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show log lines, and the traceback of an error.")]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", metavar="TIME", help="As the sources had recorded it by then.")
]
LoadedAt = Annotated[
    str | None, typer.Option("--loaded-at", metavar="TIME", help="As this system had loaded it by then.")
]
WindowEnd = Annotated[str, typer.Option("--as-of", metavar="DATE", help="Last day of the window.")]
WindowDays = Annotated[int, typer.Option("--days", help="Days of the window, the last one included.")]


def instance(config: Path | None) -> Instance:
    """Load the instance that ``--config`` names."""
    return load(config)


def a_date(value: str) -> date:
    """Parse an ISO date. BadParameter says what is wrong with the value."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not a date; write one such as 2026-01-31") from None


def a_time(value: str) -> datetime:
    """Parse an ISO timestamp with offset; a day alone is its last moment in UTC."""
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), datetime.max.time(), UTC)
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not a time; write one such as 2026-01-31T23:59:59+00:00") from None
    if parsed.tzinfo is None:
        raise typer.BadParameter(f"{value!r} has no offset; write one such as {value}+00:00")
    return parsed.astimezone(UTC)


def a_time_if_any(value: str | None) -> datetime | None:
    """Parse a timestamp as ``a_time`` does; None where the option is left out."""
    return a_time(value) if value else None
