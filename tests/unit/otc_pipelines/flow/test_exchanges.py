"""Linking what was posted before movements said which allocation they are a side of, over generated histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import given

from otc_pipelines.flow.exchanges import Links
from otc_pipelines.posting import Movement
from tests.invariants.world import THOROUGH, posted
from tests.reference.generate import histories

AMOUNTS = ("movement_id", "amount", "base_amount", "posted_in_load")
LINK = ("allocation_id", "exchange_id")
SAID = [name for name in Movement._fields if name not in (*AMOUNTS, *LINK)]


def summed(movements: Iterable[Movement], *names: str) -> dict[Any, list[Decimal]]:
    totals: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for m in movements:
        line = totals[(*(getattr(m, n) for n in names), m.base_amount is not None)]
        line[0] += m.amount
        line[1] += m.base_amount or 0
    return {k: v for k, v in totals.items() if any(v)}


def unlinked(movements: Iterable[Movement]) -> list[Movement]:
    """The same ledger as it was posted before: what said the same was one movement."""
    found = []
    for nth, (key, (amount, base)) in enumerate(summed(movements, *SAID).items()):
        said = dict(zip(SAID, key[:-1], strict=True))
        known = base if key[-1] else None
        ids = {"movement_id": f"old {nth}", "amount": amount, "base_amount": known, "posted_in_load": "old"}
        found.append(Movement(**said, **ids))
    return found


def linked(standing: list[Movement], now: Iterable[Movement]) -> tuple[list[Movement], Links]:
    links = Links(standing)
    links.add(list(now))
    told = {movement_id: link for movement_id, *link in links.told}
    after = [m._replace(**dict(zip(LINK, told.get(m.movement_id, (None, None)), strict=True))) for m in standing]
    return after + links.appended, links


@THOROUGH
@given(histories())
def test_linked_afterwards_it_is_what_would_be_posted_now(history):
    now = posted(history).movements
    standing = unlinked(now)
    after, links = linked(standing, now)
    assert links.left_alone == 0
    assert summed(after, *SAID, *LINK) == summed(now, *SAID, *LINK)
    assert len({m.movement_id for m in after}) == len(after)
    assert summed(after, *SAID) == summed(standing, *SAID)


@THOROUGH
@given(histories())
def test_what_does_not_come_to_what_stands_is_left_alone(history):
    now = posted(history).movements
    standing = unlinked(now)
    if standing:
        wrong = [standing[0]._replace(amount=standing[0].amount + 1), *standing[1:]]
        after, links = linked(wrong, now)
        assert (links.left_alone, links.told, after) == (1, [], wrong)
