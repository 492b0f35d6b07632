"""Settlements whose exchange difference Tryton keeps as a draft say so, until it is posted."""

from __future__ import annotations

from typing import Any

from connectors.erp.tryton.books import open_books
from connectors.erp.tryton.changes import Changes
from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.readers.reading import Run
from connectors.erp.tryton.readers.receivables import reconciliations
from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Batch
from connectors.simulation.faults import Fault
from tests.unit.connectors.erp.tryton.conftest import EUROS


def settlements(erp) -> list[tuple[Any, ...]]:
    with TrytonClient(TrytonSettings(**erp.settings)) as client:
        client.sign_in()
        books = open_books(client)
        found = list(reconciliations(Run(client, books, Changes(client, {}, books.context))))
    read = [r for b in found if isinstance(b, Batch) and b.entity.name == "settlements" for r in b.rows.to_pylist()]
    return [(r["amount"], r["base_amount"], r["exchange_open"], r["exchange_date"] is not None) for r in read]


def test_a_difference_is_open_until_its_draft_is_posted(erp):
    erp.euros("1.25")
    erp.sim.faults.add(Fault("row_error", path=r"account\.move\.post$", rows=1, code="Closed"))
    paid = {"currency": "EUR", "bank_account": EUROS}
    erp.put(erp.receipt("L1", "70.00", {"E": "70.00"}, **paid))
    assert len(erp.drafts()) == 1
    assert settlements(erp) == [("70.00", "87.50", "true", False)]
    erp.put(erp.receipt("L1", "70.00", {"E": "70.00"}, **paid))
    assert settlements(erp) == [("70.00", "87.50", "false", True)]


def test_in_the_company_s_currency_nothing_is_open(erp):
    erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))
    assert settlements(erp) == [("100.00", "100.00", "false", False)]
