"""7. Draft, void, deleted and pro-forma documents count 0 everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otc_pipelines.posting import books
from tests.invariants.world import THOROUGH, caught, in_force, posted, seen, summed
from tests.reference.generate import LOADS, histories, moments
from tests.reference.ledger import EVER


def check(history, known=EVER, loaded=EVER):
    documents = in_force(history, known, loaded).documents
    idle = {
        k: d for k, d in documents.items()
        if d.deleted or d.document_type == "pro_forma" or d.status in ("draft", "void")
    }  # fmt: skip
    movements = [m for m in seen(posted(history).movements, known=known, loaded=loaded) if m.item_id in idle]
    assert summed(movements, "item_id", "installment_no") == {}
    dated = {k for k, d in idle.items() if d.status == "void" and d.voided_on and not d.deleted}
    on_no_day = [m for m in movements if m.item_id not in dated]
    assert summed(on_no_day, "item_id", "installment_no", "effective_date") == {}


@THOROUGH
@given(histories(), moments(), st.sampled_from([*LOADS, EVER]))
def test_what_does_not_count_is_nothing_on_any_day(history, known, loaded):
    check(history, known, loaded)


@pytest.mark.parametrize(
    "wrongly",
    [
        lambda row: row._replace(status="posted") if row.status == "draft" else row,
        lambda row: row._replace(status="posted") if row.status == "void" else row,
        lambda row: row._replace(document_type="invoice") if row.document_type == "pro_forma" else row,
    ],
    ids=["draft", "void", "pro forma"],
)
def test_one_that_counts_is_told(monkeypatch: pytest.MonkeyPatch, wrongly):
    made = books.document_item
    monkeypatch.setattr(books, "document_item", lambda row, *rest: made(wrongly(row), *rest))
    assert caught(check, seeds=600)
