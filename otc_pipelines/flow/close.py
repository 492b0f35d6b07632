"""Close of day: who owed what when the day ended, frozen in a file of its own whose hash is in the audit trail.

Belongs here: writing the snapshot once and never over another. Not here: the aging (one SQL definition), the schedule.
The file names no person: it is kept for good, and an erasure could not reach it.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.kit.errors import FatalError
from otc_pipelines.audit import append, audited
from otc_pipelines.flow.context import Flow
from otc_pipelines.transform import aging_sql
from otc_pipelines.warehouse.publish import published


@dataclass(frozen=True)
class Snapshot:
    """A written snapshot: the file, the day it is of, its rows, its SHA-256."""

    path: Path
    day: date
    rows: int
    sha256: str
    seconds: float


def close_of_day(flow: Flow, day: date | None = None) -> Snapshot:
    """Write aging by document as of ``day`` (today) to ``close/aging_<day>.parquet``, or beside it if that is there."""
    started = time.monotonic()
    chosen = day or flow.instance.company.today()
    rows = _aging(flow, chosen)
    folder = flow.instance.data_dir / "close"
    building = folder / f".aging_{chosen.isoformat()}.{os.getpid()}.building"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, building)
        sha256 = hashlib.sha256(building.read_bytes()).hexdigest()
        with building.open("rb+") as file:
            os.fsync(file.fileno())
        path = _named(building, folder, chosen)
    except OSError as problem:
        raise FatalError(f"close of {chosen} cannot be written to {folder}: {problem.strerror or problem}") from None
    finally:
        building.unlink(missing_ok=True)
    with audited(flow.warehouse) as tx:
        append(
            tx,
            kind="close",
            subject=path.name,
            actor=flow.actor,
            details={
                "run_id": flow.run_id,
                "as_of": chosen.isoformat(),
                "rows": rows.num_rows,
                "bytes": path.stat().st_size,
                "sha256": sha256,
            },
        )
    return Snapshot(path, chosen, rows.num_rows, sha256, time.monotonic() - started)


def _aging(flow: Flow, day: date) -> pa.Table:
    aging = flow.instance.aging
    with published(flow.warehouse) as tx:
        found = tx.arrow(aging_sql(as_of=day, edges=aging.edges, by=aging.by, group_by="document"))
    kept = [c for c in found.column_names if c != "party_name"]
    return found.select(kept)


def _named(building: Path, folder: Path, day: date) -> Path:
    """Give the file the first name that is free; a name that is taken is never taken over."""
    nth = 1
    while True:
        path = folder / (f"aging_{day.isoformat()}.parquet" if nth == 1 else f"aging_{day.isoformat()}_{nth}.parquet")
        try:
            os.link(building, path)
        except FileExistsError:
            nth += 1
            continue
        return path
