"""What an answer says beside its rows about the moments of knowledge that it was asked for.

Not here: how rows are kept to them (the macros do that).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from otc_pipelines.warehouse import Tx


def clock_facts(tx: Tx, known_at: datetime | None, loaded_at: datetime | None) -> dict[str, Any]:
    """Return both moments as ISO text, and a note where one is before the first load of the published ledger."""
    first_load = tx.scalar("select min(loaded_at) from marts.fct_ar_ledger")
    notes = []
    if known_at and first_load and known_at < first_load:
        notes.append("known-at is before the first load: answered from the times at which the source recorded its rows")
    if loaded_at and (first_load is None or loaded_at < first_load):
        notes.append("nothing had been loaded")
    return {
        "known_at": known_at.isoformat() if known_at else None,
        "loaded_at": loaded_at.isoformat() if loaded_at else None,
        "notes": "; ".join(notes) or None,
    }
