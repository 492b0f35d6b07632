"""Cutting what is touched into chunks: no cluster in two, no row left out or read twice, and the ledger is the same."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otc_pipelines.flow import posting_rows
from otc_pipelines.posting import FxRateVersion, Movement, Rates, Settings, linked, post
from otc_pipelines.warehouse.embedded import EmbeddedTx
from tests.invariants.world import EXAMPLES, THOROUGH
from tests.reference.generate import LOADS, History, Maker, histories
from tests.reference.rows import allocation, cluster, document, receipt

KINDS = {**{entity: kind for entity, (kind, _) in posting_rows.VERSIONS.items()}, "fx_rates": FxRateVersion}
TYPES = {
    str: pa.string(), int: pa.int64(), bool: pa.bool_(), date: pa.date32(),
    datetime: pa.timestamp("us", tz="UTC"), Decimal: pa.decimal128(38, 10),
}  # fmt: skip


def schema(kind: type[Any]) -> pa.Schema:
    hints = get_type_hints(kind)
    return pa.schema(
        [(name, next(t for of, t in TYPES.items() if of in (hints[name], *getattr(hints[name], "__args__", ())))) for
         name in kind._fields]
    )  # fmt: skip


class Books:
    """The conformed rows as tables, that load by load are added to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.tx = EmbeddedTx(connection)
        connection.execute("set TimeZone = 'UTC'; create schema conformed")
        for entity, kind in KINDS.items():
            connection.register("empty", schema(kind).empty_table())
            connection.execute(f"create table conformed.int_{entity}__unioned as from empty")

    def add(self, rows: list[Any]) -> None:
        for entity, kind in KINDS.items():
            mine = [row._asdict() for row in rows if isinstance(row, kind)]
            table = pa.Table.from_pylist(mine, schema(kind)) if mine else schema(kind).empty_table()
            self.tx.insert_arrow(f"conformed.int_{entity}__unioned", table)

    def chunks(self, since: datetime | None = None, until: datetime | None = None) -> list[list[Any]]:
        posting_rows.touch(self.tx, since)
        count = posting_rows.cut(self.tx, until)
        return [posting_rows.clusters_of(self.tx, chunk) for chunk in range(count)]

    def posted(self, base: str, since: datetime | None = None) -> list[Movement]:
        rates = posting_rows.rates(self.tx)
        return [
            movement
            for chunk in self.chunks(since)
            for one in chunk
            for movement in post(one, Settings(base), rates, since).movements
        ]


@contextmanager
def books(size: int) -> Iterator[Books]:
    with pytest.MonkeyPatch.context() as patched, duckdb.connect() as connection:
        patched.setattr(posting_rows, "CHUNK", size)
        yield Books(connection)


def content(movements: list[Movement]) -> list[Movement]:
    return sorted(movements, key=lambda m: m.movement_id)


def of_one_company(found: list[History]) -> list[Any]:
    """Histories side by side: the same ids, each in a source of its own."""
    return [row._replace(source_system=f"erp {n}") for n, history in enumerate(found) for row in history.rows]


def posted_at_once(rows: list[Any], base: str) -> list[Movement]:
    rates = Rates(r for r in rows if isinstance(r, FxRateVersion))
    systems = sorted({r.source_system for r in rows})
    found: list[Movement] = []
    for system in systems:
        one = cluster(*(r for r in rows if r.source_system == system and not isinstance(r, FxRateVersion)))
        one.source_system = system
        found += post(one, Settings(base), rates).movements
    return found


