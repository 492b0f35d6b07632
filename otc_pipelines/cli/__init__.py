"""``otc``: thin. Parses words, calls the rooms, prints what they return, and turns errors into one line and a code."""

from otc_pipelines.cli.app import main

__all__ = ["main"]
