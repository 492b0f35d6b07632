"""What was set aside, and trying it again after a fix.

Belongs here: reading quarantine, replaying rows whose values can stand now (a fixed mapping, an added currency).
Not here: deciding what is bad.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from connectors.kit.contract import Batch, Connector, Cursors, Settings
from connectors.kit.validation import validate
from otc_pipelines.landing.land import LandingReport, land
from otc_pipelines.warehouse import Tx, Warehouse


@dataclass(frozen=True)
class QuarantinedRow:
    """One row set aside: where it stood, why, and what it was (card numbers removed)."""

    quarantine_id: str
    stage: str
    source: str
    entity: str
    file: str | None
    line: int | None
    key: str | None
    reason: str
    row: Mapping[str, Any]
    loaded_at: datetime
    status: str


def quarantined(tx: Tx, *, everything: bool = False) -> list[QuarantinedRow]:
    """Return what is set aside, oldest first; ``everything`` includes what was mended since."""
    wanted = "" if everything else "where status = 'open'"
    return [
        QuarantinedRow(
            r["quarantine_id"],
            r["stage"],
            r["source_system"],
            r["entity"],
            r["file"],
            r["line"],
            r["row_key"],
            r["reason"],
            json.loads(r["row_json"] or "{}"),
            r["loaded_at"],
            r["status"],
        )
        for r in tx.rows(
            f"select * from ops.quarantine {wanted}"  # noqa: S608
            " order by loaded_at, source_system, entity, file, line, row_key, quarantine_id"
        )
    ]


def replay(warehouse: Warehouse, connector: Connector, source: str, settings: Settings) -> LandingReport:
    """Validate a source's open rows again and land those that can stand now; the rest stays where it is.

    What stands for a whole file or statement (stage reading) is not replayed from here: mend it and put it back.
    """
    with warehouse.reading() as tx:
        waiting = [r for r in quarantined(tx) if r.source == source and r.stage == "landing" and r.row]
    batches = []
    for entity in connector.entities:
        rows = [r for r in waiting if r.entity == entity.name]
        for r in rows:
            columns = sorted(r.row)
            table = pa.table(
                {c: pa.array([str(r.row[c])], pa.string()) for c in columns}
                | {"_file": pa.array([r.file], pa.string()), "_line": pa.array([r.line], pa.int64())}
            )
            absent = frozenset(f.name for f in entity.fields) - frozenset(columns)
            batch = Batch(entity, table, absent)
            if not validate(batch).rejects:
                batches.append(batch)

    class Replayed:
        """A source of the rows to try again."""

        resources = {"replay": batches}  # noqa: RUF012

    def again(_name: str, _settings: Settings, _cursors: Cursors) -> Any:
        return Replayed

    return land(
        warehouse,
        Connector(
            connector.name,
            connector.role,
            connector.title,
            connector.settings,
            connector.entities,
            again,
            connector.check,
        ),
        source,
        settings,
    )
