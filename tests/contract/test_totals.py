"""Totals: a source that declares them says by itself what reading it gives, and takes for bound what was read."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from connectors.kit.contract import Capability, Connector, Entity, Question
from connectors.kit.errors import ConnectorError
from connectors.kit.totals import group_columns, money_columns
from connectors.kit.validation import key_text
from tests.contract.case import Reading, World, needs, read

TOTALS = Capability.TOTALS


def asked(connector: Connector, world: World, entity: Entity, found: Reading, without: Any = ()) -> Any:
    assert connector.counting is not None
    with connector.counting(world.settings) as counter:
        return counter.totals(Question(entity, found.cursors, frozenset(without)))


def listed(connector: Connector, world: World, entity: Entity, found: Reading) -> set[str]:
    assert connector.counting is not None
    with connector.counting(world.settings) as counter:
        pages = list(counter.listed(Question(entity, found.cursors)))
    return {key for page in pages for key in key_text(page.keys, entity).to_pylist()}


def of_rows(entity: Entity, rows: Any) -> dict[Any, tuple[int, dict[str, Decimal]]]:
    """Count and add rows that were read, plainly."""
    counts: dict[Any, int] = defaultdict(int)
    sums: dict[Any, dict[str, Decimal]] = {}
    names = [f.name for f in money_columns(entity)]
    for row in rows:
        group = tuple(None if f is None else row[f.name] for f in group_columns(entity))
        counts[group] += 1
        added = sums.setdefault(group, dict.fromkeys(names, Decimal(0)))
        for name in names:
            added[name] += row[name] or Decimal(0)
    return {group: (count, sums[group]) for group, count in counts.items()}


def agree(connector: Connector, world: World, found: Reading) -> int:
    """Hold every entity's answer against the rows that were read; return how many answered."""
    answered = 0
    for entity in connector.entities:
        said = asked(connector, world, entity, found)
        if said is None:
            continue
        answered += 1
        expected = of_rows(entity, found.rows.get(entity.name, {}).values())
        assert {(g.legal_entity, g.currency): g.rows for g in said.groups} == {g: n for g, (n, _) in expected.items()}
        for group in said.groups:
            sums = expected[group.legal_entity, group.currency][1]
            assert {n: sums[n] for n in group.sums} == dict(group.sums), (entity.name, group)
    return answered


def test_it_can_be_asked_if_and_only_if_it_says_so(connector: Connector) -> None:
    assert (connector.counting is not None) == (TOTALS in connector.capabilities)


def test_its_totals_are_those_of_the_rows_that_it_gives(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    assert agree(connector, world, read(connector, world))


def test_a_new_row_is_beyond_the_bound_or_counted(connector: Connector, world: World) -> None:
    """A source without a bound counts what is there now; one with a bound waits until that was read."""
    needs(connector, TOTALS)
    first = read(connector, world)
    ((name, _), *_more) = world.add()
    entity = connector.entity(name)
    before, now = (sum(g.rows for g in asked(connector, world, entity, first).groups) for _ in range(2))
    assert before == now
    assert before - len(first.rows[name]) in (0, 1)
    second = read(connector, world)
    assert agree(connector, world, second)


def test_a_deleted_row_does_not_count(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    first = read(connector, world)
    if not connector.capabilities & {Capability.DELETES_FEED, Capability.DELETES_SWEEP}:
        pytest.skip(f"{connector.name} deletes nothing")
    name, key = world.delete()
    said = asked(connector, world, connector.entity(name), first)
    assert sum(g.rows for g in said.groups) == len(first.rows[name]) - 1
    assert key not in listed(connector, world, connector.entity(name), first)


def test_rows_that_are_left_out_do_not_count(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    found = read(connector, world)
    asking = [(name, asked(connector, world, connector.entity(name), found)) for name in found.rows]
    name, every = max((one for one in asking if one[1] is not None), key=lambda one: len(found.rows[one[0]]))
    entity, first = connector.entity(name), min(found.rows[name])
    less = asked(connector, world, entity, found, [first])
    assert sum(g.rows for g in every.groups) - sum(g.rows for g in less.groups) == 1


def test_it_lists_the_keys_that_it_counts(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    found = read(connector, world)
    for name, rows in found.rows.items():
        entity = connector.entity(name)
        if asked(connector, world, entity, found) is not None:
            assert listed(connector, world, entity, found) == set(rows), name


def test_a_source_that_cannot_be_asked_is_one_line(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    assert connector.counting is not None
    for name, settings, _kind in world.unusable():
        with pytest.raises(ConnectorError) as caught, connector.counting(settings) as counter:
            for entity in connector.entities:
                counter.totals(Question(entity, {}))
        assert "\n" not in str(caught.value), name


def test_an_answer_that_is_not_whole_is_an_error_and_no_total(connector: Connector, world: World) -> None:
    needs(connector, TOTALS)
    found = read(connector, world)
    for name in world.spoil():
        for entity in connector.entities:
            if entity.name not in found.rows:
                continue
            try:
                said = asked(connector, world, entity, found)
            except ConnectorError as error:
                assert "\n" not in str(error), name
                continue
            expected = of_rows(entity, found.rows[entity.name].values())
            if said is not None:
                assert {(g.legal_entity, g.currency): g.rows for g in said.groups} == {
                    g: n for g, (n, _) in expected.items()
                }, name
