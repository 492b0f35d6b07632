"""Reading a drop in a test: what came of it, validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.erp.files.connector import CONNECTOR
from connectors.kit.contract import Batch, Cursor, Note, Reject, Rejects
from connectors.kit.validation import validate


@dataclass
class Read:
    """Good rows by entity, rejects, cursors, and the raw items."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: dict[str, frozenset[str]] = field(default_factory=dict)

    def places(self, entity="documents"):
        return [(r["document_id"], r["_line"]) for r in self.rows.get(entity, [])]

    def reasons(self):
        return {(r.line, r.reason) for r in self.rejects}


def read(path, cursors=None, **options):
    settings = CONNECTOR.settings.model_validate({"path": str(path), "settle_seconds": 0, **options})
    found = Read()
    for resource in CONNECTOR.source("legacy", settings, cursors or {}).resources.values():
        for item in resource:
            if isinstance(item, Note):
                found.notes.append(item.text)
                continue
            if item.cursor:
                found.cursors[item.cursor.stream] = item.cursor
            if item == Rejects((), item.cursor):
                continue  # says only under which name a content was seen
            found.items.append(item)
            if isinstance(item, Rejects):
                found.rejects += item.items
            elif isinstance(item, Batch):
                result = validate(item)
                found.rows.setdefault(item.entity.name, []).extend(result.good.to_pylist())
                found.rejects += result.rejects
                found.absent[item.entity.name] = item.absent
    return found
