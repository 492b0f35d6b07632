"""The command line itself: the commands, their shared options, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence

import typer

from connectors.kit.redact import RedactingFilter
from otc_pipelines.cli import errors
from otc_pipelines.cli.commands import (
    audit,
    behaviour,
    deliver,
    explain,
    fx,
    ledger,
    metrics,
    migrate,
    operate,
    quarantine,
    setup,
    ties,
)

app = typer.Typer(
    name="otc",
    help="Order to cash: pull, land, post, match, check, write back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for room in (setup, operate, quarantine, ledger, ties, metrics, behaviour, fx, explain, migrate, deliver, audit):
    room.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``otc`` and exit with its code: 0 done, 1 a gate or delivery failed, 2 wrong use, 3 not reachable."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    _quiet(debug)
    try:
        code = app(words, standalone_mode=False)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped by the user\n")
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as problem:
        code = errors.report(problem, debug=debug)
    sys.exit(code or 0)


def _quiet(debug: bool) -> None:
    """Libraries do not talk to the user: warnings and log lines only with ``--debug``, card numbers never."""
    root = logging.getLogger()
    handler = logging.StreamHandler()
    handler.addFilter(RedactingFilter())
    root.handlers = [handler] if debug else [logging.NullHandler()]
    root.setLevel(logging.DEBUG if debug else logging.CRITICAL)
    if not debug:
        warnings.simplefilter("ignore")
        os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # dlt's own logger does not use the root's level
