"""The batches that would leave the house: an outbound model's rows for one object of one target.

The gate judges exactly what this returns, and delivery sends exactly that: both ask here.
"""

from __future__ import annotations

from otc_pipelines.flow.context import Flow
from otc_pipelines.naming import outbound_model
from otc_pipelines.reverse_sync import OutboundBatch, batch_of
from otc_pipelines.settings import Target
from otc_pipelines.warehouse import Tx


def outbound_batches(flow: Flow, tx: Tx, only: str | None = None) -> list[tuple[Target, OutboundBatch]]:
    """Return the batch of each object of each target (or of the target ``only``)."""
    found = []
    for target in flow.instance.targets:
        if only is not None and target.name != only:
            continue
        for object_name in target.objects:
            table = outbound_table(flow, target, object_name)
            rows = tx.arrow(
                f"select * from {table} where target_source = :source order by target_key",  # noqa: S608
                source=target.source,
            )
            sent = rows.drop_columns(["target_source"]).rename_columns(
                ["key" if c == "target_key" else c for c in rows.column_names if c != "target_source"]
            )
            found.append((target, batch_of(target.name, object_name, sent)))
    return found


def outbound_table(flow: Flow, target: Target, object_name: str) -> str:
    """Qualified name of the outbound model of a target's object."""
    connector = flow.instance.source(target.source).connector
    return f"outbound.{outbound_model(connector, object_name)}"
