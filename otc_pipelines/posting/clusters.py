"""Clusters: the rows that can move each other's balances.

Belongs here: what links two rows. A caller that cannot hold all rows cuts them by the same links, and gives those of
some clusters at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otc_pipelines.posting.components import Components
from otc_pipelines.posting.items import RECEIPT
from otc_pipelines.posting.model import (
    AdjustmentVersion,
    AllocationVersion,
    Cluster,
    DocumentVersion,
    InstallmentVersion,
    ReceiptEventVersion,
    ReceiptVersion,
)

Node = tuple[str, str, str]


class Links:
    """Which documents, receipts, allocations and adjustments belong to one cluster."""

    def __init__(self) -> None:
        self._together = Components()

    def document(self, source_system: str, document_id: str) -> Node:
        """Name a document; its instalments go with it."""
        return (source_system, "document", document_id)

    def receipt(self, source_system: str, receipt_id: str) -> Node:
        """Name a receipt; its events go with it."""
        return (source_system, RECEIPT, receipt_id)

    def allocation(
        self,
        source_system: str,
        allocation_id: str,
        source_type: str | None,
        source_id: str | None,
        document_id: str | None,
        reverses_id: str | None,
    ) -> Node:
        """Link what an allocation, in any of its versions, refers to; return its name."""
        node = (source_system, "allocation", allocation_id)
        self._together.add(node)
        if document_id is not None:
            self._together.join(node, self.document(source_system, document_id))
        if source_id is not None:
            kind = RECEIPT if source_type == RECEIPT else "document"
            self._together.join(node, (source_system, kind, source_id))
        if reverses_id is not None:
            self._together.join(node, (source_system, "allocation", reverses_id))
        return node

    def adjustment(
        self, source_system: str, adjustment_id: str, document_id: str | None, reverses_id: str | None
    ) -> Node:
        """Link what an adjustment, in any of its versions, refers to; return its name."""
        node = (source_system, "adjustment", adjustment_id)
        self._together.add(node)
        if document_id is not None:
            self._together.join(node, self.document(source_system, document_id))
        if reverses_id is not None:
            self._together.join(node, (source_system, "adjustment", reverses_id))
        return node

    def root(self, node: Node) -> Node:
        """Return the name of the cluster that a node belongs to; it may change with each further link."""
        found = self._together.root(node)
        assert isinstance(found, tuple)
        return found


def clusters(
    documents: Iterable[DocumentVersion] = (),
    installments: Iterable[InstallmentVersion] = (),
    receipts: Iterable[ReceiptVersion] = (),
    receipt_events: Iterable[ReceiptEventVersion] = (),
    allocations: Iterable[AllocationVersion] = (),
    adjustments: Iterable[AdjustmentVersion] = (),
) -> Iterator[Cluster]:
    """Group all versions of rows into clusters, in an order that depends on the rows' order alone."""
    links = Links()
    allocations, adjustments = list(allocations), list(adjustments)
    for a in allocations:
        links.allocation(a.source_system, a.allocation_id, a.source_type, a.source_id, a.document_id, a.reverses_id)
    for j in adjustments:
        links.adjustment(j.source_system, j.adjustment_id, j.document_id, j.reverses_id)
    found: dict[Node, Cluster] = {}

    def of(node: Node) -> Cluster:
        root = links.root(node)
        cluster = found.get(root)
        if cluster is None:
            cluster = found[root] = Cluster(node[0])
        return cluster

    for d in documents:
        of(links.document(d.source_system, d.document_id)).documents.append(d)
    for i in installments:
        of(links.document(i.source_system, i.document_id)).installments.append(i)
    for r in receipts:
        of(links.receipt(r.source_system, r.receipt_id)).receipts.append(r)
    for e in receipt_events:
        of(links.receipt(e.source_system, e.receipt_id)).receipt_events.append(e)
    for a in allocations:
        of((a.source_system, "allocation", a.allocation_id)).allocations.append(a)
    for j in adjustments:
        of((j.source_system, "adjustment", j.adjustment_id)).adjustments.append(j)
    yield from found.values()
