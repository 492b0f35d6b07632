"""What dbt made of the project, kept between processes: dbt is not started to tell again what it told.

Belongs here: the file in dbt's target folder and what it was parsed of. Not here: parsing (``run``). The file may be
deleted at any time; one that is of other files, variables, versions or another warehouse, or is damaged, is not taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from otc_pipelines.warehouse.replacing import replace

_FILE = "parsed_project.json"
_PACKAGES = ("dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "dbt-postgres")
_SECRET = "SECRET"  # noqa: S105  # how dbt marks a variable whose value is written nowhere


def parsed_of(fingerprint: str, variables: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Return what a manifest depends on, as a digest: files, variables, profile without secrets, dbt's versions."""
    profile = {name: value for name, value in environment.items() if _SECRET not in name}
    said = [fingerprint, dict(variables), profile, [_version(p) for p in _PACKAGES]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def kept(target_path: Path, of: str) -> dict[str, Any] | None:
    """Return the manifest that was kept of the same, or None."""
    try:
        said = json.loads((target_path / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.get("of") != of or not isinstance(said.get("manifest"), dict):
        return None
    return dict(said["manifest"])


def keep(target_path: Path, of: str, manifest: Mapping[str, Any]) -> None:
    """Keep a manifest in place of what was there; where the folder cannot be written, it is parsed again next time."""
    fresh = target_path / f"{_FILE}.new"
    try:
        fresh.write_text(json.dumps({"of": of, "manifest": manifest}), encoding="utf-8")
        replace(fresh, target_path / _FILE)
    except OSError:
        fresh.unlink(missing_ok=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
