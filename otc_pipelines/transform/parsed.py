"""What dbt made of the project, kept between processes: dbt is not started to tell again what it told.

Belongs here: the files in dbt's target folder and what they were parsed of. Not here: parsing (``run``). A file may be
deleted at any time; one that is of other files, variables, versions or another warehouse, or is damaged, is not taken.
Two are kept: what dbt tells of the project, which is read without dbt, and what it builds from, written as dbt writes
what it parses in part.
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
_BUILT_FROM = "built_from.msgpack"
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
    _write(target_path / _FILE, json.dumps({"of": of, "manifest": manifest}).encode())


def kept_to_build(target_path: Path, of: str) -> Any | None:
    """Return the manifest to build from that was kept of the same, as dbt's own object, or None."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    try:
        held = (target_path / _BUILT_FROM).read_bytes()
        name, _, packed = held.partition(b"\n")
        if name != of.encode():
            return None
        manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
        manifest.build_flat_graph()
    except Exception:  # whatever is wrong with the file: dbt parses the project again
        return None
    return manifest


def keep_to_build(target_path: Path, of: str, manifest: Any) -> None:
    """Keep a manifest to build from in place of what was there, where the folder can be written."""
    from dbt.parser.manifest import extended_mashumaro_encoder

    packed = manifest.to_msgpack(extended_mashumaro_encoder)
    _write(target_path / _BUILT_FROM, of.encode() + b"\n" + packed)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_bytes(content)
        replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
