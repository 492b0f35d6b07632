"""Holds what an instance says against what the simulated company knows: every open item, to the cent, both clocks.

Belongs here: the comparison. Not here: the truth itself (``connectors.simulation.world.truth``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from connectors.simulation.world import truth
from connectors.simulation.world.world import World
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse

Key = tuple[str, str, int]


def differences(
    instance: Instance, world: World, as_of: date | None = None, known_at: datetime | None = None
) -> list[str]:
    """Return a line for each open item that the ledger and the truth do not agree on; none means equal to the cent."""
    day = as_of or world.as_of
    known = "" if known_at is None else "and recorded_at <= :known"
    sql = f"""select item_type, item_id, coalesce(installment_no, 0) as part, currency, max(due_date) as due_date,
            sum(amount) as amount, sum(base_amount) as base_amount
        from ops.ar_movement where effective_date <= :day {known}
        group by item_type, item_id, coalesce(installment_no, 0), currency having sum(amount) <> 0"""
    parameters: dict[str, Any] = {"day": day} if known_at is None else {"day": day, "known": known_at}
    with Warehouse.of(instance).reading() as tx:
        found = {(r["item_type"], r["item_id"], r["part"]): r for r in tx.rows(sql, **parameters)}
    wanted = {
        (i.item_type, i.item_id, i.installment_no): i for i in truth.open_items(world, day, known_at or world.now)
    }
    lines = [f"{key}: {found[key]['amount']} is open, and nothing should be" for key in found.keys() - wanted.keys()]
    for key, item in wanted.items():
        row = found.get(key)
        if row is None:
            lines.append(f"{key}: {item.amount} should be open, and nothing is")
        elif (row["amount"], row["base_amount"], row["currency"]) != (item.amount, item.base_amount, item.currency):
            lines.append(
                f"{key}: {row['amount']} ({row['base_amount']}) is open, not {item.amount} ({item.base_amount})"
            )
    return sorted(lines)