def test_however_it_is_cut_and_in_however_many_loads_the_ledger_is_the_same():
    for seed in range(0, EXAMPLES // 10, 3):
        found = [Maker(seed + n, False).history() for n in range(3)]
        rows, base = of_one_company(found), found[0].base
        wanted = content(posted_at_once(rows, base))
        for size in (1, 3, 20_000):
            with books(size) as held:
                held.add(rows)
                assert content(held.posted(base)) == wanted, f"seed {seed}, at once, by {size}"
            with books(size) as held:
                movements, before = [], None
                for load in LOADS:
                    held.add([r for r in rows if r.loaded_at == load])
                    movements += held.posted(base, before)
                    before = load
                assert content(movements) == wanted, f"seed {seed}, load by load, by {size}"


def every_row_once(chunks: list[list[Any]], rows: list[Any]) -> None:
    """Each row is in one cluster of one chunk, and no two clusters of a source have a node in common."""
    read = [
        row for chunk in chunks for one in chunk for entity in posting_rows.VERSIONS for row in getattr(one, entity)
    ]
    assert Counter(map(key_of, read)) == Counter(key_of(r) for r in rows if not isinstance(r, FxRateVersion))
    owner: dict[tuple[str, str, str], tuple[int, int]] = {}
    for c, chunk in enumerate(chunks):
        for n, one in enumerate(chunk):
            for node in nodes_of(one):
                assert owner.setdefault((one.source_system, *node), (c, n)) == (c, n), node


def key_of(row: Any) -> tuple[Any, ...]:
    return type(row).__name__, row.source_system, row.row_key, row.recorded_at, row.loaded_at, row.source_line


def nodes_of(one: Any) -> Iterator[tuple[str, str]]:
    yield from (("document", row.document_id) for row in [*one.documents, *one.installments])
    yield from (("receipt", row.receipt_id) for row in [*one.receipts, *one.receipt_events])
    for row in one.allocations:
        yield "allocation", row.allocation_id
        if row.document_id is not None:
            yield "document", row.document_id
        if row.source_id is not None:
            yield ("receipt" if row.source_type == "receipt" else "document"), row.source_id
        if row.reverses_id is not None:
            yield "allocation", row.reverses_id
    for row in one.adjustments:
        yield "adjustment", row.adjustment_id
        yield from (("document", d) for d in [row.document_id] if d is not None)
        yield from (("adjustment", j) for j in [row.reverses_id] if j is not None)


@settings(THOROUGH, max_examples=EXAMPLES // 5)
@given(st.lists(histories(), min_size=1, max_size=3), st.sampled_from([1, 2, 7, 20_000]))
def test_each_row_is_read_once_and_no_cluster_is_cut(found, size):
    rows = of_one_company(found)
    with books(size) as held:
        held.add(rows)
        every_row_once(held.chunks(), rows)


def test_a_cut_that_overlooks_a_link_is_seen(monkeypatch):
    monkeypatch.setattr(posting_rows, "linked", lambda count, pairs: (list(pairs), array("q", range(count)))[1])
    rows = of_one_company([Maker(n, False).history() for n in range(3)])
    with books(1) as held:
        held.add(rows)
        with pytest.raises(AssertionError):
            every_row_once(held.chunks(), rows)


def test_what_came_later_is_left_out():
    rows = of_one_company([Maker(n, False).history() for n in range(3)])
    with books(3) as held:
        held.add(rows)
        every_row_once(held.chunks(until=LOADS[0]), [r for r in rows if r.loaded_at <= LOADS[0]])
        assert held.chunks(until=LOADS[0] - timedelta(days=1)) == [[] for _ in held.chunks()]


def components(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The slow way: each node's lowest neighbour, again and again until nothing changes."""
    lowest = list(range(count))
    while True:
        before = list(lowest)
        for one, other in pairs:
            lowest[one] = lowest[other] = min(lowest[one], lowest[other])
        if lowest == before:
            return lowest


@THOROUGH
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_linked_names_the_lowest_of_each_component(graph):
    assert list(linked(*graph)) == components(*graph)


@THOROUGH
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), st.integers(1, 6))
def test_a_chunk_is_as_large_as_it_was_said_unless_one_cluster_is_larger(pairs, size):
    roots = linked(10, pairs)
    chunk_of, count = posting_rows._chunked(roots, size)
    members = defaultdict(list)
    for node, chunk in enumerate(chunk_of.to_pylist()):
        members[chunk].append(node)
    assert sorted(members) == list(range(count))
    for nodes in members.values():
        assert len(nodes) <= size or len({roots[n] for n in nodes}) == 1
    assert len({(c, roots[n]) for c, nodes in members.items() for n in nodes}) == len(set(roots))


def paid(count: int) -> list[Any]:
    """Invoices paid by a receipt each, and as many that nothing is linked to."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[Any] = []
    for n in range(count):
        rows += [
            document(f"D{n:05}", "10", "2026-01-01", recorded=at, loaded=at),
            document(f"E{n:05}", "10", "2026-01-01", recorded=at, loaded=at),
            receipt(f"R{n:05}", "10", "2026-01-01", recorded=at, loaded=at),
            allocation(f"A{n:05}", f"R{n:05}", f"D{n:05}", "10", at, loaded=at),
        ]
    return rows


@pytest.mark.parametrize("count", [30, 300])
def test_what_is_held_at_a_time_does_not_grow_with_the_book(count):
    with books(12) as held:
        held.add(paid(count))
        sizes = [sum(len(getattr(one, e)) for one in chunk for e in posting_rows.VERSIONS) for chunk in held.chunks()]
        assert sum(sizes) == 4 * count
        assert max(sizes) == 12
        assert len(sizes) == -(-3 * count // 12) + -(-count // 12)
