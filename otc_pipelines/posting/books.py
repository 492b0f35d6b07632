"""The documents and receipts of a cluster, as known at any cut.

Belongs here: choosing the versions, instalments and published rate that make an item. Not here: what an item is then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from otc_pipelines.posting.fx import Rates, rate_at
from otc_pipelines.posting.items import NOTHING, RECEIPT, Item, Nothing, document_item, receipt_item
from otc_pipelines.posting.model import Cluster, DocumentVersion, FxRateVersion, ReceiptVersion, Settings
from otc_pipelines.posting.versions import Cut, History, histories, of_documents, of_one_entity

Point = tuple[datetime, datetime]


class Books:
    """Documents and receipts of a cluster."""

    def __init__(self, cluster: Cluster, settings: Settings, rates: Rates) -> None:
        """Group the versions of a cluster."""
        self.settings = settings
        self._rates = rates
        self._source = cluster.source_system
        self.documents, self.foreign = of_one_entity(cluster.documents)
        self.receipts = histories(cluster.receipts)
        self.installments = of_documents(cluster.installments, self.documents) if cluster.installments else {}
        self._built: dict[tuple[object, ...], Item | Nothing] = {}
        self._candidates: dict[int, Sequence[History[FxRateVersion]]] = {}

    def at(self, kind: str, item_id: str, cut: Cut) -> Item | Nothing | None:
        """Return an item as known at a cut, None where it is not known at all. ``kind``: receipt, else a document."""
        return self.receipt(item_id, cut) if kind == RECEIPT else self.document(item_id, cut)

    def document(self, document_id: str, cut: Cut) -> Item | Nothing | None:
        """Return a document as known at a cut."""
        history = self.documents.get(document_id)
        row = None if history is None else history.at(cut)
        if row is None:
            return None
        if row.deleted:
            return NOTHING
        plan = [p for h in self.installments.get(document_id, ()) if (p := h.live(cut)) is not None]
        rate = rate_at(self._published(row), cut) if self._wants_rate(row) else row.fx_rate
        key = (id(row), rate, *map(id, plan))
        item = self._built.get(key)
        if item is None:
            item = self._built[key] = document_item(row, plan, rate, self.settings)
        return item

    def receipt(self, receipt_id: str, cut: Cut) -> Item | Nothing | None:
        """Return a receipt as known at a cut."""
        history = self.receipts.get(receipt_id)
        row = None if history is None else history.at(cut)
        if row is None:
            return None
        if row.deleted:
            return NOTHING
        rate = rate_at(self._published(row), cut) if self._wants_rate(row) else row.fx_rate
        key = (id(row), rate)
        item = self._built.get(key)
        if item is None:
            item = self._built[key] = receipt_item(row, rate, self.settings)
        return item

    def points(self, kind: str, item_id: str) -> Sequence[Point]:
        """When anything that decides what an item is became known: (recorded, loaded)."""
        history: History[DocumentVersion] | History[ReceiptVersion] | None
        history = self.receipts.get(item_id) if kind == RECEIPT else self.documents.get(item_id)
        if history is None:
            return ()
        plan = () if kind == RECEIPT else self.installments.get(item_id, ())
        waiting = [row for row in history.rows if row.fx_rate is None and not row.deleted and self._wants_rate(row)]
        if not plan and not waiting:
            return history.points
        points = list(history.points)
        for installment in plan:
            points += installment.points
        for row in waiting:
            for rate in self._published(row):
                points += rate.points
        return points

    def _wants_rate(self, row: DocumentVersion | ReceiptVersion) -> bool:
        """Tell whether the row has to be booked at a published rate."""
        if row.fx_rate is not None or row.currency == self.settings.entity(row.legal_entity).base_currency:
            return False
        return not (isinstance(row, DocumentVersion) and row.base_amount is not None and row.amount)

    def _published(self, row: DocumentVersion | ReceiptVersion) -> Sequence[History[FxRateVersion]]:
        known = self._candidates.get(id(row))
        if known is None:
            known = self._candidates[id(row)] = self._lookup(row)
        return known

    def _lookup(self, row: DocumentVersion | ReceiptVersion) -> Sequence[History[FxRateVersion]]:
        day: date | None
        history: History[DocumentVersion] | History[ReceiptVersion]
        if isinstance(row, DocumentVersion):
            history, day = self.documents[row.document_id], row.posting_date or row.document_date
        else:
            history, day = self.receipts[row.receipt_id], row.posting_date or row.receipt_date
        if row.currency is None or day is None:
            return ()
        since = (min(p[0] for p in history.points), min(p[1] for p in history.points))
        pair = (row.currency, self.settings.entity(row.legal_entity).base_currency)
        return self._rates.candidates(pair, day, self._source, since)
