"""The posting engine against the company's own books: every open item, in both currencies, on many days, both clocks.

The two share no code: the engine works from the rows that the ERP shows, the truth was kept while the company lived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.simulation.world import truth
from connectors.simulation.world.company import LEGAL_ENTITIES
from connectors.simulation.world.world import World
from otc_pipelines.posting import (
    AdjustmentVersion,
    AllocationVersion,
    DocumentVersion,
    FxRateVersion,
    InstallmentVersion,
    LegalEntity,
    Movement,
    Rates,
    ReceiptEventVersion,
    ReceiptVersion,
    Settings,
    clusters,
    post,
)
from tests.seeds import WORLD_SEED

TODAY = datetime.now(UTC).date()
FIRST, SECOND = (datetime(2030, 1, day, tzinfo=UTC) for day in (1, 2))
SETTINGS = Settings("USD", {e.code: LegalEntity(e.base_currency, e.ar_account) for e in LEGAL_ENTITIES})
KINDS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "documents": (DocumentVersion, ("document_id",)),
    "installments": (InstallmentVersion, ("document_id", "installment_no")),
    "receipts": (ReceiptVersion, ("receipt_id",)),
    "receipt_events": (ReceiptEventVersion, ("receipt_id", "event_type", "event_date")),
    "allocations": (AllocationVersion, ("allocation_id",)),
    "adjustments": (AdjustmentVersion, ("adjustment_id",)),
    "fx_rates": (FxRateVersion, ("from_currency", "to_currency", "date", "rate_type")),
}


@pytest.fixture(scope="module", params=[0, 1, 2])
def world(request: pytest.FixtureRequest) -> World:
    return World.make(WORLD_SEED + request.param, TODAY - timedelta(days=1), 120, 900, 8)


def versions(name: str, rows: Iterable[Any], loaded_at: datetime) -> list[Any]:
    """The world's rows as the warehouse holds them."""
    kind, key = KINDS[name]
    found = []
    for line, row in enumerate(rows):
        stated = {f: getattr(row, f, None) for f in kind._fields}
        stated |= {
            "source_system": "erp",
            "row_key": "|".join(str(getattr(row, k)) for k in key),
            "recorded_by_source": True,
            "loaded_at": loaded_at,
            "deleted": getattr(row, "deleted", False),
            "source_file": f"{name}.csv",
            "source_line": line,
        }
        found.append(kind(**stated))
    return found


def posted(world: World, since: World | None = None) -> list[Movement]:
    """All movements; with ``since``, those of a second load on top of what an earlier view of the world had loaded."""
    rows: dict[str, list[Any]] = {}
    for name in KINDS:
        everything = getattr(world, name)
        before = getattr(since, name) if since else everything
        rows[name] = versions(name, before, FIRST)
        if since:
            rows[name] += versions(name, world.since(everything, since), SECOND)
    rates = Rates(rows.pop("fx_rates"))
    movements: list[Movement] = []
    for cluster in clusters(**rows):
        posting = post(cluster, SETTINGS, rates, since=FIRST if since else None)
        assert posting.findings == [], posting.findings[:3]
        movements += posting.movements
    return movements


def held_against(movements: list[Movement], world: World, day: date, known: datetime) -> list[str]:
    """What the two do not agree on."""
    sums: defaultdict[tuple[str, str, int], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    dues: defaultdict[tuple[str, str, int, date | None], Decimal] = defaultdict(Decimal)
    for m in movements:
        if m.effective_date <= day and m.recorded_at <= known:
            key = (m.item_type, m.item_id, m.installment_no or 0)
            sums[key][0] += m.amount
            assert m.base_amount is not None
            sums[key][1] += m.base_amount
            dues[(*key, m.due_date)] += m.amount
    found = {key: (amount, base) for key, (amount, base) in sums.items() if amount}
    wanted = {
        (i.item_type, i.item_id, i.installment_no): (i.amount, i.base_amount)
        for i in truth.open_items(world, day, known)
    }
    lines = [
        f"{k}: {found.get(k)} instead of {wanted.get(k)}"
        for k in found.keys() | wanted.keys()
        if found.get(k) != wanted.get(k)
    ]
    if known == world.now:
        due = {(*k[:3], k[3]) for k, amount in dues.items() if amount and k[0] == "installment"}
        due_wanted = {
            (i.item_type, i.item_id, i.installment_no, i.due_date)
            for i in truth.open_items(world, day, known)
            if i.item_type == "installment"
        }
        lines += [f"{k}: due date" for k in due ^ due_wanted]
    return sorted(lines)


@pytest.mark.parametrize("back", [0, 1, 17, 45, 90, 150])
def test_every_open_item_is_equal_as_known_now(world: World, back: int) -> None:
    day = world.as_of - timedelta(days=back)
    assert held_against(movements_of(world), world, day, world.now) == []


@pytest.mark.parametrize(("back", "ago"), [(0, 30), (60, 40), (10, 10), (90, 0)])
def test_every_open_item_is_equal_as_known_then(world: World, back: int, ago: int) -> None:
    day, known = world.as_of - timedelta(days=back), world.now - timedelta(days=ago)
    assert held_against(movements_of(world), world, day, known) == []


def test_a_second_load_adds_up_to_the_later_truth(world: World) -> None:
    later = world.advance(6)
    movements = movements_of(world) + posted(later, since=world)
    assert held_against(movements, later, later.as_of, later.now) == []
    assert held_against(movements, world, world.as_of, world.now) == []


_POSTED: dict[int, list[Movement]] = {}


def movements_of(world: World) -> list[Movement]:
    if world.seed not in _POSTED:
        _POSTED[world.seed] = posted(world)
    return _POSTED[world.seed]


def test_one_movement_less_is_seen(world: World) -> None:
    movements = movements_of(world)
    dropped = next(m for m in movements if m.movement_type == "receipt")
    assert held_against([m for m in movements if m is not dropped], world, world.as_of, world.now) != []


def test_no_two_movements_have_the_same_name(world: World) -> None:
    names = [m.movement_id for m in movements_of(world)]
    assert len(names) == len(set(names))
