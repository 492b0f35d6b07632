"""A new file in a source's folder starts the pull of that source.

Belongs here: noticing. Not here: reading; a file that is still being written is the connector's to wait for.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from connectors.kit.contract import Capability
from otc_pipelines.naming import raw_asset
from otc_pipelines.settings import Instance, Source

_SECONDS = 60


def file_sensors(instance: Instance, pull: Any) -> list[dg.SensorDefinition]:
    """A sensor for each source that reads a local folder."""
    found = []
    for source in instance.sources:
        if Capability.FILES in instance.connector_of(source).capabilities:
            settings = instance.settings_of(source)
            folder = str(getattr(settings, "path", ""))
            if folder and "://" not in folder:
                archive = str(getattr(settings, "archive_folder", ""))
                found.append(_sensor(instance, source, Path(folder), archive, pull))
    return found


def _sensor(instance: Instance, source: Source, folder: Path, archive: str, pull: Any) -> dg.SensorDefinition:
    assets = [dg.AssetKey(raw_asset(source.name, e.name)) for e in instance.connector_of(source).entities]

    @dg.sensor(
        name=f"new_file_{source.name}",
        job=pull,
        minimum_interval_seconds=_SECONDS,
        description=f"Pulls {source.name} when a file in its folder is new or has changed.",
    )
    def new_file(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        seen, count = _seen(folder, archive)
        if not count:
            yield dg.SkipReason(f"{folder} has no file")
        elif seen == context.cursor:
            yield dg.SkipReason(f"none of {count} files is new")
        else:
            context.update_cursor(seen)
            yield dg.RunRequest(run_key=f"{source.name}-{seen}", asset_selection=assets)

    return new_file


def _seen(folder: Path, archive: str) -> tuple[str, int]:
    """A hash over names, sizes and times of the folder's files, the archive's apart, and how many there are."""
    listed = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        try:
            stat = path.stat()
        except OSError:
            continue  # gone since it was listed
        if path.is_file() and not (archive and path.is_relative_to(folder / archive)):
            listed.append(f"{path.relative_to(folder)}|{stat.st_size}|{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(listed).encode()).hexdigest(), len(listed)
