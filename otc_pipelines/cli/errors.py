"""From an exception to one line on stderr and an exit code: 2 wrong use, 3 something could not be reached or used."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import typer

from connectors.kit.errors import ConfigError, ConnectorError
from connectors.kit.redact import redact_text

DONE, FAILED, WRONG_USE, UNREACHABLE = 0, 1, 2, 3
_USAGE: Any = typer.BadParameter.__base__  # typer may bring a click of its own: its usage error is not click's


def exit_code(problem: BaseException) -> int:
    """Return the exit code that an error means; the gravest of several wins (2, 3, 1)."""
    if isinstance(problem, ConfigError | _USAGE):
        return WRONG_USE
    return UNREACHABLE


def report(problem: BaseException, *, debug: bool = False) -> int:
    """Say in one line on stderr what went wrong; the traceback only with ``--debug``. Returns the exit code."""
    if isinstance(problem, _USAGE):
        where = f"otc {problem.ctx.info_name}" if problem.ctx and problem.ctx.parent else "otc"
        line = f"{where}: {problem.format_message() or 'a command is missing'} (see `{where} --help`)"
    elif isinstance(problem, ConnectorError):
        line = str(problem)
    elif isinstance(problem, OSError):
        line = f"{problem.strerror or problem}: {problem.filename or ''}".rstrip(": ")
    else:
        line = f"unexpected {type(problem).__name__}: {problem}; run again with --debug to see where"
    if debug:
        traceback.print_exception(problem)
    sys.stderr.write(redact_text(" ".join(line.split())) + "\n")
    return exit_code(problem)


def gravest(*codes: int) -> int:
    """Return the code that wins: 2, then 3, then 1, then 0."""
    for code in (WRONG_USE, UNREACHABLE, FAILED):
        if code in codes:
            return code
    return DONE
