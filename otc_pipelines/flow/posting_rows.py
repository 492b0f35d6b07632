"""The rows that are posted again, some clusters at a time: what new versions touch, cut into chunks that fit in memory.

Belongs here: which rows hang together with a new version, and reading them. Not here: what becomes of them
(``flow/posting``), any accounting rule (``posting/``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa

from otc_pipelines.posting import (
    AdjustmentVersion,
    AllocationVersion,
    Cluster,
    DocumentVersion,
    FxRateVersion,
    InstallmentVersion,
    Rates,
    ReceiptEventVersion,
    ReceiptVersion,
    clusters,
    linked,
)
from otc_pipelines.warehouse import Tx

VERSIONS: dict[str, tuple[type[Any], str]] = {
    "documents": (DocumentVersion, "document_id"),
    "installments": (InstallmentVersion, "document_id"),
    "receipts": (ReceiptVersion, "receipt_id"),
    "receipt_events": (ReceiptEventVersion, "receipt_id"),
    "allocations": (AllocationVersion, "allocation_id"),
    "adjustments": (AdjustmentVersion, "adjustment_id"),
}
"""The entities that are posted: their versions, and the column that names what a version belongs to."""

NODE = {"document_id": "D", "receipt_id": "R", "allocation_id": "A", "adjustment_id": "J"}
"""The kind of a node in ``otc_touched``, by the column that holds its id."""

CHUNK = 20_000
"""Documents, receipts, allocations and adjustments that are read at a time; a cluster that has more is read whole."""

_EDGES = """
    select source_system, 'A' as a_kind, allocation_id as a, 'D' as b_kind, document_id as b
    from conformed.int_allocations__unioned where document_id is not null
    union select source_system, 'A', allocation_id, case when source_type = 'receipt' then 'R' else 'D' end, source_id
    from conformed.int_allocations__unioned where source_id is not null
    union select source_system, 'A', allocation_id, 'A', reverses_id
    from conformed.int_allocations__unioned where reverses_id is not null
    union select source_system, 'J', adjustment_id, 'D', document_id
    from conformed.int_adjustments__unioned where document_id is not null
    union select source_system, 'J', adjustment_id, 'J', reverses_id
    from conformed.int_adjustments__unioned where reverses_id is not null"""
_ENDS = """select source_system, a_kind as kind, a as id from otc_edges
    union all select source_system, b_kind, b from otc_edges"""
_SAME = "{0}.source_system = {1}.source_system and {0}.kind = {1}.kind and {0}.id = {1}.id"


def touch(tx: Tx, since: datetime | None) -> None:
    """Leave in ``otc_touched`` every node whose component has a version loaded after ``since`` (None: every node).

    ``otc_edges`` has what links two nodes, in any version.
    """
    tx.temp("otc_edges", _EDGES)
    new = "" if since is None else " where loaded_at > :since"
    parts = [
        f"select source_system, '{NODE[key]}' as kind, {key} as id from conformed.int_{entity}__unioned{new}"  # noqa: S608
        for entity, (_, key) in VERSIONS.items()
    ]
    if since is None:
        parts += [_ENDS]
        _distinct(tx, parts)
        return
    rated = """select v.source_system, '{kind}', v.{key} from conformed.int_{entity}__unioned as v
        where v.fx_rate is null and v.currency in
            (select from_currency from conformed.int_fx_rates__unioned where loaded_at > :since)"""
    parts += [rated.format(kind="D", key="document_id", entity="documents")]
    parts += [rated.format(kind="R", key="receipt_id", entity="receipts")]
    _distinct(tx, parts, since=since)
    before = -1
    while (count := int(tx.scalar("select count(*) from otc_touched"))) != before:
        before = count
        tx.temp(
            "otc_reached",
            """select source_system, kind, id from otc_touched
            union select e.source_system, e.a_kind, e.a from otc_edges as e join otc_touched as t
                on t.source_system = e.source_system and t.kind = e.b_kind and t.id = e.b
            union select e.source_system, e.b_kind, e.b from otc_edges as e join otc_touched as t
                on t.source_system = e.source_system and t.kind = e.a_kind and t.id = e.a""",
        )
        tx.temp("otc_touched", "select * from otc_reached")


def _distinct(tx: Tx, parts: Iterable[str], **parameters: Any) -> None:
    nodes = " union all ".join(parts)
    tx.temp("otc_touched", f"select distinct * from ({nodes}) as p where id is not null", **parameters)  # noqa: S608


def cut(tx: Tx, until: datetime | None = None) -> int:
    """Cut what is touched into chunks of about ``CHUNK`` nodes, no cluster in two; return how many chunks there are.

    Leaves in ``otc_chunks`` the chunk of each node, and in a table for each entity the versions of each chunk, those
    loaded after ``until`` left out.
    """
    _chunk(tx, CHUNK)
    loaded, moment = _loaded(until)
    for entity, (kind, key) in VERSIONS.items():
        listed = ", ".join(f'v."{c}"' for c in kind._fields)
        tx.temp(
            f"otc_{entity}",
            f"""select c.chunk, {listed} from conformed.int_{entity}__unioned as v
            join otc_chunks as c on c.source_system = v.source_system and c.kind = '{NODE[key]}' and c.id = v.{key}
            where {loaded} order by c.chunk""",  # noqa: S608
            **moment,
        )
        tx.index(f"otc_{entity}", ["chunk"])
    last = tx.scalar("select max(chunk) from otc_chunks")
    return 0 if last is None else int(last) + 1


def clusters_of(tx: Tx, chunk: int) -> list[Cluster]:
    """Return the clusters of one chunk, from 0."""
    where = f"chunk = {chunk}"
    rows = {
        entity: map(kind._make, tuples(tx, f"otc_{entity}", kind._fields, where))
        for entity, (kind, _) in VERSIONS.items()
    }
    return list(clusters(**rows))


def rates(tx: Tx, until: datetime | None = None) -> Rates:
    """Return the exchange rates, those loaded after ``until`` left out."""
    loaded, moment = _loaded(until)
    found = tuples(tx, "conformed.int_fx_rates__unioned", FxRateVersion._fields, loaded, **moment)
    return Rates(map(FxRateVersion._make, found))


def _loaded(until: datetime | None) -> tuple[str, dict[str, datetime]]:
    return ("1 = 1", {}) if until is None else ("loaded_at <= :until", {"until": until})


def _chunk(tx: Tx, size: int) -> None:
    """Leave in ``otc_chunks`` the chunk of each node.

    Only nodes that something links are looked at here, by number; the others fill chunks of their own in their order.
    """
    tx.temp(
        "otc_linked",
        f"""select source_system, kind, id, row_number() over (order by source_system, kind, id) - 1 as number
        from (
            select distinct ends.* from ({_ENDS}) as ends join otc_touched as t on {_SAME.format("t", "ends")}
        ) as nodes""",  # noqa: S608
    )
    chunk_of, chunks = _chunked(linked(int(tx.scalar("select count(*) from otc_linked")), _pairs(tx)), size)
    tx.temp("otc_cut", "select number, number as chunk from otc_linked where 1 = 0")
    tx.insert_arrow("otc_cut", pa.table({"number": pa.array(range(len(chunk_of)), pa.int64()), "chunk": chunk_of}))
    tx.temp(
        "otc_chunks",
        f"""select l.source_system, l.kind, l.id, cut.chunk
        from otc_linked as l join otc_cut as cut on cut.number = l.number
        union all
        select source_system, kind, id, cast(:chunks + (nth - mod(nth, :size)) / :size as bigint)
        from (
            select t.*, row_number() over (order by t.source_system, t.kind, t.id) - 1 as nth
            from otc_touched as t where not exists (select 1 from otc_linked as l where {_SAME.format("l", "t")})
        ) as single""",  # noqa: S608
        chunks=chunks,
        size=size,
    )


def _pairs(tx: Tx) -> Iterator[tuple[int, int]]:
    """Yield the numbers of both ends of each link.

    One end at a time: asked for both at once, DuckDB sees that they have one source and pairs all nodes of it first.
    """
    tx.temp(
        "otc_one_end",
        """select e.source_system, e.b_kind as kind, e.b as id, l.number as one from otc_edges as e
        join otc_linked as l on l.source_system = e.source_system and l.kind = e.a_kind and l.id = e.a""",
    )
    both = f"(select o.one, l.number as other from otc_one_end as o join otc_linked as l on {_SAME.format('l', 'o')})"  # noqa: S608
    yield from ((one, other) for one, other in tuples(tx, f"{both} as pairs", ("one", "other")))
    tx.execute("drop table otc_one_end")


def _chunked(roots: array[int], size: int) -> tuple[pa.Array, int]:
    """Return the chunk of each node and how many chunks there are; nodes of one root go to one chunk.

    A root is the lowest number of its nodes.
    """
    members = array("q", bytes(8 * len(roots)))
    for root in roots:
        members[root] += 1
    chunk_of = array("q", bytes(8 * len(roots)))
    chunk, filled = 0, 0
    for node, root in enumerate(roots):
        if node == root:
            if filled and filled + members[root] > size:
                chunk, filled = chunk + 1, 0
            filled += members[root]
            chunk_of[root] = chunk
        chunk_of[node] = chunk_of[root]
    found = pa.Array.from_buffers(pa.int64(), len(chunk_of), [None, pa.py_buffer(chunk_of)])
    return found, chunk + 1 if roots else 0


def tuples(
    tx: Tx, relation: str, columns: Iterable[str], where: str = "1 = 1", **parameters: Any
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a relation, as values in the order of the columns."""
    listed = ", ".join(f'"{c}"' for c in columns)
    for batch in tx.arrow_batches(f"select {listed} from {relation} where {where}", **parameters):  # noqa: S608
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
